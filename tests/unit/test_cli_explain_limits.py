"""`gateway explain` names the limits that a request would touch, and takes nothing from them."""

from __future__ import annotations

from gateway.cli_explain import Request, examine
from gateway.cli_explain_words import in_words
from gateway.config.compile import compile
from gateway.config.compile_upstreams import Resources
from gateway.config.document import loads
from gateway.limiting.limiting import Limiting

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
    document, limiting = loads(TEXT, "x.yaml"), Limiting.private()
    plan = compile(document, Resources(limiting=limiting))
    report = examine(Request("GET", "/items/7", ()), document, plan)
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


def test_what_matches_no_route_touches_those_for_every_request():
    document = loads(TEXT, "x.yaml")
    report = examine(Request("GET", "/nowhere", ()), document, compile(document))
    assert [row["name"] for row in report["limits"]] == ["global", "who"]
    assert report["answer"]["status"] == 404
