"""Files of keys that `auth` names: is what is needed in them?"""

import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import get_default_algorithms

from gateway.config.document import ConfigError, loads
from tests.support.certs import authority
from tests.support.key_files import ec_key, ed_key, private_pem, public_jwk, public_pem, rsa_key

EC, ED, RSA = ec_key(), ed_key(), rsa_key()
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def encrypted() -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return EC.private_bytes(encoding, form, serialization.BestAvailableEncryption(b"x"))


def traditional() -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return EC.private_bytes(encoding, form, serialization.NoEncryption())


def jwks(*keys) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


@pytest.fixture
def read(tmp_path):
    """The document, or the complaint, of a provider on line 3 and a file k."""

    def of(method: str, content: bytes):
        (tmp_path / "k").write_bytes(content)
        try:
            return loads(f"version: 1\nauth:\n  one: {{{method}}}\n", "x.yaml", base=tmp_path)
        except ConfigError as error:
            (complaint,) = error.complaints
            return str(complaint)

    return of


@pytest.mark.parametrize(
    ("algorithm", "content"),
    [
        ("ES256", private_pem(EC)),
        ("ES256", PARAMETERS + traditional()),
        ("ES256", b"# signs from 2026-11-24T16:05:00Z\n" + private_pem(EC) + private_pem(RSA)),
        ("ES384", private_pem(ec_key(ec.SECP384R1()))),
        ("ES512", private_pem(ec_key(ec.SECP521R1()))),
        ("EdDSA", private_pem(ED)),
        ("RS256", private_pem(RSA)),
        ("PS512", private_pem(RSA)),
    ],
)
def test_a_private_key_that_fits(read, algorithm, content):
    assert read(f"issuer: {{algorithm: {algorithm}, key: k}}", content).providers[0].method.algorithm == algorithm


@pytest.mark.parametrize(
    ("algorithm", "content", "words"),
    [
        ("ES256", public_pem(EC), "holds a public key where a private one is needed"),
        ("ES256", private_pem(EC) + public_pem(EC), "holds a public key where a private one is needed"),
        ("ES256", b"", "holds no private key in PEM"),
        ("ES256", b"\xff\x00" * 100, "holds no private key in PEM"),
        ("ES256", PARAMETERS, "holds no private key in PEM"),
        ("ES256", encrypted(), "holds a private key that is encrypted; the gateway has no passphrase for it"),
        ("ES256", private_pem(EC)[:80] + private_pem(EC)[100:], "has a private key in it that cannot be read"),
        ("ES256", private_pem(EC) + private_pem(EC).replace(b"M", b"N"), "has a private key in it that cannot be read"),
        ("ES256", private_pem(ED), "begins with a key that cannot sign with ES256"),
        ("ES384", private_pem(EC), "begins with a key that cannot sign with ES384"),
        ("EdDSA", private_pem(RSA), "begins with a key that cannot sign with EdDSA"),
        ("RS256", private_pem(EC), "begins with a key that cannot sign with RS256"),
        ("RS256", private_pem(rsa_key(1024)), "holds an RSA key of 1024 bits; 2048 are needed"),
    ],
)
def test_a_private_key_that_does_not(read, algorithm, content, words):
    found = read(f"issuer: {{algorithm: {algorithm}, key: k}}", content)
    assert found.startswith("x.yaml:3:")
    assert f'auth.one.issuer.key: the file "k" {words}' in found


def test_the_key_of_an_internal_token_is_looked_at_too(read):
    jwt = "jwt: {algorithms: [ES256], jwks: https://h/k, internal_token: {key: k}}"
    assert 'internal_token.key: the file "k" holds a public key' in read(jwt, public_pem(EC))
    assert read(jwt, private_pem(EC)).providers[0].told.internal.algorithm == "ES256"


@pytest.mark.parametrize(
    "content",
    [
        public_pem(EC),
        public_pem(ED) + public_pem(EC),
        jwks(public_jwk(ED, "EdDSA"), public_jwk(EC, "ES256")),
        json.dumps(public_jwk(EC, "ES256")).encode(),
        b"\n " + json.dumps(public_jwk(EC, "ES256")).encode(),
    ],
)
def test_public_keys_that_fit(read, content):
    document = read("jwt: {algorithms: [ES256, RS256], keys: k, audience: a}", content)
    assert document.providers[0].method.keys[0].endswith("/k")
    assert [str(one) for one in document.warnings if "auth" in str(one)] == []


def test_a_certificate_fits_too(read, tmp_path):
    pair = authority(tmp_path)
    assert read("jwt: {algorithms: [ES256], keys: [k]}", pair.cert.read_bytes()).providers[0].method.keys


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (private_pem(EC), "holds a private key where public ones belong"),
        (b"", "holds no key: neither PEM nor JWK"),
        (public_pem(ED), "holds no key for ES256, RS256"),
        (public_pem(rsa_key(1024)), "holds an RSA key of 1024 bits"),
        (public_pem(EC).replace(b"M", b"N"), "has a public key in it that cannot be read"),
        (b"{", "is not JSON"),
        (b"{}", "holds a JWK that cannot be read"),
        (b'{"keys": 5}', "is neither a JWK nor a JWK set"),
        (b'{"keys": []}', "holds no key for ES256, RS256"),
        (jwks({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}), "holds a JWK that cannot be read"),
        (jwks({"kty": "oct", "k": "c2VjcmV0"}), "holds a shared secret, not a public key; write it as `secret`"),
    ],
)
def test_public_keys_that_do_not(read, content, words):
    found = read("jwt: {algorithms: [ES256, RS256], keys: [k]}", content)
    assert f'auth.one.jwt.keys[0]: the file "k" {words}' in found


def test_a_private_jwk_is_warned_of(read):
    jwk = json.loads(get_default_algorithms()["ES256"].to_jwk(EC))
    assert "d" in jwk
    (warning,) = [
        str(one) for one in read("jwt: {algorithms: [ES256], keys: k, audience: a}", jwks(jwk)).warnings
        if "auth" in str(one)
    ]  # fmt: skip
    assert warning == 'x.yaml:3:42: auth.one.jwt.keys: the file "k" holds a private key where the public one is enough'


def test_another_key_in_a_file_is_another_version(read):
    versions = {read("issuer: {key: k}", private_pem(key)).version for key in (EC, EC, ec_key())}
    assert len(versions) == 2


def test_without_key_files_no_cryptography_is_imported():
    text = "version: 1\\nauth: {a: {jwt: {algorithms: [RS256], jwks: https://h/k}}, b: {api_key: {stored: true}}}\\n"
    code = (
        f'import sys\nfrom gateway.config.document import loads\nloads("{text}")\n'
        "print([name for name in ('cryptography', 'jwt', 'redis') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_private_key_that_everybody_may_read_is_warned_of(tmp_path):
    file = tmp_path / "signing.pem"
    file.write_bytes(private_pem(ec_key()))
    text = f"version: 1\nroutes: []\nauth: {{tokens: {{issuer: {{key: {file}}}}}}}\n"
    file.chmod(0o644)
    assert any("chmod 600" in str(warning) for warning in loads(text).warnings)
    file.chmod(0o640)
    assert not any("chmod" in str(warning) for warning in loads(text).warnings)
