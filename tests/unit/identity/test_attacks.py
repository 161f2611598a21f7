"""What is sent to be taken for a good token, each refused with the same answer; and good ones beside them."""

import json
import logging

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.jwt.jwk import Key, secret_key
from gateway.auth.jwt.keys import StaticKeys, parse_keys
from gateway.auth.jwt.signing import public_jwk
from gateway.auth.jwt.verify import Verifier
from gateway.errors import INVALID_TOKEN, GatewayError
from gateway.http.problem import problem_response
from tests.exchanges import exchange
from tests.support.jose import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    b64,
    claims,
    make,
    private_key,
    public_pem,
    segment,
    signing,
    spec,
    token,
)

RS256, ES256, HS256 = (signing(name) for name in ("RS256", "ES256", "HS256"))
HEAD, GOOD = {"alg": "RS256", "typ": "JWT"}, claims()
OWN_JWK = public_jwk(private_key("RSA-other"))
ALGORITHMS = ("RS256", "ES256", "EdDSA")
TRUSTED = StaticKeys(key for name in ("RSA", "ES256", "EdDSA") for key in parse_keys(public_pem(name)))


def verifier(*algorithms, keys=TRUSTED, **changed):
    return Verifier(spec(algorithms=algorithms or ALGORITHMS, **changed), keys, clock=lambda: NOW)


def public(name):
    """The ways to write a public key as a secret."""
    pem = public_pem(name)
    return [pem.encode(), pem.strip().encode(), json.dumps(public_jwk(private_key(name))).encode()]


def headed(**header):
    return make({**HEAD, **header}, GOOD, RS256)


def said(**changed):
    return token("RS256", **changed)


def text(payload):
    return make(HEAD, payload, RS256)


def tampered(at, change):
    parts = token().split(".")
    parts[at] = change(parts[at])
    return ".".join(parts)


def unused_bits():
    """The same signature, its last character with a bit set that stands for nothing."""
    good = token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return good[:-1] + alphabet[alphabet.index(good[-1]) | 1]


H, P, S = token().split(".")
ES_DER = private_key("ES256").sign(f"{segment({'alg': 'ES256'})}.{P}".encode(), ec.ECDSA(hashes.SHA256()))

