"""Access-log lines against their oracle: what is logged, what is hidden, what is dropped."""

import json
import os
import zlib
from datetime import datetime
from time import monotonic, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.access_log_line import CombinedLine, JsonLine, Line, Secrets
from gateway._fast.log_buffer import Batch
from gateway._fast.trace_context import Trace, Tracer
from gateway.auth.caller import Caller
from gateway.exchange import Exchange, Response
from gateway.observability.access_log import SECRETS
from tests.exchanges import exchange, route
from tests.oracles import line_oracle

NAMES = ("authorization", "x-beta", "x-plan")
NOW, ENDED = 1_795_000_000.25, 100.5

latin = st.text(st.characters(max_codepoint=0xFF), max_size=40)
# Two halves of a surrogate pair side by side are one character to json.loads.
anything = st.text(max_size=20) | st.text(st.characters(min_codepoint=0xD780, max_codepoint=0xDBFF), max_size=5)
queries = st.lists(
    st.sampled_from(
        ["page=2", "token=abc", "%74oken=a", "Api-Key=b", "key", "key=", "user[password]=x", "a?sig=1", "x=y=z"]
    )
    | latin,
    max_size=5,
).map("&".join)
targets = st.builds(
    lambda path, query: path + ("?" + query if query else ""), latin.map(lambda text: "/" + text), queries
)
header_names = st.sampled_from(
    ["X-Beta", "x-beta", "X-PLAN", "Authorization", "User-Agent", "user-agent", "Referer", "Host"]
)


def traced() -> Trace | None:
    """What a request's trace is after the step for it."""
    request = exchange()
    Tracer(0.0, False, False, os.urandom)(request)
    return request.trace


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    return exchange(
        draw(st.sampled_from(["GET", "POST", 'A"B', "PROPFIND"])),
        draw(targets),
        draw(st.lists(st.tuples(header_names | latin, latin | targets), max_size=6)),
        started=draw(st.floats(0, 200)),
        client=draw(st.sampled_from(["192.0.2.1", "2001:db8::1", ""])),
        host=draw(latin),
        caller=draw(st.none() | st.builds(Caller, st.sampled_from(["staff", "web"]), anything, st.just({}))),
        route=route(draw(anything)),
        trace=draw(st.none() | st.just(traced())),
        upstream=draw(st.none() | anything),
        address=draw(st.none() | st.just("127.0.0.1:9101")),
        error=draw(st.none() | st.sampled_from(["client-closed", "upstream-reset"])),
        response=draw(st.none() | st.builds(Response, st.integers(100, 599), st.just([]))),
        attempts=draw(st.integers(0, 9)),
        sent=draw(st.integers(0, 2**62)),
        received=draw(st.sampled_from([0, 1, 2**40])),
        upstream_time=draw(st.floats(0, 1000)),
    )


def batch_of(limit: int = 1 << 20) -> Batch:
    return Batch(limit, 1 << 16, lambda: None, lambda: None)


def written(line: type[Line], asked: Exchange, names: tuple[str, ...] = NAMES) -> bytes:
    batch = batch_of()
    line(batch, names, SECRETS).add(asked, NOW, ENDED)
    return batch.chunk(1 << 20)


@given(exchanges())
def test_a_json_line_says_what_the_oracle_says(asked: Exchange) -> None:
    text = written(JsonLine, asked)
    assert text.endswith(b"}\n") and text.count(b"\n") == 1
    pairs = json.loads(text, object_pairs_hook=list)
    expected = line_oracle.as_dict(asked, NAMES, NOW, ENDED)
    assert json.loads(text) == expected
    assert [name for name, _ in pairs] == list(expected)


@given(exchanges())
def test_a_combined_line_is_what_the_oracle_writes(asked: Exchange) -> None:
    assert written(CombinedLine, asked).decode("ascii") == line_oracle.as_combined(asked, NOW, ENDED)


@given(latin)
def test_names_of_secrets(name: str) -> None:
    # hides() takes text, the oracle latin-1: alike where both are ASCII
    if name.isascii():
        assert SECRETS.hides(name) == line_oracle.is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["token", "access_token", "key", "api_key", "apikey", "X-API-Key", "password", "client_secret", "code", "sig",
     "X-Amz-Signature", "accessToken", "Authorization", "Proxy-Authorization", "Cookie", "user[password]", "%74oken",
     "x" * 193],
)  # fmt: skip
def test_secrets(name: str) -> None:
    assert SECRETS.hides(name)


