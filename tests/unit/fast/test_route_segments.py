"""Typed segments, and the templates and hosts that are refused."""

import pytest

from gateway._fast.route import RouteSpec, build, template


@pytest.mark.parametrize(
    ("kind", "value", "takes"),
    [
        ("int", "0", True),
        ("int", "-7", True),
        ("int", "0012", True),
        ("int", "9" * 400, True),
        ("int", "-", False),
        ("int", "+5", False),
        ("int", "1_000", False),
        ("int", "1.0", False),
        ("int", "\u0661", False),
        ("int", "1 ", False),
        ("float", "1", True),
        ("float", "-1.50", True),
        ("float", "1.", False),
        ("float", ".5", False),
        ("float", "1e5", False),
        ("float", "1.5.", False),
        ("float", "nan", False),
        ("float", "--1", False),
        ("uuid", "0189f7ea-ae2c-7000-8000-00805F9B34FB", True),
        ("uuid", "0189f7eaae2c70008000800805f9b34fb", False),
        ("uuid", "0189f7ea-ae2c-7000-8000-00805f9b34fg", False),
        ("uuid", "{0189f7ea-ae2c-7000-8000-00805f9b34f}", False),
        ("uuid", "0189f7eaa-e2c-7000-8000-00805f9b34fb", False),
        ("dt", "2026-11-24", True),
        ("dt", "2024-02-29", True),
        ("dt", "2000-02-29", True),
        ("dt", "0000-01-01", True),
        ("dt", "1900-02-29", False),
        ("dt", "2026-04-31", False),
        ("dt", "2026-00-10", False),
        ("dt", "2026-1-10", False),
        ("dt", "2026-11-24T", False),
        ("dt", "2026-11-24T10:00:00", False),
        ("dt", "2026-11-24T10:00:00Z", True),
        ("dt", "2026-11-24t10:00:00z", True),
        ("dt", "2026-11-24 10:00:00Z", False),
        ("dt", "2026-11-24T10:00:00.123456789Z", True),
        ("dt", "2026-11-24T10:00:00.Z", False),
        ("dt", "2026-11-24T10:00:00.1", False),
        ("dt", "2026-11-24T23:59:60-23:59", True),
        ("dt", "2026-11-24T10:00:61Z", False),
        ("dt", "2026-11-24T24:00:00Z", False),
        ("dt", "2026-11-24T10:60:00Z", False),
        ("dt", "2026-11-24T10:00:00+24:00", False),
        ("dt", "2026-11-24T10:00:00+01:60", False),
        ("dt", "2026-11-24T10:00:00+0100", False),
        ("dt", "2026-11-24T10:00:00Z1", False),
    ],
)
def test_typed_segments(kind: str, value: str, takes: bool) -> None:
    table = build([RouteSpec("r", f"/{{n:{kind}}}")])
    assert table.match("", "GET", f"/{value}", {}, "") == (("r", {"n": value}) if takes else (None, ()))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("a", "begins with '/'"),
        ("/a//b", "no empty"),
        ("/a/../b", "no empty"),
        ("/{n", "whole segment"),
        ("/v{n}", "whole segment"),
        ("/{}", "needs a name"),
        ("/{n:}", "no known type"),
        ("/{n:str}", "no known type"),
        ("/{n:path}/b", "nothing may follow"),
        ("/{n}/{n:int}", "two parameters"),
        ("/a?b=1", "under `query`"),
        ("/a%20b", "decoded"),
    ],
)
def test_templates_that_could_never_match_are_refused(path: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build([RouteSpec("r", path)])


@pytest.mark.parametrize("host", ["", "*", "*.", "a.*.com", "*a.com", "*.*.com"])
def test_hosts_that_could_never_match_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="wildcard"):
        build([RouteSpec("r", "/", hosts=(host,))])


def test_a_template_in_its_segments() -> None:
    assert template("/v1/{id:int}/{x}/{rest:path}") == (("literal", "v1"), ("int", "id"), ("", "x"), ("path", "rest"))
    assert template("/") == (("literal", ""),)
