"""Pairs of Cache-Control fields, compared with the oracle that was written by the letter of the RFC."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.cache.lookup import verdict
from gateway.cache.request_directives import RequestDirectives
from gateway.cache.rules import CacheOptions
from gateway.cache.storable import refusal
from gateway.cache.stored_response import stored
from tests.oracles import cache_oracle
from tests.support.drawing import examples

NAMES = (
    "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "max-stale", "min-fresh", "no-cache", "no-store",
    "private", "public", "must-revalidate", "proxy-revalidate", "must-understand", "only-if-cached", "foo", "",
)  # fmt: skip
ARGUMENTS = (
    "", "=", "=0", "=5", "=10", "=50", "=100", "=2147483648", "=99999999999", '="10"', '="a, no-store"', '="a', "=-1",
    "=x", " =10", "= 10", '="a\\", private"',
)  # fmt: skip
MEMBERS = st.builds("".join, st.tuples(st.sampled_from(NAMES), st.sampled_from(ARGUMENTS)))
FIELDS = st.one_of(
    st.lists(MEMBERS, max_size=4).map(", ".join),
    st.lists(MEMBERS, max_size=4).map(lambda members: " ,".join(members).upper()),
    st.text('max-age=no-store10", \\', max_size=30),
)
TAG = ("ETag", '"a"')


@given(FIELDS, FIELDS, st.sampled_from((200, 201, 206, 299, 404, 500)), st.booleans(), st.booleans())
@examples(300)
@example("", "must-understand, no-store, max-age=1", 299, True, False)
def test_whether_it_may_be_stored(request: str, answer: str, status: int, has_tag: bool, authorized: bool) -> None:
    fields = [("Cache-Control", request), *([("Authorization", "Basic eDp5")] if authorized else [])]
    headers = [("Cache-Control", answer), *([TAG] if has_tag else [])]
    allowed = refusal(RequestDirectives.of("GET", fields), status, headers, CacheOptions()) is None
    assert allowed == cache_oracle.may_store(request, answer, status, has_tag, authorized)


@given(FIELDS, FIELDS, st.sampled_from((0.0, 0.5, 5.0, 10.0, 20.0, 99.5, 100.0, 150.0, 3e9)))
@examples(400)
@example("max-stale=5", "max-age=5", 10.0)
@example("", "s-maxage=5, stale-while-revalidate=10", 10.0)
def test_what_is_done_with_it(request: str, answer: str, age: float) -> None:
    kept = stored([], 200, [("Cache-Control", answer), TAG], 5, (1000.0, 1000.0), CacheOptions())
    found = verdict(RequestDirectives.of("GET", [("Cache-Control", request)]), kept, 1000.0 + age)
    assert found.use.name == cache_oracle.use(request, answer, age)
    assert found.age == int(age)
