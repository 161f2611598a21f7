"""Signing keys: files that rotate, tokens that others can read, keys that everybody can check."""

import json
import stat
from dataclasses import dataclass

import jwt
import pytest
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt

from gateway.auth.jwt import key_files as key_file
from gateway.auth.jwt.keys import StaticKeys, parse_keys
from gateway.auth.jwt.signing import ALGORITHMS, Signer, make_key
from tests.support.key_files import ec_key, private_pem, public_pem, rsa_key

NOW = 1_790_000_000.0


@dataclass
class Spec:
    algorithm: str
    key: str


@pytest.fixture
def signer(tmp_path):
    """A signer for a file of these PEM texts or blocks."""

    def make(*parts, algorithm="ES256", clock=lambda: NOW):
        file = tmp_path / "signing.pem"
        file.write_text("".join(key_file.render([p]) if isinstance(p, key_file.KeyBlock) else p for p in parts))
        return Signer(Spec(algorithm, str(file)), clock)

    return make


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 has new names, PyJWT the old one
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_library_verifies_what_we_sign(signer, algorithm):
    made = signer(make_key(algorithm), algorithm=algorithm)
    token = made.sign({"sub": "alice", "n": 1})
    read = jose_jwt.decode(token, jose_jwk.KeySet.import_key_set(json.loads(made.jwks)), algorithms=[algorithm])
    assert read.claims == {"sub": "alice", "n": 1}
    assert read.header == {"alg": algorithm, "typ": "at+jwt", "kid": made.key.kid}


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
def test_key_ids_are_thumbprints(signer, algorithm):
    made = signer(make_key(algorithm), algorithm=algorithm)
    (published,) = json.loads(made.jwks)["keys"]
    assert published["kid"] == made.key.kid == jose_jwk.import_key(published).thumbprint()
    assert (published["use"], published["alg"]) == ("sig", algorithm)


def test_nothing_private_is_published(signer):
    for algorithm in ("ES256", "RS256", "EdDSA"):
        (published,) = json.loads(signer(make_key(algorithm), algorithm=algorithm).jwks)["keys"]
        assert set(published) <= {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}


def test_the_first_signs_and_all_verify(signer):
    older, newer = make_key("ES256"), make_key("ES256")
    before = signer(older)
    token = before.sign({"sub": "alice"})
    after = signer(newer, older)
    assert after.key.kid != before.key.kid
    keys = StaticKeys(parse_keys(after.jwks))
    for each in (token, after.sign({"sub": "alice"})):
        (key,) = keys.find(jwt.get_unverified_header(each)["kid"], "ES256")
        assert jwt.decode(each, key.material, algorithms=["ES256"])["sub"] == "alice"
    assert not StaticKeys(parse_keys(signer(newer).jwks)).find(before.key.kid, "ES256")


def test_a_fresh_key_is_published_before_it_signs(signer):
    now = [NOW]
    older, newer = make_key("ES256"), make_key("ES256")
    made = signer(key_file.KeyBlock(newer, NOW + 300), key_file.KeyBlock(older), clock=lambda: now[0])
    assert len(json.loads(made.jwks)["keys"]) == 2
    first = made.key.kid
    assert first != made.newest.kid
    now[0] += 300
    assert made.key.kid == made.newest.kid != first


def test_a_lone_key_signs_whatever_its_time(signer):
    assert signer(key_file.KeyBlock(make_key("ES256"), NOW + 300)).sign({"sub": "a"})


def test_a_key_of_another_algorithm_is_passed_over_unless_it_is_the_first(signer):
    ours, other = make_key("ES256"), make_key("EdDSA")
    assert len(json.loads(signer(ours, other).jwks)["keys"]) == 1
    with pytest.raises(
        ValueError, match="ES256 needs an EC key of the curve secp256r1, and there is a key of the kind"
    ):
        signer(other, ours)


@pytest.mark.parametrize(
    ("algorithm", "text", "words"),
    [
        (
            "ES384",
            make_key("ES256"),
            "needs an EC key of the curve secp384r1, and there is an EC key of the curve secp2",
        ),
        ("RS256", make_key("ES256"), "needs an RSA key of at least 2,048 bits"),
        ("RS256", private_pem(rsa_key(1024)).decode(), "there is an RSA key of 1,024 bits"),
        ("ES256", public_pem(ec_key()).decode(), "holds a public key where a private key is needed"),
        ("ES256", "nothing", "holds no PEM private key"),
        ("ES256", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PEM block that is no private key"),
        ("ES256", "# retired soon\n" + make_key("ES256"), "is not a time like"),
        ("ES256", "x" * (key_file.BYTES_MAX + 1), "too large"),
        ("ES256", make_key("ES256") * 17, "at most 16"),
    ],
)
def test_files_that_cannot_be_used(signer, algorithm, text, words):
    with pytest.raises(ValueError, match=words):
        signer(text, algorithm=algorithm)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"no\.pem cannot be read: no such file"):
        Signer(Spec("ES256", str(tmp_path / "no.pem")))


def test_an_encrypted_key_is_told_as_such(signer):
    from cryptography.hazmat.primitives import serialization as form

    locked = form.BestAvailableEncryption(b"secret")
    pem = ec_key().private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked)
    with pytest.raises(ValueError, match="is encrypted"):
        signer(pem.decode())


def test_a_file_is_what_was_written():
    blocks = (key_file.KeyBlock(make_key("EdDSA").strip(), NOW), key_file.KeyBlock(make_key("EdDSA").strip(), 0.0, NOW))
    assert key_file.parse(key_file.render(blocks)) == blocks


def test_rotation_keeps_what_retired_when():
    first = key_file.parse(make_key("EdDSA"))
    second = key_file.rotate(first, make_key("EdDSA"), NOW)
    third = key_file.rotate(second, make_key("EdDSA"), NOW + 100)
    assert [(block.signs_from, block.retired) for block in third] == [(NOW + 100, None), (NOW, NOW + 100), (0.0, NOW)]
    assert key_file.prune(third, NOW) == third
    assert key_file.prune(third, NOW + 50) == third[:2]
    assert key_file.prune(third, NOW + 1000) == third[:1]


def test_there_is_a_most_of_keys():
    blocks = key_file.parse(make_key("EdDSA")) * key_file.KEYS_MAX
    with pytest.raises(ValueError, match="remove the retired ones first"):
        key_file.rotate(blocks, make_key("EdDSA"), NOW)


def test_a_file_is_private_and_replaced_in_one_step(tmp_path):
    file, link = tmp_path / "a.pem", tmp_path / "link.pem"
    key_file.create(file, make_key("EdDSA"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not key_file.is_exposed(file)
    with pytest.raises(FileExistsError):
        key_file.create(file, make_key("EdDSA"))
    link.symlink_to(file)
    file.chmod(0o644)
    assert key_file.is_exposed(file)
    before = file.stat().st_ino
    key_file.write(link, key_file.rotate(key_file.read(link), make_key("EdDSA"), NOW))
    assert link.is_symlink()
    assert file.stat().st_ino != before
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert len(key_file.read(file)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pem", "link.pem"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "a.pem"
    key_file.create(file, make_key("EdDSA"))
    before = file.read_bytes()

    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr(key_file.os, "rename", fail)
    with pytest.raises(OSError, match="full"):
        key_file.write(file, key_file.rotate(key_file.read(file), make_key("EdDSA"), NOW))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.pem"]
