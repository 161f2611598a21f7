"""`gateway explain` names the limits that a request would touch, and takes nothing from them."""

from __future__ import annotations

import pytest

from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.config.resources import RuntimeResources
from gateway.ratelimit.runtime import RateLimitRuntime
from gateway.routing.explain import Request, explain_request
from gateway.routing.explain_text import in_words

TEXT = """\
version: 1
upstreams: {a: {targets: [http://127.0.0.1:9]}}
rate_limits: [{name: who, per: client, rate: 5/m}, {name: global, per: all, rate: 10/s}]
routes:
  - name: item
    match: {path: "/items/{id}"}
    upstream: a
    rate_limit: {per: ["param:id", ip], rate: 3/h, burst: 2, cost: 2, mode: shadow}
"""


def test_the_limits_in_the_order_in_which_they_are_asked():
    document, limiting = loads(TEXT, "x.yaml"), RateLimitRuntime.private()
    plan = compile(document, RuntimeResources(limiting=limiting))
    report = explain_request(Request("GET", "/items/7", ()), document, plan)
    assert [(row["name"], row["per"]) for row in report["limits"]] == [
        ("global", ["all"]),
        ("param-id-ip", ["param:id", "ip"]),
        ("who", ["client"]),
    ]
    steps = [(step["name"], step["run"]) for step in report["steps"] if step["name"].startswith("limit")]
    assert steps == [("limit", False), ("limit-client", False)]
    words = "\n".join(in_words(report))
    assert "param-id-ip, x.yaml:8: 3/h per param:id and ip, burst 2, costs 2, refuses nobody" in words
    assert limiting.buckets.used == 0


def test_a_preflight_touches_those_for_every_request():
    cors = 'cors: {web: {origins: ["https://app.test"]}}\ndefaults: {cors: web}\n'
    document = loads(TEXT.replace("rate_limits", f"{cors}rate_limits"), "x.yaml")
    asks = (("Origin", "https://app.test"), ("Access-Control-Request-Method", "GET"))
    report = explain_request(Request("OPTIONS", "/items/7", asks), document, compile(document))
    assert [row["name"] for row in report["limits"]] == ["global", "who"]
    assert (report["route"]["name"], report["answer"]["status"]) == ("item", 204)
    report = explain_request(Request("OPTIONS", "/items/7", asks[:1]), document, compile(document))
    assert len(report["limits"]) == 3


def test_what_matches_no_route_touches_those_for_every_request():
    document = loads(TEXT, "x.yaml")
    report = explain_request(Request("GET", "/nowhere", ()), document, compile(document))
    assert [row["name"] for row in report["limits"]] == ["global", "who"]
    assert report["answer"]["status"] == 404


def explained(store: str, more: str) -> str:
    limit = f"rate_limits: [{{name: n, per: all, rate: 10/s, {more}}}]"
    document = loads(f"version: 1\nstore: {store}\n{limit}\nroutes: []\n", "x.yaml")
    return "\n".join(in_words(explain_request(Request("GET", "/", ()), document, compile(document))))


@pytest.mark.parametrize(
    ("store", "more", "words"),
    [
        ("redis://127.0.0.1:1/0", "cost: 1", "; exact over 127.0.0.1:1, without it held on each host"),
        ("redis://:pw@h:1", "on_store_failure: deny", "; exact over h:1, without it refuses all"),
        (
            "redis+cluster://h:1",
            "on_store_failure: allow",
            "; exact, asked one by one over h:1, without it lets all in",
        ),
        ("redis://h:1", "sync: leased", "; leased over h:1"),
        ("memory", "penalty: {after: 3, within: 1m, block: 1h}", ", blocks for 3600 s after 3 refusals in 60 s"),
        ("memory", "cost: {response_header: X-Cost, max: 9}", ", costs 1, then what x-cost says, up to 9"),
    ],
)
def test_where_a_limit_is_held_and_what_else_it_does(store, more, words):
    found = explained(store, more)
    assert words in found and "pw" not in found
