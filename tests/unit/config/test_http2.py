"""`server.tls.http2`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.server import options as server


def config(folder: Path, tls: str) -> Path:
    for name in ("a.crt", "a.key"):
        (folder / name).touch()
    path = folder / "x.yaml"
    path.write_text(f"version: 1\nroutes: []\nserver:\n  tls: {{cert: a.crt, key: a.key{tls}}}\n")
    return path


@pytest.mark.parametrize(("tls", "is_on"), [("", False), (", http2: false", False), (", http2: true", True)])
def test_it_is_off_unless_asked_for(tmp_path: Path, tls: str, is_on: bool) -> None:
    read = load(config(tmp_path, tls), env={}).server.tls
    assert read is not None and read.http2 is is_on


def test_what_it_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"x\.yaml:4:\d+: server\.tls\.http2: HTTP/2 needs the package h2 "):
        load(config(tmp_path, ", http2: true"), env={})
    load(config(tmp_path, ", http2: false"), env={})
