"""What is wrong with files of certificates and keys, told of each by itself."""

import subprocess
from pathlib import Path

import pytest

from gateway.config.certificates import authorities_mistake, dates_mistake, key_mistake
from gateway.config.document import load
from gateway.config.external_checks import Judge
from tests.support.certs import Pair, authority, issue


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("certs")
    issue(folder, authority(folder), "other")
    (folder / "garbage").write_text("garbage")
    return issue(folder, authority(folder), "mine")


def ended(pair: Pair) -> Path:
    """A certificate of January 2020, signed by its own key."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    key = load_pem_private_key(pair.key.read_bytes(), None)
    name = x509.Name.from_rfc4514_string("CN=old")
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2020, 2, 1, tzinfo=UTC))
    path = pair.cert.with_name("old.crt")
    path.write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


def locked(pair: Pair) -> Path:
    path = pair.key.with_name("locked.key")
    made = ["openssl", "pkey", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", path]
    subprocess.run(made, check=True, capture_output=True)
    return path


def test_what_can_be_used_has_no_mistake(pair: Pair) -> None:
    assert authorities_mistake(str(pair.cert)) == key_mistake(str(pair.key), str(pair.cert)) == ""
    assert dates_mistake(str(pair.cert)) == ""


def test_what_cannot(pair: Pair) -> None:
    folder = pair.cert.parent
    garbage, other = str(folder / "garbage"), str(folder / "other.key")
    assert authorities_mistake(garbage) == "holds no certificate in PEM that can be read"
    assert authorities_mistake(str(pair.key)) == "holds no certificate in PEM that can be read"
    assert key_mistake(other, str(pair.cert)) == "holds the key of another certificate"
    rsa = other.replace("other", "rsa")
    subprocess.run(["openssl", "genrsa", "-out", rsa, "2048"], check=True, capture_output=True)
    assert key_mistake(rsa, str(pair.cert)) == "holds the key of another certificate"
    assert key_mistake(garbage, str(pair.cert)) == "holds no private key in PEM that can be read"
    assert "is encrypted" in key_mistake(str(locked(pair)), str(pair.cert))


def test_a_key_is_looked_at_though_its_certificate_is_none(pair: Pair) -> None:
    for chain in ("garbage", "missing"):
        path = str(pair.cert.with_name(chain))
        assert key_mistake(path.replace(chain, "garbage"), path) == "holds no private key in PEM that can be read"
        assert "is encrypted" in key_mistake(str(locked(pair)), path)
        assert key_mistake(str(pair.key), path) == ""


def test_a_file_that_cannot_be_read_is_not_told_again(pair: Pair) -> None:
    missing = str(pair.cert.with_name("missing"))
    assert authorities_mistake(missing) == dates_mistake(missing) == key_mistake(missing, str(pair.cert)) == ""


def test_one_that_has_ended_is_a_warning(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(f"version: 1\nserver: {{tls: {{cert: {ended(pair)}, key: {pair.key}}}}}\nroutes: []\n")
    (warning,) = [one for one in load(path, judge=Judge()).warnings if one.path == "server.tls.cert"]
    assert (warning.line, warning.column) == (2, 22)
    assert warning.message.endswith("holds a certificate that ended on 2020-02-01: clients refuse it")
    assert not [one for one in load(path).warnings if one.path == "server.tls.cert"], "nobody asked"
