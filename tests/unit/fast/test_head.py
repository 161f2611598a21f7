"""`_fast.http1_head` against its oracle: what is refused, and what is understood."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast import http1_head as head
from gateway._fast.head_rules import RULES, Refused
from gateway.errors import KINDS
from tests.oracles import head_oracle
from tests.oracles.head_oracle import Limits, Verdict

SMALL = Limits(80, 60, 6)
FIELDS = [
    b"Host: a.example",
    b"Host: b:80",
    b"host:[::1]",
    b"Host: a b",
    b"Host:",
    b"Host: u@a",
    b"Host: a%20b",
    b"Host: [v1.a]",
    b"Host: a;b",
    b"Content-Length: 5",
    b"content-length: 0",
    b"Content-Length: 5, 5",
    b"Content-Length: +1",
    b"Content-Length:",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding: CHUNKED ",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: ,",
    b"Transfer-Encoding: ,chunked",
    b"Connection: close",
    b"Connection: keep-alive, X-Mine",
    b"Connection: Upgrade",
    b"Connection: host",
    b"Connection:,",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"X-Mine: 1",
    b"x-mine: 2",
    b"X_Mine: 3",
    b"TE: trailers",
    b"Trailer: X",
    b"Keep-Alive: 5",
    b"Proxy-Authorization: Basic eA==",
    b"Expect: 100-continue",
    b"Expect: 100-Continue",
    b"Expect: x",
    b"Cookie: a=b",
    b"Cookie: c=d",
    b"Content-Type: a/b",
    b"X-Request-ID: 1",
    b"Date: today",
    b"Via: 1.0 a",
    b"X:\ta\t ",
    b"Forwarded: for=1.2.3.4",
    b"X-Forwarded-For: 1.2.3.4",
    b"X: caf\xe9",
    b"X: a\x00b",
    b"X: a\x7f",
    b"X : a",
    b" folded",
    b"\tfolded",
    b"nonsense",
    b": empty",
    b"X(: a",
    b"X: a\rb",
    b"X: " + b"y" * 60,
]
METHODS = [b"GET", b"HEAD", b"POST", b"OPTIONS", b"CONNECT", b"BREW", b"g", b"G(T", b"", b"GET "]
TARGETS = [
    b"/",
    b"/a/b?c=d",
    b"/%41%zz?%20",
    b"*",
    b"http://h.example",
    b"HTTPS://h.example:8/x?y",
    b"http://h?x",
    b"http:///x",
    b"http://u@h/",
    b"ftp://h/",
    b"a.example:443",
    b"a",
    b"?x",
    b"/a#b",
    b"/a\\b",
    b"/\xc3\xa9",
    b"/a b",
    b"",
    b"/" + b"x" * 80,
]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/11.1", b"http/1.1", b"HTTP/1.1 ", b"", b"HTTP/1"]
STATUSES = [
    b"200 OK",
    b"200",
    b"200 ",
    b"099 x",
    b"1000 x",
    b"20 x",
    b"304 caf\xe9",
    b"204 a\x01",
    b"101 S",
    b"999 \t",
    b"200OK",
]
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b""]


def pick(good: int, choices: list[bytes]) -> st.SearchStrategy[bytes]:
    """Mostly one of the first `good` ones."""
    return st.one_of(st.sampled_from(choices[:good]), st.sampled_from(choices[:good]), st.sampled_from(choices))


@st.composite
def heads(draw: st.DrawFn, first: st.SearchStrategy[bytes]) -> bytes:
    """Something like a head, whole or cut, with something behind it."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=7))
    if draw(st.booleans()):
        fields = [b"Host: a.example", *(field for field in fields if not field.lower().startswith(b"host"))]
    raw = draw(st.sampled_from([b"", b"", b"", b"\r\n", b"\r\n" * 5, b"\r", b"\n", b" "]))
    for line in [draw(first), *fields, b""]:
        raw += line + draw(st.sampled_from(ENDS if draw(st.integers(0, 9)) == 0 else [b"\r\n"]))
    raw += draw(st.sampled_from([b"", b"", b"GET", b"\r\n"]))
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 4)) == 0 else raw


REQUEST_LINES = st.tuples(pick(4, METHODS), pick(6, TARGETS), pick(2, VERSIONS)).map(b" ".join)
STATUS_LINES = st.tuples(pick(2, VERSIONS), pick(3, STATUSES)).map(b" ".join)


def understood(made: object, *extra: tuple[str, object]) -> dict[str, object]:
    names = (name for name in dir(made) if not name.startswith("_"))
    return {name: getattr(made, name) for name in names} | dict(extra)


def check(verdict: Verdict, read, data: bytes) -> None:
    """What was read is what the oracle reads; what was refused breaks the very rule that is named."""
    try:
        made = read(data, head.Limits(SMALL.first_line, SMALL.line, SMALL.lines))
    except Refused as refused:
        assert refused.rule.name in verdict.broken
        return
    if made is None:
        assert verdict.found is None
    else:
        found = understood(made[0], ("environ", made[1])) if isinstance(made, tuple) else understood(made)
        assert found == verdict.found