@pytest.mark.parametrize(
    "name", ["page", "limit", "keyword", "tokens", "country_code", "monkey", "x" * 192, "", "[]", "%"]
)
def test_no_secrets(name: str) -> None:
    assert not SECRETS.hides(name)


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("/a?token=abc&page=2", "/a?token=***&page=2"),
        ("/a?page=2;token=abc", "/a?page=2;token=***"),
        ("/a?%74%6Fken=abc", "/a?%74%6Fken=***"),
        ("/a?b=1?token=abc", "/a?b=1?token=***"),
        ("/token=abc", "/token=abc"),
        ("/a?token=&token", "/a?token=&token"),
        ("/a?token=x=y", "/a?token=***"),
    ],
)
def test_secrets_in_the_query_are_hidden(sent: str, logged: str) -> None:
    assert json.loads(written(JsonLine, exchange(target=sent)))["target"] == logged
    referred = exchange(headers=[("Referer", "https://a.example" + sent)])
    assert f'"https://a.example{logged}"' in written(CombinedLine, referred).decode()


@pytest.mark.parametrize("text", ["".join(map(chr, range(256))), "€ 😀", "\ud800 alone", '"' * 50, "plain" * 50])
def test_texts_of_every_kind(text: str) -> None:
    assert json.loads(written(JsonLine, exchange(route=route(text))))["route"] == text


@pytest.mark.parametrize("length", range(20))
def test_a_character_that_needs_an_escape_anywhere_in_a_word(length: int) -> None:
    for special in '"\\\n\x00\x1f\x7f\x80\xff':
        text = "a" * length + special + "b" * 9
        assert json.loads(written(JsonLine, exchange(host=text)))["host"] == text


def test_a_second_goes_over_into_the_next() -> None:
    batch = batch_of()
    line = JsonLine(batch, (), SECRETS)
    for now in (1_795_000_000.999, 1_795_000_001.0, 1_795_000_000.5):
        line.add(exchange(started=ENDED), now, ENDED)
    times = [json.loads(text)["time"] for text in batch.chunk(1 << 20).splitlines()]
    assert times == ["2026-11-18T11:06:40.999Z", "2026-11-18T11:06:41.000Z", "2026-11-18T11:06:40.500Z"]


def test_the_hook_reads_the_clocks() -> None:
    batch = batch_of()
    asked = exchange(started=monotonic() - 2.0)
    before, came = monotonic(), time() - 2.0
    JsonLine(batch, (), SECRETS)(asked)
    after = monotonic()
    said = json.loads(batch.chunk(1 << 20))
    assert before - asked.started - 1e-6 <= said["duration_ms"] / 1000 <= after - asked.started + 1e-6
    assert abs(datetime.fromisoformat(said["time"]).timestamp() - came) < 1 + (after - before)


def kept(share: float, identities: list[str], status: int = 200) -> list[str]:
    batch = batch_of(1 << 24)
    line = JsonLine(batch, (), SECRETS, round(share * 2**32))
    for identity in identities:
        line.add(exchange(request_id=identity, response=Response(status, [])), NOW, ENDED)
    return [json.loads(text)["id"] for text in batch.chunk(1 << 24).splitlines()]


def test_a_sample_is_decided_by_the_request_id() -> None:
    identities = [f"{number:032x}" for number in range(4000)]
    sample = kept(0.1, identities)
    assert sample == [each for each in identities if zlib.crc32(each.encode()) < round(0.1 * 2**32)]
    assert 300 < len(sample) < 500
    assert kept(1.0, identities[:50]) == identities[:50]
    assert kept(0.0, identities[:50]) == []


def test_a_server_error_is_always_kept() -> None:
    assert kept(0.0, ["a"], 503) == ["a"]
    assert kept(0.0, ["a"], 499) == []


def test_a_line_that_cannot_be_made_leaves_nothing_behind() -> None:
    batch = batch_of()
    line = JsonLine(batch, (), SECRETS)
    line.add(exchange(request_id="first"), NOW, ENDED)
    with pytest.raises(TypeError):
        line.add(exchange(method=7), NOW, ENDED)
    with pytest.raises(ValueError, match="latin-1"):
        line.add(exchange(target="/€"), NOW, ENDED)
    line.add(exchange(request_id="second"), NOW, ENDED)
    assert [json.loads(text)["id"] for text in batch.chunk(1 << 20).splitlines()] == ["first", "second"]


def test_the_base_class_has_no_format() -> None:
    with pytest.raises(NotImplementedError):
        Line(batch_of(), (), SECRETS).add(exchange(), NOW, ENDED)


def test_other_words_for_secrets() -> None:
    assert Secrets(("x",), ()).hides("X") and not Secrets(("x",), ()).hides("token")
