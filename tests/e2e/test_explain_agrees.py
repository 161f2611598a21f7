"""`gateway explain` and the real answer agree on a thousand generated requests."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.config.cli import ready
from gateway.routing.explain import Request, explain_request
from tests.support.gateway import Gateway
from tests.support.raw import Client, Upstream, echo
from tests.support.through import config, get, serving

SEED = 20261124
GROUPS = 20
REQUESTS = 1000
SAMPLES = {
    "int": ["7", "042", "%37", "-3", "1_0", "%D9%A3"],
    "float": ["1.5", "2", ".5", "1e3"],
    "uuid": ["0b6f8a52-5f1b-4d7c-9b62-0d6a3f6c1f10", "0b6f8a525f1b4d7c9b620d6a3f6c1f10"],
    "dt": ["2026-11-24", "2026-11-24T12:00:00Z", "20261124"],
    "": ["x", "a-b", "caf%C3%A9", "a%20b", "%7E", "~", "a%2525"],
    "path": ["", "a", "a/b/c", "a//b", "a/./b", "a%2Fb", "a/../b"],
}
ASPECTS = {"host", "path", "method", "header", "query", "less specific", "priority"}
REFUSALS = {"route-not-found", "method-not-allowed", "malformed-request", "ambiguous-path"}


@dataclass
class Route:
    """A route as the configuration has it."""

    name: str
    path: str
    methods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    priority: int = 0
    rewrite: str = ""
    respond: str = ""

    def text(self) -> str:
        """Its line of the configuration; JSON is YAML."""
        match = {
            "path": self.path,
            "methods": self.methods,
            "hosts": self.hosts,
            "headers": self.headers,
            "query": self.query,
        }
        entry: dict[str, Any] = {
            "name": self.name,
            "match": {key: value for key, value in match.items() if value},
            "headers": {
                "response": {"set": {"X-Route": self.name}},
                "request": {"set": {"X-Was": self.name}, "remove": ["X-Secret"]},
            },
        }
        entry |= {"priority": self.priority} if self.priority else {}
        entry |= {"rewrite": self.rewrite} if self.rewrite else {}
        if self.respond:
            entry |= {"respond": {"status": 299, "headers": {"X-Told": self.respond}, "body": self.name}}
        else:
            entry |= {"upstream": "up"}
        return f"  - {json.dumps(entry, ensure_ascii=False)}\n"


def group(number: int, chance: random.Random) -> Iterator[Route]:
    """Routes that overlap, from a literal to a rest, with conditions: each has others beside it that nearly fit."""
    base, kind = f"/g{number}", chance.choice(["int", "uuid", "dt", "float"])
    yield Route(f"literal-{number}", f"{base}/fixed")
    yield Route(f"decoded-{number}", f"{base}/café", rewrite="/coffee")
    yield Route(f"typed-{number}", f"{base}/{{id:{kind}}}", rewrite="/t/{id}?from={query.v}")
    yield Route(f"posted-{number}", f"{base}/{{id:{kind}}}", methods=("POST", "PUT"))
    yield Route(f"any-{number}", f"{base}/{{id}}", methods=("GET", "DELETE"), respond="{id} {header.X-Beta}")
    yield Route(f"beta-{number}", f"{base}/{{id}}", methods=("GET",), headers={"X-Beta": chance.choice(["1", "*"])})
    yield Route(f"urgent-{number}", f"{base}/{{id}}", methods=("GET",), headers={"X-Urgent": "*"}, priority=1)
    yield Route(f"second-{number}", f"{base}/{{id}}", methods=("GET",), query={"v": "2"}, priority=-1)
    yield Route(f"below-{number}", f"{base}/{{id}}/b", rewrite="/below/{id}")
    if chance.random() < 0.7:
        yield Route(f"rest-{number}", f"{base}/files/{{rest:path}}", rewrite=chance.choice(["", "/f/{rest}"]))
    if chance.random() < 0.7:
        yield Route(f"host-{number}", f"{base}/{{id}}", hosts=(f"h{number}.example",), respond="{id}")
        yield Route(f"wild-{number}", f"{base}/{{id}}", hosts=("*.example",))


def segment(template: str, chance: random.Random) -> str:
    if not template.startswith("{"):
        return template.replace("é", "%C3%A9")
    kind = template[1:-1].partition(":")[2]
    return chance.choice(SAMPLES[kind] if chance.random() < 0.85 else SAMPLES[""])


def first(route: Route) -> Request:
    """The plainest request for a route."""
    kinds = (part[1:-1].partition(":")[2] if part.startswith("{") else None for part in route.path.split("/"))
    parts = zip(route.path.split("/"), kinds, strict=True)
    path = "/".join(part.replace("é", "%C3%A9") if kind is None else SAMPLES[kind][0] for part, kind in parts)
    host = route.hosts[0].replace("*", "a.b") if route.hosts else "plain.test"
    headers = dict.fromkeys(route.headers, "1")
    tail = "".join(f"?{name}={value}" for name, value in route.query.items())
    return Request((route.methods or ("PATCH",))[0], f"http://{host}{path}{tail}", tuple(headers.items()))


def changed(routes: list[Route], chance: random.Random) -> Request:
    """A request made for one of the routes, with something about it changed now and then."""
    route = chance.choice(routes)
    path = "/".join(segment(part, chance) for part in route.path.split("/"))
    method = chance.choice(route.methods or ("GET", "POST", "PATCH"))
    host = chance.choice(route.hosts).replace("*", "a.b") if route.hosts else "plain.test"
    headers = {name: "1" if value == "*" else value for name, value in route.headers.items()}
    query = dict(route.query)
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
        change = chance.randrange(9)
        if change == 0:
            method = chance.choice(["GET", "HEAD", "PUT", "DELETE", "BREW", "TRACE", "OPTIONS", "CONNECT", "G(T"])
        elif change == 1:
            host = chance.choice(["h1.example", "x.y.example", "example", "H2.EXAMPLE:8080", "plain.test"])
        elif change == 2:
            headers = chance.choice([{}, {"X-Beta": "2"}, {"x-beta": "1", "X-Urgent": "1"}, {"X-Secret": "s"}])
        elif change == 3:
            query = chance.choice([{}, {"v": "3"}, {"v": "2", "w": "1"}, {"V": "2"}, {"v": "%32"}])
        elif change == 4:
            path += chance.choice(["/", "/more", "/..", "//", "%2Fb", "/%2e%2e/b"])
        elif change == 5:
            path = chance.choice(["/nowhere", "/", "/g1", "/%67" + path[2:], "//" + path[1:], "/x/.." + path])
        elif change == 6:
            path += chance.choice(["%zz", "%00", "%0a", "%2", "/../../../../.."])
        elif change == 7:
            path = path.replace("/g", "/%2e%2e/g", 1) if chance.random() < 0.3 else "/." + path
        else:
            headers = headers | {"X-Secret": "s", "Accept": "*/*"}
    tail = "?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else ""
    return Request(method, f"http://{host}{path}{tail}", tuple(headers.items()))


class Real:
    """Sends a Request as it is over one connection, opened again when it was closed."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.client = Client(gateway.port)

    def answer(self, asked: Request) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body."""
        host, slash, target = asked.url.removeprefix("http://").partition("/")
        sent = get(slash + target, *(f"{name}: {value}" for name, value in asked.headers), method=asked.method)
        sent = sent.replace(b"Host: a.example", f"Host: {host}".encode(), 1)
        self.client.send(sent)
        if asked.method != "HEAD":
            answer = self.client.answer()
        else:
            lines = self.client.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            pairs = (line.partition(": ") for line in lines[1:-2])
            answer = int(lines[0].split(" ")[1]), {name.lower(): value for name, _, value in pairs}, b""
        if answer[1].get("connection") == "close":
            self.client.close()
            self.client = Client(self.gateway.port)
        return answer


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream(echo)
    yield made
    made.close()


def compare(report: dict[str, Any], real: tuple[int, dict[str, str], bytes], head_only: bool) -> None:
    """What was said and what came."""
    status, headers, body = real
    assert headers.get("x-route") == (report["route"] or {}).get("name"), report
    answer = report["answer"]
    if answer is None:
        assert status == 200, report
        if not head_only:
            told = body.decode("latin-1")
            assert report["upstream"]["urls"][0].endswith(told.split(" ")[1]), (report, told)
            for name, value in report["headers"]["added"]:
                assert f"\r\n{name}: {value}\r\n" in told
            assert "X-Secret" not in told
        return
    assert status == answer["status"], report
    if answer["error"] is None:
        assert headers.get("x-told") == dict(answer["headers"])["X-Told"].strip()
        return
    assert all(headers[name.lower()] == value for name, value in answer["headers"])
    if not head_only:
        assert json.loads(body)["type"].rpartition(":")[2] == answer["error"]


def test_a_thousand_requests(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> None:
    chance = random.Random(SEED)
    routes = [route for number in range(GROUPS) for route in group(number, chance)]
    text = config({"up": f'targets: ["{upstream.url}"]'}, "".join(route.text() for route in routes))
    with serving(tmp_path_factory.mktemp("explain"), text) as gateway:
        found = ready(str(gateway.config))
        assert found is not None
        real = Real(gateway)
        won: Counter[str] = Counter()
        refusals: set[str] = set()
        aspects: set[str] = set()
        requests = [first(route) for route in routes]
        requests += [changed(routes, chance) for _ in range(REQUESTS - len(requests))]
        for asked in requests:
            report = explain_request(asked, *found)
            compare(report, real.answer(asked), asked.method == "HEAD")
            won.update([report["route"]["name"]] if report["route"] else [])
            refusals.update([report["answer"]["error"]] if report["answer"] and report["answer"]["error"] else [])
            aspects.update(verdict["aspect"] for verdict in report["close"])
        real.client.close()
    assert won.total() >= REQUESTS / 2
    assert {route.name for route in routes} <= set(won), {route.name for route in routes} - set(won)
    assert refusals == REFUSALS
    assert aspects == ASPECTS
