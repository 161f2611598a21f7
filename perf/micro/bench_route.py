"""Nanoseconds per match with 10 to 10,000 routes, and per canonical path (`-m perf.micro.bench_route [--json]`)."""

import argparse
import json
import statistics
from collections.abc import Callable
from time import perf_counter_ns

from gateway._fast.route import RouteSpec, Table, build
from gateway.canonical import canonical

ROUNDS, CALLS = 15, 20_000
SIZES = (10, 100, 1_000, 10_000)
ENVIRON = {"HTTP_X_BETA": "1", "REQUEST_METHOD": "GET"}
WORDS = ("items", "orders", "users", "carts", "pages")


def routes(count: int) -> list[RouteSpec]:
    """A mix as in an API of `count` routes: two in five with parameters, some with a host or a condition."""
    made = []
    for i in range(count):
        prefix = f"/v1/{WORDS[i % 5]}-{i // 5}"
        path = (prefix, f"{prefix}/{{id:int}}", f"{prefix}/{{id}}/parts/{{part}}", f"{prefix}/all", f"{prefix}/new")[
            i % 5
        ]
        made.append(RouteSpec(i, path, ("GET",) if i % 2 else ()))
    made.append(RouteSpec("beta", "/v1/beta/{id:int}", ("GET",), headers=(("X-Beta", "1"),)))
    made.append(RouteSpec("rest", "/files/{rest:path}", ("GET",)))
    return made


def requests(count: int) -> dict[str, tuple[str, str, str]]:
    """The requests that are timed: name -> (method, path, query); they ask for the last routes."""
    last = count // 5 - 1
    return {
        "static": ("GET", f"/v1/carts-{last}/all", ""),
        "one parameter": ("GET", f"/v1/orders-{last}/4711", ""),
        "two parameters": ("GET", f"/v1/users-{last}/ann/parts/7", ""),
        "header": ("GET", "/v1/beta/4711", ""),
        "rest": ("GET", "/files/css/2026/site.css", ""),
        "404": ("GET", f"/v1/pages-{last}/none", ""),
        "405": ("POST", f"/v1/orders-{last}/4711", ""),
    }


def per_call(call: Callable[[], object]) -> float:
    """The median over rounds of nanoseconds per call, the loop itself taken off."""
    return statistics.median(one_round(call) - one_round(nothing) for _ in range(ROUNDS))


def one_round(call: Callable[[], object]) -> float:
    """Nanoseconds per call of one round."""
    started = perf_counter_ns()
    for _ in range(CALLS):
        call()
    return (perf_counter_ns() - started) / CALLS


def nothing() -> None:
    """What an empty call costs."""


def matching(table: Table, request: tuple[str, str, str]) -> Callable[[], object]:
    """A call that matches a request; the path is a new string each time, as it is when it comes from a socket."""
    method, path, query = request
    match, sent = table.match, path.encode()
    return lambda: match("api.example.com", method, sent.decode(), ENVIRON, query)


def measure() -> dict[str, dict[str, float]]:
    """{requests: {routes: ns}}, with the building of the path string and the call as rows of their own."""
    found: dict[str, dict[str, float]] = {}
    for size in SIZES:
        started = perf_counter_ns()
        table = build(routes(size))
        found.setdefault("build, per route", {})[str(size)] = (perf_counter_ns() - started) / size
        for name, request in requests(size).items():
            found.setdefault(name, {})[str(size)] = per_call(matching(table, request))
    sent = b"/v1/users-12/ann/parts/7"
    found["(decoding the path, in each match)"] = {"-": per_call(sent.decode)}
    for raw in ("/v1/users-12/ann/parts/7", "/v1/caf%C3%A9/../7", "/v1/a%2Fb/7"):
        found[f"canonical {raw}"] = {"-": per_call(lambda raw=raw: canonical(raw))}  # type: ignore[misc]
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    found = measure()
    if as_json:
        print(json.dumps({"unit": "ns", "figures": found}, indent=1))
        return
    for name, row in found.items():
        print(f"{name:40}", *(f"{size:>7}: {ns:7.0f}" for size, ns in row.items()))


if __name__ == "__main__":
    main()
