"""headers: remove, then set, then add; both ways."""

import pytest

from gateway.config.header_edits_model import HeaderEdit, HeaderRules, Pairs
from gateway.contracts import Tools
from gateway.errors import GatewayError
from gateway.exchange import Headers, Response
from gateway.upstream import header_edits as headers
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)
NOTHING = HeaderEdit((), (), ())
SENT = [("Server", "nginx"), ("X-A", "1"), ("Date", "now"), ("x-a", "2"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]


def edit(set: Pairs = (), add: Pairs = (), remove: tuple[str, ...] = ()) -> HeaderEdit:
    return HeaderEdit(set, add, remove)


EDITS = [
    (edit(remove=("SERVER",)), SENT[1:]),
    (edit(remove=("Set-Cookie", "X-None")), SENT[:4]),
    (edit(set=(("X-A", "3"),)), [SENT[0], SENT[2], SENT[4], SENT[5], ("X-A", "3")]),
    (edit(set=(("X-New", "é"),)), [*SENT, ("X-New", "é")]),
    (edit(add=(("x-a", "3"),)), [*SENT, ("x-a", "3")]),
    (
        edit(set=(("X-A", "3"),), add=(("X-B", "4"),), remove=("Server", "date")),
        [*SENT[4:], ("X-A", "3"), ("X-B", "4")],
    ),
    (edit(set=(("X-A", "{query.q}-{header.Accept}"),), remove=("Server", "date", "set-cookie")), [("X-A", "v-*/*")]),
    (
        edit(add=(("Location", "/{id}?q={query.q}"),), remove=("X-A",)),
        [SENT[0], SENT[2], *SENT[4:], ("Location", "/7?q=v")],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), EDITS)
def test_the_answer(edits: HeaderEdit, expected: Headers) -> None:
    steps = headers.compile(HeaderRules(NOTHING, edits, "f:1"))
    assert steps.on_request is None
    response = Response(200, list(SENT))
    for _ in range(2):  # what is made ready is not used up
        response.headers = list(SENT)
        asked = exchange(target="/?q=v", params={"id": "7"}, headers=[("accept", "*/*")])
        assert steps.on_response(asked, response) is None
        assert response.headers == expected


@pytest.mark.parametrize(("edits", "expected"), EDITS)
def test_the_request(edits: HeaderEdit, expected: Headers) -> None:
    steps = headers.compile(HeaderRules(edits, NOTHING, "f:1"))
    assert steps.on_response is None
    sent = [*SENT, ("Accept", "*/*")]
    asked = exchange(target="/?q=v", params={"id": "7"}, headers=sent)
    assert steps.on_request(asked) is None
    assert [field for field in asked.outgoing if field[0] != "Accept"] == expected
    assert asked.headers == [*SENT, ("Accept", "*/*")]


def test_no_edit_is_no_step() -> None:
    steps = headers.compile(HeaderRules(NOTHING, NOTHING, "f:1"))
    assert (steps.on_request, steps.on_response, steps.on_close) == (None, None, None)


def test_nothing_of_the_client_ends_a_field() -> None:
    rules = HeaderRules(NOTHING, edit(set=(("X-Q", "{query.q}"), ("X-R", "{query.q}"))), "f:1")
    response = Response(200, [])
    headers.compile(rules).on_response(exchange(target="/?q=a%0D%0AX:b"), response)
    assert response.headers == [("X-Q", "aX:b"), ("X-R", "aX:b")]


def test_a_location_takes_no_controls_at_all() -> None:
    rules = HeaderRules(NOTHING, edit(set=(("Location", "/{query.q}"),)), "f:1")
    response = Response(200, [])
    with pytest.raises(GatewayError, match="ambiguous-path"):
        headers.compile(rules).on_response(exchange(target="/?q=a%0D%0AX:b"), response)
    assert response.headers == []


RENAMED = [
    ((("x-a", "X-B"),), SENT, [SENT[0], ("X-B", "1"), SENT[2], ("X-B", "2"), *SENT[4:]]),
    ((("X-None", "Server"),), SENT, SENT),
    ((("Set-Cookie", "Server"),), SENT, [*SENT[1:4], ("Server", "a"), ("Server", "b")]),
    ((("Server", "X-S"), ("Date", "X-D")), SENT[:3], [("X-S", "nginx"), SENT[1], ("X-D", "now")]),
]


@pytest.mark.parametrize(("pairs", "sent", "expected"), RENAMED)
def test_other_names(pairs: Pairs, sent: Headers, expected: Headers) -> None:
    rules = HeaderEdit((("X-Set", "s"),), (), ("X-Gone",), pairs)
    steps = headers.compile(HeaderRules(rules, rules, "f:1"))
    response, asked = Response(200, [*sent, ("X-Gone", "1")]), exchange(headers=[*sent, ("x-set", "1")])
    assert steps.on_response is not None and steps.on_request is not None
    steps.on_response(asked, response)
    steps.on_request(asked)
    assert response.headers == asked.outgoing == [*expected, ("X-Set", "s")]
    assert all(any(field is one for one in asked.headers) for field in asked.outgoing if field in sent)


def test_other_names_alone() -> None:
    rules = HeaderEdit((), (), (), (("Server", "X-S"),))
    steps = headers.compile(HeaderRules(rules, rules, "f:1"))
    response, asked = Response(200, [SENT[0]]), exchange(headers=[SENT[0]])
    assert steps.on_response is not None and steps.on_request is not None
    steps.on_response(asked, response)
    steps.on_request(asked)
    assert response.headers == asked.outgoing == [("X-S", "nginx")]
