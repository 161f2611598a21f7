"""`aggregate`: what is read, and every complaint about it."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

from gateway.config.document import loads
from gateway.handlers.aggregate.options import Aggregate
from gateway.upstream.resilience.options import OwnRetry, Retry

HEAD = """version: 1
upstreams: {a: {targets: ['http://127.0.0.1:1']}}
routes:
  - name: page
    match: {path: "/pages/{id}"}
    aggregate:
"""


def read(text: str) -> Aggregate:
    found = loads(HEAD + "".join(f"      {line}\n" for line in text.splitlines()), "x.yaml").routes[0].aggregate
    assert found is not None
    return found


def test_what_is_not_written() -> None:
    found = read("parts: {one: {upstream: a, path: /one}}")
    part = found.parts[0]
    assert (found.response, found.partial, found.meta, found.taken, found.forward) == (None, 200, False, (), None)
    assert (part.method, part.body, part.needs, part.timeout, part.has_default, part.is_required) == (
        "GET", None, (), None, False, False
    )  # fmt: skip
    assert part.retry is None


UPSTREAMS = Retry(2, (503,), ("GET",), 0.5, 0.1, 10, "x.yaml:2")


def test_what_a_part_says_of_further_tries_stands_for_what_its_upstream_says() -> None:
    own = (
        read("parts: {one: {upstream: a, path: /, retry: {attempts: 5, methods: [POST], non_idempotent: true}}}")
        .parts[0]
        .retry
    )
    assert own is not None and own.keys == ("attempts", "methods")
    assert own.over(UPSTREAMS) == Retry(5, (503,), ("POST",), 0.5, 0.1, 10, "x.yaml:7")
    alone = own.over(None)
    assert alone is not None and (alone.attempts, alone.on[0], alone.budget, alone.max_body) == (
        5,
        "connect",
        0.2,
        65536,
    )


def test_a_retry_in_which_nothing_is_written_is_the_upstreams() -> None:
    own = read("parts: {one: {upstream: a, path: /, retry: {}}}").parts[0].retry
    assert own is not None
    kept, alone = own.over(UPSTREAMS), own.over(None)
    assert kept is not None and alone is not None
    assert (kept.attempts, kept.on, kept.backoff) == (2, (503,), 0.1)
    assert (alone.attempts, alone.methods, alone.backoff) == (2, ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"), 0.025)


def test_a_part_without_further_tries() -> None:
    own = read("parts: {one: {upstream: a, path: /, retry: off}}").parts[0].retry
    assert own == OwnRetry(None, ()) and own.over(UPSTREAMS) is None


def test_parts_stand_behind_what_they_need() -> None:
    found = read(
        'parts:\n  c: {upstream: a, path: "/{b.x}"}\n  b: {upstream: a, path: /b, needs: [a]}\n'
        '  a: {upstream: a, path: "/{id}"}'
    )
    assert [(part.name, part.needs) for part in found.parts] == [("a", ()), ("b", ("a",)), ("c", ("b",))]


ONE = "parts: {one: {upstream: a, path: /one}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parts: {}", "aggregate.parts: there is no part"),
        ("meta: true", "aggregate.parts: is missing"),
        ("parts: {one: {upstream: b, path: /}}", 'x.yaml:7:31: routes[0].aggregate.parts.one.upstream: there is no upstream "b"'),
        ("parts: {one: {upstream: a, path: one}}", "expected a path such as /items/{id}"),
        ('parts: {one: {upstream: a, path: "/{ix}"}}', "{ix} is no parameter of the path"),
        ('parts: {one: {upstream: a, path: "/{claim.sub}"}}', "cannot be known here (the route has no `auth`)"),
        ("parts: {one: {upstream: a, path: /, needs: [ona]}}", 'there is no part "ona" (did you mean `one`?)'),
        ('parts: {one: {upstream: a, path: "/{ona.x}"}, two: {upstream: a, path: /}}', "x.yaml:7:40: routes[0].aggregate.parts.one.path: the variable {ona.x} is of no part (did you mean `one`?)"),
        ('parts: {one: {upstream: a, path: /, method: POST, body: {k: ["{qeury.x}"]}}}', "body.k[0]: the variable {qeury.x} is of no part (did you mean `query`?)"),
        ('parts: {one: {upstream: a, path: "/{id"}}', "parts.one.path: a brace that is no variable"),
        ("parts: {one: {upstream: a, path: /, retry: on}}", 'x.yaml:7:50: routes[0].aggregate.parts.one.retry: expected `off` or a mapping, found "on"'),
        ("parts: {one: {upstream: a, path: /, retry: {atempts: 1}}}", "parts.one.retry.atempts: unknown key (did you mean `attempts`?)"),
        ("parts: {one: {upstream: a, path: /, retry: {attempts: 11}}}", "x.yaml:7:61: routes[0].aggregate.parts.one.retry.attempts: expected a whole number from 1 to 10"),
        ("parts: {one: {upstream: a, path: /, retry: {on: [conect]}}}", "retry.on[0]: expected `connect`, `reset` or a status from 200 to 599"),
        ("parts: {one: {upstream: a, path: /, retry: {methods: [GET, POST]}}}", 'x.yaml:7:66: routes[0].aggregate.parts.one.retry.methods[1]: "POST" is not idempotent'),
        ("parts: {one: {upstream: a, path: /, retry: {non_idempotent: true}}}", "parts.one.retry.non_idempotent: `non_idempotent` has no effect"),
        ("parts: {one: {upstream: a, path: /, retry: {budget: 0%}}}", "parts.one.retry.budget: `budget: 0%`: nothing is ever tried again; write `retry: off`"),
        (ONE + "response: {a: {b: [one, 'ona.x']}}", 'x.yaml:8:31: routes[0].aggregate.response.a.b[1]: there is no part "ona" (did you mean `one`?)'),
        (ONE + "response: two", 'aggregate.response: there is no part "two"'),
        ("parts: {one: {upstream: a, path: /, needs: [one]}}", "the parts wait for each other: one -> one"),
        ('parts: {x: {upstream: a, path: "/{y.a}"}, y: {upstream: a, path: /, needs: [x]}}', "the parts wait for each other: "),
        ("parts: {query: {upstream: a, path: /}}", "`query` is what variables of another kind begin with"),
        ("parts: {one: {upstream: a, path: /, body: {}}}", "a request with GET has no body"),
        ("parts: {one: {upstream: a, path: /, required: true, default: 1}}", "has no use for a default"),
        ("parts: {one: {upstream: a, path: /, select: 'a['}}", "is no JMESPath expression: "),
        ("parts: {one: {upstream: a, path: /, accept: [200]}}", "expected a whole number from 300 to 599"),
        (ONE + "response: {a: {b: ['one', 'one..x']}}", "x.yaml:8:33: routes[0].aggregate.response.a.b[1]: "),
        (ONE + "partial: 302", "a status from 200 to 299, or `fail`"),
        (ONE + "meta: true\nresponse: one", "`meta` needs a `response` that is a mapping"),
        (ONE + "meta: true\nresponse: {meta: one}", "`meta` needs a `response` that is a mapping"),
        (ONE + "take: {ETag: on}", 'there is no part "on" (did you mean `one`?)'),
        (ONE + "parst: {}", "did you mean `parts`?"),
    ],
)  # fmt: skip
def test_mistakes(text: str, expected: str) -> None:
    with pytest.raises(Exception, match=r"x\.yaml") as caught:
        read(text)
    assert expected in str(caught.value)


def test_there_may_be_so_many_parts_and_no_more() -> None:
    parts = ", ".join(f"p{number}: {{upstream: a, path: /}}" for number in range(33))
    with pytest.raises(Exception, match="there are 33 parts; one request may ask for 32"):
        read(f"parts: {{{parts}}}")


def test_it_is_the_only_action_of_its_route() -> None:
    with pytest.raises(Exception, match="either `upstream` or `aggregate`"):
        loads(f"{HEAD}      {ONE}    upstream: a\n", "x.yaml")
    with pytest.raises(Exception, match="`rewrite` has no effect beside `aggregate`"):
        loads(f"{HEAD}      {ONE}    rewrite: /x\n", "x.yaml")