FORGED = {
    # no signature, or none that counts
    "none": make({"alg": "none"}, GOOD, lambda data: b""),
    "None": make({"alg": "None"}, GOOD, lambda data: b""),
    "nOnE with a signature": make({"alg": "nOnE"}, GOOD, RS256),
    "none with the bytes of a real signature": f"{segment({'alg': 'none'})}.{P}.{S}",
    "no alg": make({"typ": "JWT"}, GOOD, RS256),
    "alg null": make({"alg": None}, GOOD, RS256),
    "alg empty": make({"alg": ""}, GOOD, RS256),
    "alg a list": make({"alg": ["RS256"]}, GOOD, RS256),
    "alg in lower case": make({"alg": "rs256"}, GOOD, RS256),
    "alg with a blank": make({"alg": "RS256 "}, GOOD, RS256),
    "alg unknown": make({"alg": "RS999"}, GOOD, RS256),
    "signature empty": f"{H}.{P}.",
    "signature zero": f"{H}.{P}.{b64(bytes(256))}",
    "signature cut": f"{H}.{P}.{S[:-8]}",
    "signature doubled": f"{H}.{P}.{S}{S}",
    "signature of another token": f"{H}.{P}.{said(sub='bob').split('.')[2]}",
    # one algorithm taken for another
    **{f"HS256 with the public key {n}": make({"alg": "HS256"}, GOOD, signing("HS256", each))
       for n, each in enumerate(public("RSA") + public("ES256") + public("EdDSA"))},
    "HS256 with nothing": make({"alg": "HS256"}, GOOD, signing("HS256", b"\0")),
    "HS384 with the public key": make({"alg": "HS384"}, GOOD, signing("HS384", public("RSA")[0])),
    "RS384 where RS256 is allowed": token("RS384"),
    "PS256 where RS256 is allowed": token("PS256"),
    "ES384 where ES256 is allowed": token("ES384"),
    "PSS said to be RS256": make(HEAD, GOOD, signing("PS256")),
    "RS512 said to be RS256": make(HEAD, GOOD, signing("RS512")),
    "ES256 said to be RS256": make(HEAD, GOOD, ES256),
    "RS256 said to be ES256": make({"alg": "ES256"}, GOOD, RS256),
    "RS256 said to be EdDSA": make({"alg": "EdDSA"}, GOOD, RS256),
    "ES256 in DER": f"{segment({'alg': 'ES256'})}.{segment(GOOD)}.{b64(ES_DER)}",
    "ES256 of zeros": f"{segment({'alg': 'ES256'})}.{P}.{b64(bytes(64))}",
    "ES256 of r = s = 1": f"{segment({'alg': 'ES256'})}.{P}.{b64((bytes(31) + bytes([1])) * 2)}",
    "EdDSA of zeros": f"{segment({'alg': 'EdDSA'})}.{P}.{b64(bytes(64))}",
    # the wrong key, or one that the token brings along
    "another RSA key": make(HEAD, GOOD, signing("RS256", private_key("RSA-other"))),
    "another EC key": make({"alg": "ES256"}, GOOD, signing("ES256", private_key("ES256-other"))),
    "another Ed25519 key": make({"alg": "EdDSA"}, GOOD, private_key("EdDSA-other").sign),
    "an Ed448 key": make({"alg": "EdDSA"}, GOOD, private_key("Ed448").sign),
    "jwk": make({**HEAD, "jwk": OWN_JWK}, GOOD, signing("RS256", private_key("RSA-other"))),
    "jwk, well signed": headed(jwk=public_jwk(private_key("RSA"))),
    "jwk null": headed(jwk=None),
    "jku": headed(jku="https://evil.test/jwks.json"),
    "x5u": headed(x5u="https://evil.test/cert.pem"),
    "x5c": headed(x5c=["MIIB"]),
    "kid a number": headed(kid=1),
    "kid a list": headed(kid=["a"]),
    "kid long": headed(kid="../" * 100),
    # forms that two readers may read differently
    "crit": headed(crit=["exp"], exp=NOW),
    "crit b64": headed(crit=["b64"], b64=True),
    "crit empty": headed(crit=[]),
    "b64 false": headed(b64=False),
    "b64 false, not encoded": f"{segment({**HEAD, 'b64': False})}.{json.dumps(GOOD)}.{S}",
    "b64 0": headed(b64=0),
    "zip": headed(zip="DEF"),
    "enc": headed(enc="A256GCM"),
    "nested": headed(cty="JWT"),
    "nested, media type": headed(cty="Application/JWT"),
    "nested for real": make({**HEAD, "cty": "JWT"}, token(), RS256),
    "a token as the payload": make(HEAD, token(), RS256),
    "typ of a logout token": headed(typ="logout+jwt"),
    "typ of a proof": headed(typ="dpop+jwt"),
    "typ a number": headed(typ=1),
    "typ empty": headed(typ=""),
    "encrypted": ".".join((segment({"alg": "RSA-OAEP", "enc": "A256GCM"}), "a", "b", "c", "d")),
    "JSON serialization": json.dumps({"payload": P, "protected": H, "signature": S}),
    "header with a name twice": make(b'{"alg":"RS256","alg":"none"}', GOOD, RS256),
    "header with a name twice, escaped": make(rb'{"\u0061lg":"none","alg":"RS256"}', GOOD, RS256),
    "header a list": make(b'["RS256"]', GOOD, RS256),
    "header not JSON": make(b"alg=RS256", GOOD, RS256),
    "header not UTF-8": make(b'{"alg":"RS256","x":"\xff"}', GOOD, RS256),
    "header with a byte order mark": make(b'\xef\xbb\xbf{"alg":"RS256"}', GOOD, RS256),
    "header in UTF-16": make('{"alg":"RS256"}'.encode("utf-16"), GOOD, RS256),
    "header with comments": make(b'{"alg":"RS256"} // no', GOOD, RS256),
    "payload with a name twice": text(json.dumps(GOOD)[:-1] + ', "sub": "admin"}'),
    "payload with a name twice, inside": text(json.dumps({**GOOD, "a": {}})[:-3] + '{"b":1,"b":2}}'),
    "payload a list": text([GOOD]),
    "payload a string": text('"ann"'),
    "payload null": text(b"null"),
    "payload empty": make(HEAD, b"", RS256),
    "payload not UTF-8": text(json.dumps(GOOD).encode()[:-1] + b',"a":"\xff"}'),
    "payload with half a character": text(json.dumps(GOOD)[:-1] + r', "a": "\ud800"}'),
    "payload with half a character as a name": text(json.dumps(GOOD)[:-1] + r', "\udfff": 1}'),
    "payload very deep": text(b'{"a":' * 1_500 + b"1" + b"}" * 1_500),
    "payload with NaN": text(json.dumps(GOOD)[:-1] + ', "a": NaN}'),
    "payload with a number of 5,000 digits": text(json.dumps(GOOD)[:-1] + f', "a": {"9" * 5_000}}}'),
    "payload changed": tampered(1, lambda part: segment({**GOOD, "sub": "admin"})),
    "header changed": tampered(0, lambda part: segment({**HEAD, "kid": "x"})),
    "padded": tampered(2, lambda part: part + "=="),
    "padded payload": f"{H}.{P}=.{S}",
    "unused bits set": unused_bits(),
    "plain base64": make({**HEAD, "x": "~~~???"}, GOOD, RS256).replace("_", "/").replace("-", "+"),
    "a line break in it": f"{H}.{P}\n.{S}",
    "a line break behind it": token() + "\n",
    "a blank before it": " " + token(),
    "another alphabet": token().replace("e", "\u0435"),
    "a zero byte": f"{H}\0.{P}.{S}",
    "two segments": f"{H}.{P}",
    "four segments": f"{token()}.",
    "four segments, the first empty": f".{token()}",
    "one segment": H,
    "only dots": "..",
    "nothing": "",
    "large": said(padding="a" * 8_192),
    "many dots": "." * 8_000,
    # claims
    "expired": said(exp=NOW - 31),
    "expired at the end of the leeway": said(exp=NOW - 30),
    "exp 0": said(exp=0),
    "exp negative": said(exp=-1),
    "exp missing": said(exp=None),
    "exp null": text({**GOOD, "exp": None}),
    "exp a string": said(exp=str(NOW + 600)),
    "exp true": said(exp=True),
    "exp a list": said(exp=[NOW + 600]),
    "exp infinite": text(json.dumps({**GOOD, "exp": 0}).replace('"exp": 0', '"exp": 1e999')),
    "exp beyond all time": said(exp=10**30),
    "nbf to come": said(nbf=NOW + 31),
    "nbf a string": said(nbf="0"),
    "nbf false": said(nbf=False),
    "nbf null": text({**GOOD, "nbf": None}),
    "iat to come": said(iat=NOW + 31),
    "iat a string": said(iat=str(NOW)),
    "iat infinite": text(json.dumps({**GOOD, "iat": 0}).replace('"iat": 0', '"iat": -1e999')),
    "iss missing": said(iss=None),
    "iss null": text({**GOOD, "iss": None}),
    "iss another": said(iss="https://evil.test/"),
    "iss without the slash": said(iss=ISSUER.rstrip("/")),
    "iss in upper case": said(iss=ISSUER.upper()),
    "iss a list": said(iss=[ISSUER]),
    "aud missing": said(aud=None),
    "aud another": said(aud="web"),
    "aud a part": said(aud="ap"),
    "aud longer": said(aud="api2"),
    "aud empty": said(aud=[]),
    "aud others": said(aud=["web", "mail"]),
    "aud an object": said(aud={"api": "api"}),
    "aud with a number": said(aud=["api", 1]),
    "aud nested": said(aud=[["api"]]),
    "aud a number": said(aud=1),
    "sub a number": said(sub=1),
    "sub an object": said(sub={"name": "ann"}),
    "sub null": text({**GOOD, "sub": None}),
    "jti a number": said(jti=1),
}  # fmt: skip

