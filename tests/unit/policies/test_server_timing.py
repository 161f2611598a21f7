"""Server-Timing: what a client is told of where the time went."""

import re

import pytest

from gateway.exchange import Response
from gateway.observability import server_timing
from tests.exchanges import exchange


def told(headers, **known) -> str:
    """What is said half a second after a request came."""
    made = exchange("GET", "/", started=1000.0, **known)
    response = Response(200, list(headers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_timing, "monotonic", lambda: 1000.5)
        assert server_timing.compile().on_response(made, response) is None
    assert response.headers[:-1] == headers
    assert response.headers[-1][0] == "Server-Timing"
    return response.headers[-1][1]


def test_the_gateway_and_the_upstream_share_the_time():
    found = told([("Server-Timing", "db")], attempts=1, upstream_time=0.3)
    assert found == "gateway;dur=200.000, upstream;dur=300.000"


def test_without_an_upstream_there_is_nothing_to_say_of_it():
    assert re.fullmatch(r"gateway;dur=[0-9.]+", told([]))


def test_tries_side_by_side_never_make_a_negative_time():
    assert told([], attempts=2, upstream_time=9.0) == "gateway;dur=0.000, upstream;dur=9000.000"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("gateway; hit; ttl=3", "hit"),
        ("gateway; fwd=miss; stored", "miss"),
        ("gateway; fwd=stale; fwd-status=304; ttl=1", "stale"),
        ("gateway; detail=x", "none"),
    ],
)
def test_what_the_cache_did(status, word):
    headers = [("Cache-Status", "other; hit"), ("Cache-Status", status), ("X-A", "gateway; hit")]
    assert told(headers).endswith(f', cache;desc="{word}"')


def test_other_caches_are_not_ours():
    assert "cache" not in told([("Cache-Status", "origin; hit")])
