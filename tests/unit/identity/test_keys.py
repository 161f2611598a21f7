"""Keys from PEM, JWK and JWK sets, and which of them are tried for a token."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from jwt.algorithms import RSAAlgorithm

from gateway.auth.jwt.keys import StaticKeys, candidates, parse_keys, secret_key
from gateway.auth.jwt.signing import public_jwk
from tests.support import certs
from tests.support.jose import SECRET, b64, private_key, private_pem, public_pem

RSA = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
KINDS = {
    "RSA": ("RSA", RSA),
    "ES256": ("EC", {"ES256"}),
    "ES384": ("EC", {"ES384"}),
    "ES512": ("EC", {"ES512"}),
    "EdDSA": ("OKP", {"EdDSA"}),
    "Ed448": ("OKP", {"EdDSA"}),
}


def pem(key) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def jwk(name="RSA", **members):
    made = {**public_jwk(private_key(name)), **members}
    return {name: value for name, value in made.items() if value is not None}


def octets(size=64, **members):
    return {"kty": "oct", "k": b64(b"k" * size), **members}


def parsed(*values):
    return parse_keys(json.dumps(values[0] if len(values) == 1 else {"keys": values}))


@pytest.mark.parametrize("name", KINDS)
def test_a_key_knows_what_it_is_for(name):
    kty, algorithms = KINDS[name]
    for text in (public_pem(name), json.dumps(jwk(name)), json.dumps(jwk(name)).encode(), f"note\n{public_pem(name)}"):
        (key,) = parse_keys(text)
        assert (key.kid, key.kty, key.algorithms) == (None, kty, algorithms)
        assert key.material == private_key(name).public_key()


@pytest.mark.parametrize(
    ("size", "algorithms"),
    [(32, {"HS256"}), (47, {"HS256"}), (48, {"HS256", "HS384"}), (64, {"HS256", "HS384", "HS512"})],
)
def test_a_secret_is_as_long_as_its_hash(size, algorithms):
    (key,) = parsed(octets(size))
    assert (key.kty, key.algorithms, key.material) == ("oct", algorithms, b"k" * size)
    assert secret_key("k" * size).algorithms == algorithms


def test_a_certificate_is_its_key(tmp_path):
    pair = certs.authority(tmp_path)
    (key,) = parse_keys(pair.cert.read_bytes())
    assert (key.kty, key.algorithms) == ("EC", {"ES256"})


def test_several_in_one_text():
    keys = parse_keys(public_pem("RSA") + public_pem("ES256") + public_pem("EdDSA"))
    assert [key.kty for key in keys] == ["RSA", "EC", "OKP"]


def test_of_a_private_jwk_the_public_part():
    private = json.loads(RSAAlgorithm.to_jwk(private_key("RSA")))
    assert private["key_ops"] == ["sign"]
    (key,) = parsed(private)
    assert isinstance(key.material, rsa.RSAPublicKey)


@pytest.mark.parametrize(
    ("members", "algorithms"),
    [
        ({"alg": "RS384"}, {"RS384"}),
        ({"alg": None, "use": "sig"}, RSA),
        ({"key_ops": ["verify", "wrapKey"], "alg": "PS256"}, {"PS256"}),
    ],
)
def test_a_jwk_narrows_its_use(members, algorithms):
    assert parsed(jwk(**members))[0].algorithms == algorithms


USELESS = [
    {"kty": "RSA-new", "n": "AQAB"},
    {"kty": "EC", "crv": "secp256k1", "x": b64(b"x" * 32), "y": b64(b"y" * 32)},
    {"kty": "OKP", "crv": "X25519", "x": b64(b"x" * 32)},
    {"kty": "OKP", "crv": "Ed25519", "x": b64(b"x" * 31)},
    {"kty": "EC", "crv": "P-256", "x": b64(b"x" * 32), "y": b64(b"y" * 32)},
    {"kty": "EC", "crv": "P-256", "x": b64(b"x" * 33), "y": b64(b"y" * 33)},
    {"kty": ["RSA"]},
    {"n": "AQAB", "e": "AQAB"},
    {},
    None,
    "RSA",
    [],
    jwk(use="enc"),
    jwk(key_ops=["sign"]),
    jwk(key_ops="verify"),
    jwk(key_ops=[]),
    jwk(alg="ES256"),
    jwk(alg="HS256"),
    jwk(alg="none"),
    jwk(alg="RSA-OAEP"),
    jwk(alg=["RS256"]),
    jwk(kid=7),
    jwk(kid="k" * 257),
    jwk(n=b64(b"\x01" * 255)),
    jwk(n=b64(b"\xff" * 1025)),
    jwk(e=b64(b"\xff" * 5)),
    jwk(e=b64(b"\x02")),
    jwk(n=None),
    jwk(n="A+/="),
    jwk("ES256", crv="P-384"),
    jwk("ES256", alg="ES384"),
    jwk("EdDSA", crv="Ed448"),
    octets(31),
    octets(alg="RS256"),
    octets(key_ops=["sign"]),
    octets(use="enc"),
    {"kty": "oct"},
    {"kty": "oct", "k": b64(public_pem("RSA").encode())},
]


@pytest.mark.parametrize("useless", USELESS, ids=range(len(USELESS)))
def test_what_a_set_holds_besides_is_passed_over(useless):
    good = jwk("ES256", kid="good")
    assert [key.kid for key in parsed(useless, good, useless)] == ["good"]
    with pytest.raises(ValueError, match="no key that can be used"):
        parse_keys(json.dumps({"keys": [useless]}))
    if isinstance(useless, dict):
        with pytest.raises(ValueError, match=r"JWK|secret|RSA"):
            parsed(useless)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no PEM"),
        ("nothing", "no PEM"),
        ("[]", "no PEM"),
        ('{"keys": []}', "has no keys"),
        ('{"keys": {}}', "has no keys"),
        ('{"keys": [1', "cannot be read"),
        ('{"kty": "oct", "kty": "RSA"}', "repeated"),
        ('{"keys": [{"kty": "oct", "kty": "RSA"}]}', "repeated"),
        ('{"a": NaN}', "NaN"),
        ('{"a":' * 100_000, "nested"),
        (json.dumps({"keys": [octets()] * 101}), "at most 100"),
        (public_pem("EdDSA") * 101, "at most 100"),
        (" " * (1 << 20) + "{}", "characters"),
        (private_pem("RSA"), "private key"),
        (public_pem("RSA").replace("MII", "MIJ", 1), "cannot be read"),
        (public_pem("RSA").replace("PUBLIC KEY", "CERTIFICATE"), "cannot be read"),
        (public_pem("RSA").replace("PUBLIC KEY", "X509 CRL"), "x509 crl"),
    ],
)
def test_what_cannot_be_used(text, words):
    with pytest.raises(ValueError, match=words):
        parse_keys(text)


@pytest.mark.filterwarnings("ignore:DSA is deprecated")  # by the library that makes the key; a user may still have one
@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 1024),
        lambda: dsa.generate_private_key(1024),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        x25519.X25519PrivateKey.generate,
    ],
)
def test_weak_and_strange_keys_are_refused(make):
    with pytest.raises(ValueError, match=r"keys? "):
        parse_keys(pem(make()))


@pytest.mark.parametrize("secret", ["k" * 31, "", public_pem("RSA")])
def test_what_is_no_secret(secret):
    with pytest.raises(ValueError, match="secret"):
        secret_key(secret)


def test_secrets_are_not_shown():
    assert SECRET.decode() not in repr(secret_key(SECRET))


def test_which_keys_are_tried():
    a, twin, b, plain = parsed(jwk(kid="a"), jwk("RSA-other", kid="a"), jwk(kid="b"), jwk("RSA-other"))
    elliptic, secret = parsed(jwk("ES256", kid="a"), octets(kid="a"))
    keys = (a, twin, b, plain, elliptic, secret)
    assert candidates(keys, "a", "RS256") == (a, twin)
    assert candidates(keys, "a", "ES256") == (elliptic,)
    assert candidates(keys, "a", "HS256") == (secret,)
    assert candidates(keys, "c", "RS256") == (plain,)
    assert candidates(keys, "b", "ES256") == ()
    assert candidates(keys, None, "RS256") == (plain,)
    assert candidates((a, b), None, "RS256") == (a, b)
    assert candidates((a, b), "c", "RS256") == ()
    assert candidates(keys, "a", "none") == ()
    assert StaticKeys(keys).find("a", "HS256") == (secret,)


def test_keys_that_fit_no_algorithm_are_told():
    keys = StaticKeys(parse_keys(public_pem("ES256")))
    keys.check(["RS256", "ES256"])
    with pytest.raises(ValueError, match="the keys fit ES256, and none of the algorithms HS256, RS256"):
        keys.check(["RS256", "HS256"])
    with pytest.raises(ValueError, match="nothing"):
        StaticKeys(()).check(["RS256"])


def test_equal_keys_have_one_epoch():
    def epoch(*values):
        return StaticKeys(parsed(*values)).epoch

    assert epoch(jwk()) == epoch(jwk()) == StaticKeys(parse_keys(public_pem("RSA"))).epoch
    others = [
        *([jwk("RSA-other")], [jwk(kid="a")], [jwk(alg="RS256")], [jwk(), jwk("ES256")], [jwk("EdDSA")]),
        *([octets(64)], [octets(65)], [octets(64, alg="HS256")]),
    ]
    assert len({epoch(jwk()), *(epoch(*each) for each in others)}) == len(others) + 1