ACCEPTED = {
    "RS256": token(),
    "ES256": token("ES256"),
    "EdDSA": token("EdDSA"),
    "typ at+jwt": headed(typ="at+jwt"),
    "typ as a media type": headed(typ="application/AT+JWT"),
    "no typ": make({"alg": "RS256"}, GOOD, RS256),
    "kid that no key has": headed(kid="a"),
    "cty of something else": headed(cty="json"),
    "b64 true": headed(b64=True),
    "unknown header": headed(x5t="abc", nonce="n"),
    "aud a list": said(aud=["web", AUDIENCE]),
    "nearly expired": said(exp=NOW - 29),
    "nbf within the leeway": said(nbf=NOW + 30),
    "iat within the leeway": said(iat=NOW + 30),
    "dates with a fraction": said(exp=NOW + 0.5, nbf=NOW - 0.5, iat=NOW - 1.5),
    "dates missing": said(iat=None),
    "no sub": said(sub=None),
    "any other claims": said(a={"b": [1, None, {"c": "ä\U0001f600"}]}, scope="a b"),
    "a surrogate pair, escaped": text(json.dumps({**GOOD, "a": "\U0001f600"})),
    "8,192 characters": said(padding="a" * 5_500),
}


def test_the_list_is_long():
    assert len(FORGED) >= 60
    assert len(set(FORGED.values())) == len(FORGED)


