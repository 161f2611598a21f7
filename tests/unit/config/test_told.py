"""Which complaints about the meaning are due to those of the schema: enough are left out, and not one too many."""

import pytest

from gateway.config.diagnostics import Diagnostic
from gateway.config.reported_paths import ReportedPaths

FILE = "x.yaml"


def one(path: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(FILE, 1, 1, path, message, hint)


SCHEMA = ReportedPaths(
    [
        one("routes[0].timout", "unknown key", "did you mean `timeout`?"),
        one("routes[0].methods", "unknown key", "it stands under `match`"),
        one("routes[1].paths", "unknown key", "did you mean `path`? it is there already"),
        one("upstreams.app.timeout.total", "expected a duration longer than zero"),
        one("auth.one.jwt.algorithms[0]", "expected `HS256`"),
    ]
)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("upstreams.app.timeout.total", "of the same value"),
        ("upstreams.app.timeout.read", "`read` is longer than `total`"),
        ("upstreams.app.timeout", "the total is too short"),
        ("auth.one.jwt.algorithms", "none of a list in which one is wrong"),
        ("routes[0].timeout", "of what was meant"),
        ("routes[0].mirror", "`mirror` needs a `timeout: 5s`"),
    ],
)
def test_what_follows(path: str, message: str) -> None:
    assert SCHEMA.follows(one(path, message))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("upstreams.app.timeout.read", "`read` is longer than a day"),
        ("upstreams.other.timeout.read", "`read` is longer than `total`"),
        ("upstreams.app.balance", 'there is no "timeout"'),
        ("routes[0]", "the route does nothing"),
        ("routes[0].upstream", "there is no upstream"),
        ("routes[1].path", "the path has an empty segment"),
        ("auth.one.jwt.jwks", "it is no URL"),
    ],
)
def test_what_is_told_all_the_same(path: str, message: str) -> None:
    assert not SCHEMA.follows(one(path, message))
    assert not ReportedPaths().follows(one(path, message))


def test_places() -> None:
    assert SCHEMA and not ReportedPaths()
    assert SCHEMA.of(FILE, ("routes", 0, "match", "hosts")), "what holds it was meant"
    assert not SCHEMA.of("other.yaml", ("routes", 0, "match"))
    assert not SCHEMA.of(FILE, ("routes", 1, "path")), "it is there"
    assert SCHEMA.inside(FILE, ("upstreams", "app")) and not SCHEMA.inside(
        FILE, ("upstreams", "app", "timeout", "total")
    )
