"""Routes whose upstreams speak gRPC: what they become, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.model import Document
from tests.support.certs import Pair, authority

TEXT = """version: 1
server: {bind: "127.0.0.1:1"TLS}
upstreams:
  talk: {targets: ['grpc://127.0.0.1:50051']}
  other: {targets: ['grpc://127.0.0.1:50052']}
  plain: {targets: ['http://127.0.0.1:1']}
defaults: {compress: {}, sanitize: {}}
routes:
  - name: talk
    match: {path: "/talk.v1.Talk/{method}"}
    ROUTE
"""
TLS = ", tls: {cert: ca.crt, key: ca.key, http2: true}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Pair = authority(tmp_path_factory.mktemp("passing"))
    return made.cert.parent


def read(folder: Path, route: str, tls: str = TLS) -> Document:
    (folder / "x.yaml").write_text(TEXT.replace("ROUTE", route).replace("TLS", tls))
    return load(str(folder / "x.yaml"))


def refused(folder: Path, route: str, tls: str = TLS) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, route, tls)
    return str(caught.value)


@pytest.mark.parametrize(
    "route",
    [
        "upstream: talk",
        "split: [{upstream: talk, weight: 1}, {upstream: other, weight: 1}]",
        "upstream: talk\n    mirror: {upstream: other}",
        "upstream: talk\n    rewrite: /x\n    timeout: 5s\n    compress: off",
    ],
)
def test_what_asks_for_contents_by_default_is_left_out(folder: Path, route: str) -> None:
    document = read(folder, route)
    made = document.routes[0]
    assert made.passes_grpc and made.compress is None
    assert made.sanitize is not None and set(made.sanitize.parts) == {"path", "query", "cookies", "headers"}
    assert "compress" not in [step.name for step in compile(document).routes[0].steps]


def test_other_routes_are_as_they_were(folder: Path) -> None:
    made = read(folder, "upstream: plain").routes[0]
    assert not made.passes_grpc and made.compress is not None
    assert made.sanitize is not None and "body" in made.sanitize.parts


@pytest.mark.parametrize("tls", ["", TLS.replace(", http2: true", "")])
def test_nobody_can_call_without_http2(folder: Path, tls: str) -> None:
    assert (
        'x.yaml:11:15: routes[0].upstream: the upstream "talk" speaks gRPC, which clients do over HTTP/2 only '
        "(write `http2: true` under `server.tls`, or call it by `grpc`)"
    ) in refused(folder, "upstream: talk", tls)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("validate", "{content_type: [application/json]}"),
        ("transform", "{query: {remove: [a]}}"),
        ("idempotency", "{}"),
        ("cache", "{ttl: 1m}"),
        ("compress", "{}"),
    ],
)
def test_what_needs_contents(folder: Path, key: str, value: str) -> None:
    found = refused(folder, f"upstream: talk\n    {key}: {value}")
    assert f"x.yaml:12:5: routes[0].{key}: `{key}` has no effect on calls of gRPC" in found


@pytest.mark.parametrize(
    "route",
    [
        "split: [{upstream: talk, weight: 1}, {upstream: plain, weight: 1}]",
        "upstream: talk\n    mirror: {upstream: plain}",
        "upstream: plain\n    mirror: {upstream: talk}",
    ],
)
def test_one_request_is_of_one_protocol(folder: Path, route: str) -> None:
    assert 'the upstream "plain" does not speak gRPC, and others of the route do' in refused(folder, route)


def test_what_is_asked_in_another_way_still_is_no_grpc(folder: Path) -> None:
    route = "aggregate: {parts: {one: {upstream: talk, path: /a}}}"
    assert 'the upstream "talk" speaks gRPC (call it by `grpc`)' in refused(folder, route)
