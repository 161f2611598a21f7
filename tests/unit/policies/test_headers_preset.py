"""headers: what `preset: security` puts on answers, and whose word comes before it."""

from __future__ import annotations

import pytest

from gateway.config.header_edits_model import HeaderEdit, HeaderRules, Pairs
from gateway.contracts import Tools
from gateway.exchange import Headers, Response
from gateway.upstream import header_edits as headers
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)
NOTHING = HeaderEdit((), (), ())
FRAMES = [("X-Frame-Options", "DENY"), ("Content-Security-Policy", "frame-ancestors 'none'")]
OTHERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
STRICT = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def edit(set: Pairs = (), add: Pairs = (), remove: tuple[str, ...] = ()) -> HeaderEdit:
    return HeaderEdit(set, add, remove)


def answered(sent: Headers, response: HeaderEdit = NOTHING, scheme: str = "https") -> Headers:
    steps = headers.compile(HeaderRules(NOTHING, response, "f:1", "security"))
    assert steps.on_request is None and steps.on_response is not None
    for _ in range(2):  # what is made ready is not used up
        answer = Response(200, list(sent))
        assert steps.on_response(exchange(scheme=scheme), answer) is None
    return answer.headers


def test_all_of_them_behind_what_the_upstream_sent() -> None:
    assert answered([("Server", "x")]) == [("Server", "x"), *OTHERS, *FRAMES, STRICT]


def test_only_https_is_told_to_stay_https() -> None:
    assert answered([], scheme="http") == [*OTHERS, *FRAMES]


@pytest.mark.parametrize("field", [*OTHERS, FRAMES[1], STRICT], ids=lambda field: field[0])
@pytest.mark.parametrize("name", [str.lower, str.upper])
def test_what_the_upstream_says_stays_alone(field: tuple[str, str], name) -> None:
    theirs = (name(field[0]), "theirs")
    assert answered([theirs]) == [theirs, *(each for each in (*OTHERS, *FRAMES, STRICT) if each != field)]


def test_who_lets_its_own_site_frame_it_is_not_overruled() -> None:
    theirs = ("x-frame-options", "SAMEORIGIN")
    assert answered([theirs]) == [theirs, *OTHERS, STRICT]


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (edit(set=(("X-Frame-Options", "SAMEORIGIN"),)), [*OTHERS, STRICT, ("X-Frame-Options", "SAMEORIGIN")]),
        (edit(add=(("referrer-policy", "origin"),)), [*OTHERS[:1], *OTHERS[2:], *FRAMES, STRICT,
                                                      ("referrer-policy", "origin")]),
        (edit(remove=("strict-transport-security", "Server")), [*OTHERS, *FRAMES]),
        (edit(set=(("X-Path", "{query.q}"),)), [*OTHERS, *FRAMES, STRICT, ("X-Path", "")]),
    ],
)  # fmt: skip
def test_what_the_rules_name_is_theirs_to_say(rules: HeaderEdit, left: Headers) -> None:
    assert answered([("Server", "x")], rules) == ([] if "Server" in rules.remove else [("Server", "x")]) + left


def test_without_the_preset_there_is_no_step() -> None:
    assert headers.compile(HeaderRules(NOTHING, NOTHING, "f:1")).on_response is None
