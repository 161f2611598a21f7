"""`split` and `mirror` of a route: what is read, and every complaint about them."""

import pytest

from gateway.config.document import loads
from gateway.config.header_edits_model import HeaderEdit, HeaderRules
from gateway.upstream.split_options import Leg, Mirror, Split

HEAD = """\
version: 1
upstreams: {a: {targets: [http://a]}, b: {targets: [http://b]}}
routes:
  - name: r
    match: {path: "/{id}"}
"""


def route(rest: str) -> str:
    """A route whose rest is on line 6 and begins in column 5."""
    return f"{HEAD}    {rest}\n"


def read(rest: str):
    return loads(route(rest), "x.yaml").routes[0]


def test_a_list_is_enough():
    found = read("split: [{upstream: a, weight: 95}, {upstream: b, weight: 5}]")
    legs = (Leg("a", 95, None, "x.yaml:6"), Leg("b", 5, None, "x.yaml:6"))
    assert found.split == Split(legs, False, "", "x.yaml:6")
    assert (found.upstream, found.respond, found.mirror) == (None, None, None)


def test_a_mapping_says_more():
    found = read(
        "split: {legs: [{upstream: a}, {upstream: b, weight: 0, headers: {request: {set: {X-Id: '{id}'}}}}], "
        "sticky: cookie, override: X-Canary}"
    ).split
    nothing = HeaderEdit((), (), ())
    rules = HeaderRules(HeaderEdit((("X-Id", "{id}"),), (), ()), nothing, "x.yaml:6")
    assert found == Split((Leg("a", 1, None, "x.yaml:6"), Leg("b", 0, rules, "x.yaml:6")), True, "X-Canary", "x.yaml:6")


def test_a_mirror():
    assert read("upstream: a\n    mirror: {upstream: b, share: 10%}").mirror == Mirror("b", 0.1, "x.yaml:7")
    assert read("upstream: a\n    mirror: {upstream: b}").mirror == Mirror("b", 1.0, "x.yaml:7")


PLACE = "x.yaml:6:5: routes[0]"
WRONG = [
    (
        "split: [{upstream: a, weight: 0}, {upstream: b, weight: 0}]",
        f"{PLACE}.split: every weight is 0: no request could go anywhere",
    ),
    ("split: {legs: [{upstream: a, weight: 0}]}", f"{PLACE}.split: every weight is 0: no request could go anywhere"),
    ("split: []", "x.yaml:6:12: routes[0].split: the list is empty; leave it out or name something"),
    ("split: {legs: []}", "the list is empty; leave it out or name something"),
    ("split: {sticky: cookie}", "routes[0].split.legs: is missing"),
    ("split: a", "expected a list of {upstream, weight}, or a mapping with `legs`, found \"a\""),
    ("split: [a]", "routes[0].split[0]: expected a mapping, found \"a\""),
    ("split: [{weight: 1}]", "routes[0].split[0].upstream: is missing"),
    ("split: [{upstream: a, weight: -1}]", "expected a whole number from 0 to 65,535, found the number -1"),
    ("split: [{upstream: a}, {upstream: c}]", "x.yaml:6:39: routes[0].split[1].upstream: there is no upstream \"c\""),
    (
        "split: [{upstream: a}, {upstream: a}]",
        "the upstream \"a\" is in the split already (give it more `weight` there)",
    ),
    ("split: {legs: [{upstream: a}], sticky: ip}", "expected `cookie`, found \"ip\""),
    ("split: {legs: [{upstream: a}], override: 'X Y'}", "expected a header name (RFC 9110 token), found \"X Y\""),
    ("split: [{upstream: a, headers: {request: {set: {X: '{no}'}}}}]", "the variable {no} is no parameter of the path"),
    ("split: [{upstream: a, headers: {request: {set: {Upgrade: x}}}}]", "belongs to one connection"),
    ("split: [{upstream: a}]\n    upstream: b", "a route has either `upstream` or `split`, not both"),
    ("split: [{upstream: a}]\n    respond: {status: 204}", "a route has either `split` or `respond`, not both"),
    ("respond: {status: 204}\n    mirror: {upstream: a}", "`mirror` has no effect beside `respond`"),
    (
        "upstream: a\n    mirror: {upstream: a}",
        "the upstream \"a\" would be asked everything twice (copy to another one)",
    ),
    (
        "split: [{upstream: a}, {upstream: b}]\n    mirror: {upstream: b}",
        "the upstream \"b\" would be asked everything twice",
    ),
    ("upstream: a\n    mirror: {upstream: c}", "x.yaml:7:24: routes[0].mirror.upstream: there is no upstream \"c\""),
    ("upstream: a\n    mirror: {upstream: b, share: 0%}", "`share: 0%`: nothing is ever copied"),
    ("upstream: a\n    mirror: {share: 10%}", "routes[0].mirror.upstream: is missing"),
    ("upstream: a\n    mirror: b", "routes[0].mirror: expected a mapping, found \"b\""),
    ("mirror: {upstream: a}", "the route does nothing (it needs `upstream`, `split`, `respond` or another action)"),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "expected"), WRONG)
def test_one_mistake_gets_one_complaint(complaints, rest: str, expected: str):
    (found,) = complaints(route(rest))
    assert expected in found