@given(st.one_of(heads(REQUEST_LINES), st.binary(max_size=40)))
@example(b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n")
@example(b"\r\n\r\n\r\n\r\n\r\n\r\n")
@example(b"GET / HTTP/1.1\r\n\r\n")
@example(b"\r\n\rG")
def test_requests(data: bytes) -> None:
    check(head_oracle.request(data, SMALL), head.parse_request, data)


@given(st.one_of(heads(STATUS_LINES), st.binary(max_size=40)))
@example(b"HTTP/1.1 200\r\n\r\n")
@example(b"HTTP/1.1 200OK\r\n\r\n")
@example(b"HTTP/1.1 20\r\n\r\n")
@example(b"HTTP/1.1  200 OK\r\n\r\n")
def test_answers(data: bytes) -> None:
    check(head_oracle.answer(data, SMALL), head.parse_answer, data)


@given(heads(REQUEST_LINES), st.data())
def test_a_request_that_comes_in_pieces_is_the_same(data: bytes, draw: st.DataObject) -> None:
    """A beginning is never refused of what is accepted whole, nor accepted as something else."""
    verdict = head_oracle.request(data, SMALL)
    if verdict.found is not None:
        cut = draw.draw(st.integers(0, int(str(verdict.found["size"])) - 1))
        assert head.parse_request(data[:cut], head.Limits(SMALL.first_line, SMALL.line, SMALL.lines)) is None


WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n"
BREAKING = {
    "first-line-size": b"GET /" + b"x" * 8190 + b" HTTP/1.1\r\n\r\n",
    "line-size": WHOLE + b"X: " + b"y" * 8190 + b"\r\n\r\n",
    "line-count": WHOLE + b"X: y\r\n" * 100 + b"\r\n",
    "bare-lf": WHOLE + b"X: y\n\r\n",
    "bare-cr": WHOLE + b"X: a\rb\r\n\r\n",
    "obs-fold": WHOLE + b" b\r\n\r\n",
    "space-before-colon": WHOLE + b"X : b\r\n\r\n",
    "header-name": WHOLE + b"X(: b\r\n\r\n",
    "header-control": WHOLE + b"X: \x01\r\n\r\n",
    "header-colon": WHOLE + b"X\r\n\r\n",
    "request-line": b"GET /\r\n\r\n",
    "method": b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "version": b"GET / HTTP/2.0\r\n\r\n",
    "target-characters": b"GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
    "target-form": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "authority-form": b"GET a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "host-missing": b"GET / HTTP/1.1\r\n\r\n",
    "host-repeated": WHOLE + b"Host: a\r\n\r\n",
    "host-value": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "length-value": WHOLE + b"Content-Length: x\r\n\r\n",
    "length-repeated": WHOLE + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "length-and-coding": WHOLE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "coding-in-1.0": b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "coding-not-last": WHOLE + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "coding-empty": WHOLE + b"Transfer-Encoding:\r\n\r\n",
    "coding-unknown": WHOLE + b"Transfer-Encoding: gzip\r\n\r\n",
    "expectation": WHOLE + b"Expect: more\r\n\r\n",
}
BREAKING_ANSWERS = {
    "status-line": b"HTTP/1.1 200OK\r\n\r\n",
    "status-code": b"HTTP/1.1 099 OK\r\n\r\n",
    "version": b"HTTP/2.0 200 OK\r\n\r\n",
    "coding-without-body": b"HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
} | {
    name: sent.replace(b"GET / HTTP/1.1", b"HTTP/1.1 200 OK").replace(b"GET / HTTP/1.0", b"HTTP/1.0 200 OK")
    for name, sent in BREAKING.items()
    if RULES[name].answers and name not in ("first-line-size", "version", "line-size", "line-count")
}


@pytest.mark.parametrize("name", BREAKING)
def test_each_rule_for_requests(name: str) -> None:
    with pytest.raises(Refused) as refused:
        head.parse_request(BREAKING[name])
    assert refused.value.rule is RULES[name]


@pytest.mark.parametrize("name", BREAKING_ANSWERS)
def test_each_rule_for_answers(name: str) -> None:
    with pytest.raises(Refused) as refused:
        head.parse_answer(BREAKING_ANSWERS[name])
    assert refused.value.rule is RULES[name]
    assert RULES[name].answers


def test_every_rule_can_be_broken_and_has_an_error() -> None:
    of_bodies = {"chunk-size", "chunk-end", "trailer"}
    assert set(BREAKING) | set(BREAKING_ANSWERS) | of_bodies == set(RULES)
    assert {rule.error for rule in RULES.values()} <= {kind.slug for kind in KINDS}


def test_limits_are_those_that_are_said() -> None:
    assert head.Limits().most > 800_000
    capped = head.Limits(10**6, 10**6, 10**6)
    assert (capped.first_line, capped.line, capped.lines) == (32768, 32768, 200)


def test_an_empty_path_is_no_slash_for_options_alone() -> None:
    """RFC 9112 section 3.2.4."""
    for method, target in ((b"OPTIONS", "*"), (b"GET", "/")):
        made = head.parse_request(method + b" http://b.example HTTP/1.1\r\nHost: a\r\n\r\n")
        assert made is not None
        assert made[0].target == made[1]["RAW_URI"] == target


def test_long_names_do_not_fill_the_memory() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(200):
            head.parse_request(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long-%d%s: b\r\n\r\n" % (number, b"a" * 8000))
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


def test_names_beyond_the_cache_are_understood_too() -> None:
    for number in range(5000):
        made = head.parse_request(WHOLE + b"X-%d: v\r\nConnection: close\r\n\r\n" % number)
        assert made is not None
        assert made[0].headers[-1] == (f"X-{number}", "v")
        assert not made[0].keep_alive


def test_the_documented_table_is_this_one() -> None:
    statuses = {kind.slug: kind.status for kind in KINDS}
    rows = [
        f"| `{name}` | {section} | {statuses[error]} | {'yes' if answers else 'no'} | {words} |"
        for name, section, error, answers, words in RULES.values()
    ]
    page = (Path(__file__).parents[3] / "docs" / "http.md").read_text()
    assert "\n".join(rows) in page
