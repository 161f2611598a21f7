"""What is kept of an answer, and what it is rebuilt from."""

from functools import partial

from gateway.cache import vary
from gateway.cache.request_directives import RequestDirectives, bare
from gateway.cache.response import respond_from_cache
from gateway.cache.revalidate import conditional, freshened
from gateway.cache.rules import CacheOptions
from gateway.cache.storable import refusal
from gateway.cache.stored_response import current_age, rebuilt, selects, stored
from gateway.http.accept_encoding import choose
from gateway.http.dates import date_of

NOW = 1_700_000_000.0
RULES = CacheOptions(ttl=60.0)


def test_what_belongs_to_one_message_is_left_out() -> None:
    came = [("AGE", "5"), ("Connection", "x"), ("Content-Length", "3"), ("X-A", "b"), ("Date", "once")]
    kept = stored([], 200, came, 3, (NOW, NOW), RULES)
    assert kept.headers == (("X-A", "b"), ("Date", date_of(NOW)))


def test_the_age_counts_the_way_of_the_answer_and_no_clock_that_was_set_back() -> None:
    kept = stored([], 200, [("Age", "5"), ("Date", date_of(NOW - 3))], 3, (NOW - 2, NOW), RULES)
    assert current_age(kept, NOW + 10) == 17.0
    assert current_age(kept, NOW - 100) == 7.0
    assert stored([], 200, [("Age", "5")], 3, (NOW + 50, NOW), RULES).initial_age == 5.0


def test_rebuilt_of_its_parts_it_is_the_same_and_follows_other_rules() -> None:
    request = [("X-A", "b")]
    one = stored(request, 200, [("Vary", "X-A"), ("Age", "7"), ("ETag", '"a"')], 3, (NOW - 1, NOW), RULES)
    parts = (one.status, one.headers, one.length, (NOW - 1, NOW), one.initial_age, one.vary)
    assert rebuilt(*parts, RULES) == one
    assert rebuilt(*parts, CacheOptions(ttl=5.0)).lifetime == 5.0
    assert selects(one, request, RULES)
    assert not selects(one, [], RULES)


def test_an_accept_encoding_selects_by_the_coding_it_comes_to() -> None:
    rules = CacheOptions(ttl=60.0, coding=lambda accept: choose(accept, ("br", "gzip")))
    one = stored([("Accept-Encoding", "gzip, br")], 200, [("Vary", "Accept-Encoding")], 3, (NOW, NOW), rules)
    assert one.vary == (("accept-encoding", "br"),)
    assert selects(one, [("Accept-Encoding", "br;q=0.9, gzip;q=0.1, x")], rules)
    assert not selects(one, [("Accept-Encoding", "gzip")], rules)
    assert not selects(one, [], rules)


def test_a_star_selects_nothing() -> None:
    assert not selects(stored([], 200, [("Vary", "a, *")], 3, (NOW, NOW), RULES), [], RULES)


def test_names_are_those_of_answer_and_route() -> None:
    assert vary.names([("Vary", "X-B ,x-a"), ("VARY", "x-a,,")], CacheOptions(vary=("x-c",))) == ("x-a", "x-b", "x-c")


def test_a_field_that_is_not_there_is_not_one_that_is_empty() -> None:
    chosen = partial(vary.selecting, ("x-a",), rules=RULES)
    assert chosen([]) != chosen([("X-A", "")])
    assert chosen([("X-A", "b"), ("x-a", "c")]) == (("x-a", "b, c"),)


def test_both_validators_are_sent_and_what_cannot_be_one_is_not() -> None:
    one = stored([], 200, [("ETag", 'W/"a"'), ("Last-Modified", date_of(NOW))], 3, (NOW, NOW), RULES)
    assert conditional(one) == [("If-None-Match", 'W/"a"'), ("If-Modified-Since", date_of(NOW))]
    two = stored([], 200, [("ETag", '"a"'), ("ETag", '"b"'), ("Last-Modified", "once")], 3, (NOW, NOW), RULES)
    assert conditional(two) == []


def test_a_compressed_answer_keeps_its_weak_tag_and_its_vary() -> None:
    came = [("ETag", 'W/"a"'), ("Content-Encoding", "br"), ("Vary", "Accept-Encoding"), ("Cache-Control", "max-age=1")]
    one = stored([], 200, came, 3, (NOW, NOW), RULES)
    said = [("ETag", '"a"'), ("Vary", "X-A"), ("Cache-Control", "max-age=9")]
    two = freshened(one, [("X-A", "b")], said, (NOW + 5, NOW + 5), RULES)
    assert dict(two.headers) | {"Vary": ""} == {
        "ETag": 'W/"a"', "Content-Encoding": "br", "Vary": "", "Cache-Control": "max-age=9", "Date": date_of(NOW + 5)
    }  # fmt: skip
    assert two.vary is not None
    assert [name for name, _ in two.vary] == ["accept-encoding", "x-a"]


def test_entries_of_one_caller_may_be_of_requests_with_authorization() -> None:
    asked = RequestDirectives.of("GET", [("Authorization", "Basic eDp5")])
    assert refusal(asked, 200, [], RULES) == "authorization"
    assert refusal(asked, 200, [], CacheOptions(ttl=60.0, partitioned=True)) is None
    private = [("Cache-Control", "private")]
    assert (
        refusal(asked, 200, private, CacheOptions(ttl=60.0, partitioned=True, shared=True, cookies=True)) == "private"
    )


def test_cookies_are_stored_where_the_route_asks_for_it() -> None:
    headers = [("Set-Cookie", "a=b")]
    assert refusal(RequestDirectives.of("GET", []), 200, headers, RULES) == "set-cookie"
    assert refusal(RequestDirectives.of("GET", []), 200, headers, CacheOptions(ttl=60.0, cookies=True)) is None


def test_what_may_only_be_given_stale_is_stored_all_the_same() -> None:
    headers = [("Cache-Control", "max-age=0")]
    assert refusal(RequestDirectives.of("GET", []), 200, headers, CacheOptions()) == "no-freshness"
    assert refusal(RequestDirectives.of("GET", []), 200, headers, CacheOptions(stale_if_error=9.0)) is None


def test_a_head_is_told_the_length_but_of_an_answer_that_has_none() -> None:
    head = RequestDirectives.of("HEAD", [])
    for status, length in ((200, "3"), (404, "3"), (204, None)):
        body = b"" if status == 204 else b"abc"
        answer = respond_from_cache(head, stored([], status, [], len(body), (NOW, NOW), RULES), body, 0)
        assert (answer.body, dict(answer.headers).get("Content-Length")) == (b"", length)


def test_a_leader_asks_for_the_whole() -> None:
    asked = [
        ("Range", "bytes=0-1"),
        ("IF-NONE-MATCH", '"a"'),
        ("If-Modified-Since", "x"),
        ("If-Range", "x"),
        ("X-A", "b"),
    ]
    assert bare(asked) == [("X-A", "b")]
    assert not RequestDirectives.of("GET", asked).is_plain
    assert RequestDirectives.of("GET", []).is_plain
