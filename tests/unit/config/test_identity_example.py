"""conf/examples/identity.yaml is accepted, and every way to know who calls is in it."""

import shutil
from pathlib import Path

import pytest

from gateway.auth.model import ApiKey, Issuer, Jwt, Mtls, Session
from gateway.config.document import load
from tests.support.key_files import ec_key, private_pem

EXAMPLE = Path(__file__).parents[3] / "conf" / "examples" / "identity.yaml"


@pytest.fixture
def document(tmp_path):
    (tmp_path / "certs").mkdir()
    for name in ("tls.crt", "tls.key", "clients.crt"):
        (tmp_path / "certs" / name).write_text("pem")
    (tmp_path / "certs" / "signing.pem").write_bytes(private_pem(ec_key()))
    (tmp_path / "certs" / "signing.pem").chmod(0o600)
    (tmp_path / "certs" / "partner-keys").write_text(f"acme:{'ab' * 32}\n")
    shutil.copy(EXAMPLE, tmp_path)
    return load(tmp_path / "identity.yaml", env={"BATCH_SECRET": "s" * 64})


def test_it_has_every_way_to_know_who_calls(document):
    assert {type(each.method) for each in document.providers} == {Jwt, ApiKey, Session, Issuer, Mtls}
    used = {name for route in document.routes if route.access for name in route.access.use}
    assert used == {each.name for each in document.providers}


def test_nothing_in_it_is_warned_of(document):
    assert document.warnings == ()


def test_only_what_says_so_is_open(document):
    assert [route.name for route in document.routes if route.access is None] == ["health"]
    assert [route.name for route in document.routes if route.access and route.access.is_optional] == ["profile"]


def test_all_files_it_names_are_watched(document, tmp_path):
    names = {Path(name).name for name in document.files}
    assert names == {"identity.yaml", "tls.crt", "tls.key", "clients.crt", "signing.pem", "partner-keys"}


def test_it_shows_no_secret(document):
    assert "s" * 64 not in document.shown
    assert "ab" * 32 not in document.shown
