"""Contexts: which one for which name, and what is read again."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest

from gateway.config.diagnostics import ConfigError
from gateway.config.document import loads
from gateway.server.options import Certificate, ServerTLS
from gateway.server.tls import Contexts
from gateway.server.tls import contexts as contexts_of
from tests.support.certs import Pair, authority, issue


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def contexts(tmp_path: Path, ca: Pair) -> Contexts:
    def certificate(name: str, *hosts: str) -> Certificate:
        pair = issue(tmp_path, ca, name)
        return Certificate(hosts, str(pair.cert), str(pair.key))

    sni = (
        certificate("api", "api.test"),
        certificate("wild", "*.wild.test"),
        certificate("below", "*.below.wild.test", "wild.test"),
    )
    return Contexts(ServerTLS(certificate("default"), sni))


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("api.test", 1),
        ("API.TEST.", 1),
        ("x.api.test", None),
        ("a.wild.test", 2),
        ("a.b.wild.test", 2),
        ("a.below.wild.test", 3),
        ("below.wild.test", 2),
        ("wild.test", 3),
        ("test", None),
        ("", None),
        ("wild", None),
        ("*.wild.test", 2),
    ],
)
def test_the_longest_name_that_fits(contexts: Contexts, name: str, which: int | None) -> None:
    assert contexts.find(name) is (None if which is None else contexts._contexts[which])


def test_what_did_not_change_is_kept(contexts: Contexts) -> None:
    before = list(contexts._contexts)
    assert not contexts.refresh()
    assert contexts._contexts == before


def test_what_changed_is_read_again_and_nothing_else(contexts: Contexts, tmp_path: Path, ca: Pair) -> None:
    before = list(contexts._contexts)
    issue(tmp_path, ca, "api")
    assert contexts.refresh()
    assert [old is new for old, new in zip(before, contexts._contexts, strict=True)] == [True, False, True, True]
    assert contexts.find("api.test") is contexts._contexts[1]
    assert contexts.default is before[0]


def test_the_default_one_too(contexts: Contexts, tmp_path: Path, ca: Pair) -> None:
    before = contexts.default
    issue(tmp_path, ca, "default")
    assert contexts.refresh()
    assert contexts.default is not before
    assert contexts.default.sni_callback is not None


@pytest.mark.parametrize("how", ["half", "garbage", "gone"])
def test_a_pair_that_cannot_be_used_leaves_the_old_one(
    contexts: Contexts, tmp_path: Path, ca: Pair, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = contexts.find("api.test")
    if how == "half":  # the certificate is new, its key not yet
        os.replace(issue(tmp_path, ca, "fresh").cert, tmp_path / "api.crt")
    elif how == "garbage":
        (tmp_path / "api.crt").write_text("no certificate")
    else:
        (tmp_path / "api.key").unlink()
    with caplog.at_level(logging.WARNING, "gateway"):
        assert not contexts.refresh()
    assert contexts.find("api.test") is before
    assert "api.crt is not read again" in caplog.text
    issue(tmp_path, ca, "api")
    assert contexts.refresh(), "once the pair is whole, it is taken"
    assert contexts.find("api.test") is not before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("text", "[SSL]"),
        ("other", "mismatch"),
        ("encrypted", "the key is encrypted, and nobody is there to give its pa"),
    ],
)
def test_what_cannot_be_used_is_a_mistake_of_the_configuration(tmp_path: Path, ca: Pair, key: str, words: str) -> None:
    pair = issue(tmp_path, ca, "mine")
    if key == "text":
        pair.key.write_text("no key")
    elif key == "other":
        pair.key.write_bytes(issue(tmp_path, ca, "other").key.read_bytes())
    else:
        made = ["openssl", "pkey", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", tmp_path / "locked.key"]
        subprocess.run(made, check=True, capture_output=True)
        pair.key.write_bytes((tmp_path / "locked.key").read_bytes())
    text = f"version: 1\nserver: {{tls: {{cert: {pair.cert}, key: {pair.key}}}}}\nroutes: []\n"
    with pytest.raises(ConfigError, match="the certificates cannot be used") as caught:
        contexts_of(loads(text, "x.yaml"))
    assert str(caught.value).startswith("x.yaml:2:10: server.tls: ") and words in str(caught.value)
    assert "each file is PEM" in str(caught.value)
