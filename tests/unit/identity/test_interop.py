"""Another JOSE library's tokens are good here, and ours are there, for each algorithm and each form of a key."""

import json

import pytest
from joserfc import jwt as theirs
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from gateway.auth.caller import Caller
from gateway.auth.jwt.internal_token import InternalTokens
from gateway.auth.jwt.keys import StaticKeys, parse_keys, secret_key
from gateway.auth.jwt.signing import Signer
from gateway.auth.jwt.verify import Verifier
from gateway.auth.model import InternalToken
from gateway.errors import GatewayError
from tests.support.jose import ALGORITHMS, NOW, SECRET, claims, key_name, private_pem, public_pem, signing, spec
from tests.support.jose import make as by_hand

#: RFC 9864 wants other names for them; tokens in the wild have this one
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

CURVED = {"EdDSA": "EdDSA", "Ed448": "EdDSA"}
NAMES = [*ALGORITHMS, "Ed448"]
ASYMMETRIC = [name for name in NAMES if not name.startswith("HS")]


def their_key(name):
    if name.startswith("HS"):
        return OctKey.import_key(SECRET)
    kind = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}[name[:2]]
    return kind.import_key(private_pem(key_name(name)))


def verifier(name, keys):
    return Verifier(spec(algorithms=(CURVED.get(name, name),)), StaticKeys(keys), clock=lambda: NOW)


def their_token(name, key, **header):
    algorithm = CURVED.get(name, name)
    return theirs.encode({"alg": algorithm, **header}, claims(name=name), key, algorithms=[algorithm])


def forms(name, key):
    """A key as the other library writes it: as PEM, as a JWK, in a JWK set."""
    if not name.startswith("HS"):
        yield parse_keys(key.as_pem(private=False))
        yield parse_keys(json.dumps(key.as_dict(private=False)))
        yield parse_keys(json.dumps(KeySet([key]).as_dict(private=False)))
    yield parse_keys(json.dumps(key.as_dict(private=True)))


@pytest.mark.parametrize("name", NAMES)
def test_their_tokens_are_good_here(name):
    key = their_key(name)
    for keys in forms(name, key):
        assert verifier(name, keys).verify(their_token(name, key)) == claims(name=name)
        assert (
            verifier(name, keys).verify(their_token(name, key, kid=keys[0].kid or "any", typ="at+jwt"))["sub"] == "ann"
        )
        with pytest.raises(GatewayError):
            verifier(name, keys).verify(their_token(name, key)[:-8] + "AAAAAAAA")


@pytest.mark.parametrize("name", NAMES)
def test_tokens_made_by_hand_are_good_at_both(name):
    algorithm, key = CURVED.get(name, name), their_key(name)
    sign = key.private_key.sign if name in CURVED else signing(name)
    made = by_hand({"alg": algorithm}, claims(), sign)
    assert theirs.decode(made, key, algorithms=[algorithm]).claims == claims()
    ours = [secret_key(SECRET)] if name.startswith("HS") else parse_keys(public_pem(key_name(name)))
    assert verifier(name, ours).verify(made) == claims()


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_tokens_for_the_upstream_are_good_there(name, tmp_path):
    file, algorithm = tmp_path / "key.pem", CURVED.get(name, name)
    file.write_text(private_pem(key_name(name)))
    wanted = InternalToken("X-Internal", "https://gateway.test", "orders", algorithm, str(file), 60.0)
    signer = Signer(wanted)
    caller = Caller("staff", "ann", {"tenant": "acme"}, scopes=frozenset(("b", "a")), roles=frozenset(("viewer",)))
    header, made = InternalTokens(wanted, signer, ("tenant",), clock=lambda: NOW).field(caller)
    assert header == "X-Internal"
    expected = {
        "iss": "https://gateway.test",
        "aud": "orders",
        "sub": "ann",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "provider": "staff",
        "scope": "a b",
        "roles": ["viewer"],
        "tenant": "acme",
    }
    there = theirs.decode(made, their_key(name), algorithms=[algorithm])
    assert there.claims == expected
    assert (there.header["typ"], there.header["alg"]) == ("JWT", algorithm)
    here = spec(issuers=("https://gateway.test",), audiences=("orders",), algorithms=(algorithm,))
    assert Verifier(here, StaticKeys(parse_keys(signer.jwks)), clock=lambda: NOW).verify(made) == expected
    theirs.decode(made, KeySet.import_key_set(json.loads(signer.jwks)), algorithms=[algorithm])
