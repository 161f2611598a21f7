"""Templates: where a value comes from, how it is written, and what it can never do."""

import re
from urllib.parse import quote, unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.caller import Caller
from gateway.errors import AMBIGUOUS_PATH, GatewayError
from gateway.http import template as templates
from tests.exchanges import exchange


def rendered(text: str, place: templates.Place = "url", target: str = "/", headers=(), **known) -> str:
    return templates.compile(text, place).render(exchange(target=target, headers=list(headers), **known))


@pytest.mark.parametrize("text", ["/items", '{"a": {"b": 1}}', "100%", "{", "%s {0} {}", ""])
def test_a_text_without_variables_is_itself(text: str) -> None:
    template = templates.compile(text, "text")
    assert template.is_constant
    assert template.text == template.render(exchange()) == text


def test_every_kind_of_variable() -> None:
    text = "{id} {query.q} {header.X-Name} %d {nope}"
    asked = {"target": "/x?q=a+b%26c", "params": {"id": "7"}, "headers": [("x-name", "Jo")]}
    assert rendered(text, "text", **asked) == "7 a b&c Jo %d "
    assert not templates.compile(text, "text").is_constant


@pytest.mark.parametrize("place", ["url", "header", "text"])
def test_what_the_request_does_not_have_is_empty(place: templates.Place) -> None:
    assert rendered("<{id}{query.q}{header.X}>", place) == "<>"


CLAIMS = {
    "sub": "al ice",
    "n": 7,
    "ok": True,
    "aud": ["a", "b"],
    "realm": {"roles": ["x"]},
    "a.b": "dotted",
    "a": {"b": 1},
}


@pytest.mark.parametrize(
    ("name", "text"),
    [("sub", "al ice"), ("n", "7"), ("ok", "true"), ("aud", "a,b"), ("realm", '{"roles":["x"]}'), ("realm.roles", "x"),
     ("a.b", "dotted"), ("none", ""), ("sub.deeper", "")],
)  # fmt: skip
def test_claims_of_the_caller(name: str, text: str) -> None:
    caller = Caller("staff", "al ice", CLAIMS)
    assert rendered(f"<{{claim.{name}}}>", "text", caller=caller) == f"<{text}>"
    assert rendered(f"<{{claim.{name}}}>", "text") == "<>"


def test_a_claim_cannot_end_a_header_or_climb_in_a_path() -> None:
    caller = Caller("staff", "x", {"sub": "a\r\nX: y", "up": ".."})
    assert rendered("{claim.sub}", "header", caller=caller) == "aX: y"
    with pytest.raises(GatewayError):
        rendered("/users/{claim.up}", "url", caller=caller)


@pytest.mark.parametrize("place", ["url", "header", "text"])
def test_parameters_go_back_as_they_came(place: templates.Place) -> None:
    assert rendered("/x/{rest}", place, params={"rest": "a%2Fb/c%20d&e=f"}) == "/x/a%2Fb/c%20d&e=f"


def test_a_parameter_in_a_query_adds_no_other_parameters() -> None:
    params = {"id": "a&admin=1;x+y?z%26"}
    assert rendered("/x/{id}?id={id}", params=params) == "/x/a&admin=1;x+y?z%26?id=a%26admin%3D1%3Bx%2By%3Fz%26"


def test_the_first_of_several_query_values_under_an_encoded_name() -> None:
    assert rendered("{query.a_b}", "text", target="/?x=0&a%5Fb=1&a_b=2") == "1"
    assert rendered("{query.q}", "text", target="/?q") == ""


@given(st.text(max_size=20))
def test_a_query_value_in_a_path_is_one_piece_of_one_segment(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    try:
        path = rendered("/items/{query.q}/end", target="/?q=" + quote(value))
    except GatewayError as error:
        assert error.kind is AMBIGUOUS_PATH
        assert re.search(r"[\x00-\x1f\x7f]", value) or {".", ".."} & set(re.split(r"[/\\]", value))
    else:
        assert path.count("/") == 3
        assert re.fullmatch(r"[A-Za-z0-9%._~/-]*", path)
        assert unquote(path.split("/")[2]) == value


@pytest.mark.parametrize("value", [".", "..", "a/../b", "..%5Cb", "%2e%2e", "%2E%2E%2Fb", "a/.", "%00", "a%0Ab", "%7f"])
@pytest.mark.parametrize("text", ["/files/{query.q}", "/files/{header.X-File}"])
def test_a_value_that_climbs_is_refused(text: str, value: str) -> None:
    with pytest.raises(GatewayError) as raised:
        rendered(text, target=f"/?q={value}", headers=[("X-File", unquote(value))])
    assert raised.value.kind is AMBIGUOUS_PATH


def test_dots_within_a_name_pass() -> None:
    assert rendered("/files/{query.q}", target="/?q=a..b.tar.gz") == "/files/a..b.tar.gz"
    assert rendered("/files/{query.q}", target="/?q=%252e%252e") == "/files/%252e%252e"


@given(st.text(max_size=20), st.text(max_size=20))
def test_query_values_stay_in_their_parameter(one: str, other: str) -> None:
    values = [value.encode("utf-8", "ignore").decode() for value in (one, other)]
    target = "/?a=" + quote(values[0]) + "&b=" + quote(values[1])
    query = rendered("/x?one={query.a}&other={query.b}", target=target).partition("?")[2]
    assert [unquote_plus(pair.partition("=")[2]) for pair in query.split("&")] == values


def test_bytes_that_are_not_utf_8() -> None:
    asked = {"target": "/?q=%FF%C3%A9", "headers": [("X", "\xff\xc3\xa9")]}
    for variable in ("{query.q}", "{header.X}"):
        assert rendered("/" + variable, "url", **asked) == "/%FF%C3%A9"
        assert rendered(variable, "header", **asked) == "\xff\xc3\xa9"
        assert rendered(variable, "text", **asked) == "\ufffdé"


@given(st.text(max_size=30))
def test_nothing_ends_a_header(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    result = rendered("<{query.q}>", "header", target="/?q=" + quote(value))
    assert not re.search(r"[\x00-\x1f\x7f]", result)
    assert result.encode("latin-1").decode() == "<" + re.sub(r"[\x00-\x1f\x7f]", "", value) + ">"


def test_response_splitting() -> None:
    assert rendered("{query.q}", "header", target="/?q=a%0d%0aSet-Cookie:%20x=1") == "aSet-Cookie: x=1"
