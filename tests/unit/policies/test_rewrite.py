"""rewrite: which path and query the upstream sees."""

import pytest

from gateway.contracts import Tools
from gateway.errors import GatewayError
from gateway.policies.rewrite import policy as rewrite
from gateway.policies.rewrite.model import Rewrite
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)


def upstream_path(target: str, asked: str = "/v1/items/7", **params: str) -> str | None:
    made = exchange(target=asked, params=params)
    assert rewrite.compile(Rewrite(target, "f:1")).on_request(made) is None
    return made.upstream_path


@pytest.mark.parametrize(
    ("target", "asked", "seen"),
    [
        ("/items/{id}", "/v1/items/7", "/items/7%2F8"),
        ("/items/{id}", "/v1/items/7?a=1&b", "/items/7%2F8?a=1&b"),
        ("/fixed", "/v1/items/7", "/fixed"),
        ("/fixed", "/v1/items/7?a=%20", "/fixed?a=%20"),
        ("/fixed?own=1", "/v1/items/7?a=1", "/fixed?own=1"),
        ("/fixed?", "/v1/items/7?a=1", "/fixed?"),
        ("/find?q={query.a}&id={id}", "/v1/items/7?a=x%26y", "/find?q=x%26y&id=7%2F8"),
        ("/by/{query.a}", "/v1/items/7?a=x/y", "/by/x%2Fy?a=x/y"),
        ("/...", "/v1/items/7", "/..."),
    ],
)
def test_rewrite(target: str, asked: str, seen: str) -> None:
    assert upstream_path(target, asked, id="7%2F8") == seen


@pytest.mark.parametrize("target", ["items", "", "?q=1", "/a/../b", "/a/.", "/..", "/{id}/.."])
def test_a_rewrite_that_cannot_be(target: str) -> None:
    with pytest.raises(ValueError, match="rewrite"):
        rewrite.compile(Rewrite(target, "f:1"))


def test_what_the_client_writes_cannot_climb() -> None:
    with pytest.raises(GatewayError):
        upstream_path("/files/{query.name}", "/?name=../secret")


def test_there_is_no_way_back() -> None:
    steps = rewrite.compile(Rewrite("/x", "f:1"))
    assert (steps.on_response, steps.on_close) == (None, None)
