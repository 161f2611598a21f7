"""Text form of `gateway explain`: lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.auth.explain import in_words as auth_in_words
from gateway.cache.explain import in_words as cache_in_words
from gateway.handlers.explain import in_words as action_in_words
from gateway.policies.transform.explain import in_words as content_in_words
from gateway.ratelimit.explain import in_words as limits_in_words
from gateway.validation.explain import faults_in_words
from gateway.validation.explain import in_words as validate_in_words


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """The report as lines for people."""
    request, route = report["request"], report["route"]
    yield f"request   {request['method']} {request['target']}, host {request['host']}"
    if request["path"] != request["target"].partition("?")[0]:
        yield f"path      {request['path']} is what is matched"
    if route is None:
        yield "route     none"
    else:
        yield f"route     {route['name']}, {route['where']}"
        yield f"why       {_why(route)}"
    for name, value in report["params"].items():
        yield f"          {name} = {value}"
    for number, step in enumerate(report["steps"], 1):
        note = "" if step["run"] else "  (not run here)"
        yield f"{'steps' if number == 1 else '':10}{number}. {step['name']}, {step['where']}{note}"
    yield from auth_in_words(report)
    yield from validate_in_words(report)
    yield from limits_in_words(report)
    yield from cache_in_words(report)
    yield from content_in_words(report)
    for kind, sign in (("removed", "-"), ("added", "+")):
        for name, value in report["headers"][kind]:
            yield f"header    {sign} {name}: {value}"
    yield from _end_in_words(report)
    for number, other in enumerate(report["close"]):
        yield f"{'' if number else 'close':10}{other['name']}, {other['where']}: {other['aspect']}: {other['detail']}"


def _why(route: dict[str, Any]) -> str:
    """Everything that the request had to be, in the order in which routes are ranked."""
    reasons = [f"host {' or '.join(route['hosts'])}"] if route["hosts"] else []
    reasons.append(f"path {route['path']}")
    if route["methods"]:
        reasons.append(f"method {' or '.join(route['methods'])}")
    for kind in ("headers", "query"):
        for name, value in route[kind].items():
            reasons.append(f"{kind.removesuffix('s')} {name}" + (" is there" if value == "*" else f" is {value!r}"))
    return "the most specific that fits in every respect: " + ", ".join(reasons)


def _end_in_words(report: dict[str, Any]) -> Iterator[str]:
    answer, upstream = report["answer"], report["upstream"]
    if answer is not None:
        yield f"answer    {answer['status']}" + (f" {answer['error']}: {answer['detail']}" if answer["error"] else "")
        for name, value in answer["headers"]:
            yield f"          {name}: {value}"
        yield from faults_in_words(answer)
        return
    if upstream is None:
        yield "answer    the gateway's own, made when it is asked"
        return
    yield f"upstream  {upstream['name']}, {upstream['where']}, {upstream['total']:g} s in all"
    if "does" in upstream:
        yield from action_in_words(upstream)
        return
    for leg in upstream.get("legs", ()):
        mark = f", which the {upstream['why']} says" if leg["name"] == upstream["taken"] else ""
        yield f"leg       {leg['name']}, {leg['where']}, {leg['share']:.4g} of all{mark}"
        yield from _targets_in_words(leg)
    if "legs" not in upstream:
        yield from _targets_in_words(upstream)
    if upstream["mirror"] is not None:
        mirror = upstream["mirror"]
        yield f"mirror    {mirror['name']}, {mirror['where']}, {mirror['share']:.4g} of all"


def _targets_in_words(upstream: dict[str, Any]) -> Iterator[str]:
    if upstream["speaks"] == "gRPC":
        yield "calls     are passed on as clients make them, over HTTP/2, each message as it comes"
    several = len(upstream["urls"]) > 1
    for number, (url, share) in enumerate(zip(upstream["urls"], upstream["shares"], strict=True)):
        note = "  <- picked" if several and url == upstream["picked"]["url"] else ""
        weight = f"  ({share:.4g} by weight)" if several else ""
        yield f"{'' if number else 'to':10}{url}{weight}{note}"
    if upstream["found"]:
        yield f"to        what is found by {upstream['found']}"
    elif not upstream["urls"]:
        yield "to        nowhere: it has no target, so the answer is 503"
    if several:
        yield f"pick      {upstream['balance']}: {upstream['picked']['why']}"
        yield "          of those that may be used now, which only the running gateway knows (/api/upstreams)"