@pytest.mark.parametrize("name", FORGED)
def test_forged_tokens_are_refused(name):
    with pytest.raises(GatewayError) as raised:
        verifier().verify(FORGED[name])
    error = raised.value
    assert (error.kind, error.detail) == (INVALID_TOKEN, "")
    assert error.headers == (("WWW-Authenticate", 'Bearer error="invalid_token"'),)
    assert isinstance(error.cause, str)
    assert 0 < len(error.cause) < 250


def test_all_of_them_get_one_answer(caplog):
    answers = set()
    for each in FORGED.values():
        with caplog.at_level(logging.DEBUG), pytest.raises(GatewayError) as raised:
            verifier().verify(each)
        answer = problem_response(exchange(), raised.value)
        answers.add((answer.status, bytes(answer.body), tuple(answer.headers)))
    assert len(answers) == 1
    assert not caplog.records


@pytest.mark.parametrize("name", ACCEPTED)
def test_good_tokens_are_accepted(name):
    found = verifier().verify(ACCEPTED[name])
    assert found["iss"] == ISSUER


def test_a_secret_is_no_key_for_others():
    keys = StaticKeys([secret_key(SECRET)])
    hs = verifier("HS256", "RS256", keys=keys)
    assert hs.verify(make({"alg": "HS256"}, GOOD, HS256))["sub"] == "ann"
    for forged in (token(), make({"alg": "HS256"}, GOOD, signing("HS256", b"x" * 32)), FORGED["none"]):
        with pytest.raises(GatewayError):
            hs.verify(forged)


@pytest.mark.parametrize("secret", public("RSA"))
def test_a_public_key_is_no_secret_even_where_both_are_allowed(secret):
    keys = StaticKeys([secret_key(SECRET), *parse_keys(public_pem("RSA"))])
    both = verifier("HS256", "RS256", keys=keys)
    assert both.verify(token())["sub"] == "ann"
    assert both.verify(make({"alg": "HS256"}, GOOD, HS256))["sub"] == "ann"
    with pytest.raises(GatewayError):
        both.verify(make({"alg": "HS256"}, GOOD, signing("HS256", secret)))


def test_a_key_is_not_used_for_what_it_is_not_for():
    """Whatever a source gives."""

    class Careless:
        epoch = 0

        def find(self, kid, algorithm):
            return tuple(
                Key(None, key.kty, frozenset(("RS512",)), key.material) for key in parse_keys(public_pem("RSA"))
            )

    with pytest.raises(GatewayError):
        verifier(keys=Careless()).verify(token())


@given(st.text(max_size=60) | st.binary(max_size=60).map(b64) | st.sampled_from([H, P, S, f"{H}.{P}"]), st.data())
def test_anything_else_is_refused_in_the_same_way(piece, data):
    parts = data.draw(st.lists(st.just(piece) | st.text(max_size=20) | st.sampled_from([H, P, S]), max_size=6))
    forged = ".".join(parts)
    if forged != token():
        with pytest.raises(GatewayError) as raised:
            verifier().verify(forged)
        assert raised.value.kind is INVALID_TOKEN


@given(st.integers(0, len(token()) - 1), st.characters(codec="utf-8"))
def test_no_character_can_be_changed(at, letter):
    good = token()
    changed = good[:at] + letter + good[at + 1 :]
    if changed != good:
        with pytest.raises(GatewayError):
            verifier().verify(changed)
