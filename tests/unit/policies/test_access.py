"""What a caller may do: all scopes, any role, every claim; and what is missing is told, not what is there."""

from __future__ import annotations

import pytest

from gateway import errors
from gateway._fast.authorization import Rule
from gateway.auth import authorize as access
from gateway.auth.caller import Caller
from gateway.errors import GatewayError
from tests.exchanges import exchange

RULE = Rule(("items:read", "items:write"), frozenset({"editor", "admin"}), ((("tenant",), "equals", ((("id",),),)),))


def caller(scopes="items:read items:write", roles="editor", tenant="acme") -> Caller:
    claims = {"sub": "alice", "tenant": tenant, "secret": "hush"}
    return Caller("staff", "alice", claims, scopes=frozenset(scopes.split()), roles=frozenset(roles.split()))


def walk(who: Caller | None) -> None:
    hook = access.compile(RULE).on_request
    assert hook is not None
    assert hook(exchange(params={"id": "acme"}, caller=who)) is None


def test_who_has_all_of_it_goes_on() -> None:
    walk(caller())
    walk(caller(scopes="*"))


def test_a_stranger_is_not_this_step_s_business() -> None:
    walk(None)


@pytest.mark.parametrize(
    ("who", "word"),
    [
        (caller(scopes="items:read"), "items:write"),
        (caller(roles="viewer"), "admin"),
        (caller(tenant="globex"), "tenant"),
    ],
)
def test_what_is_missing_is_told(who: Caller, word: str) -> None:
    with pytest.raises(GatewayError) as caught:
        walk(who)
    error = caught.value
    assert error.kind is errors.FORBIDDEN and error.kind.status == 403
    assert word in error.detail
    assert "globex" not in error.detail and "hush" not in error.detail
    assert not error.headers, "what lacks stands in the body alone"
