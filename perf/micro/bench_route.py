"""Nanoseconds per match with 10 to 10,000 routes, the decoding of the path's bytes included, and per canonical path."""

from collections.abc import Callable
from functools import partial

from gateway._fast.route import RouteSpec, Table, build
from gateway.http.path import canonical_path
from perf.micro.run import Bench

CALLS = 20_000
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


def matching(table: Table, request: tuple[str, str, str]) -> Callable[[], object]:
    """A call that matches a request; the path is a new string each time, as it is when it comes from a socket."""
    method, path, query = request
    match, sent = table.match, path.encode()
    return lambda: match("api.example.com", method, sent.decode(), ENVIRON, query)


def benches() -> list[Bench]:
    """What is run: each request at each size, and the canonical path it is matched by."""
    found = [
        (f"{name}, {size} routes", matching(table, request), CALLS)
        for size, table in ((size, build(routes(size))) for size in SIZES)
        for name, request in requests(size).items()
    ]
    paths = ("/v1/users-12/ann/parts/7", "/v1/caf%C3%A9/../7", "/v1/a%2Fb/7")
    return found + [(f"canonical {raw}", partial(canonical_path, raw), CALLS) for raw in paths]
