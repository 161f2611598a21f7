"""Every rule of tests/wire/cache on the pure functions, with a clock that is set."""

import pytest

from gateway.cache.rules import CacheOptions
from gateway.exchange import Headers
from tests.support.cache_model import Cache
from tests.wire.cache.rules import ROUTES, RULES
from tests.wire.cache.steps import Got, Reply, Rule, Step, check, dated, replied

START = 1_700_000_000.0
KINDS = {
    "plain": CacheOptions(),
    "ttl": CacheOptions(ttl=60.0),
    "own": CacheOptions(ttl=60.0, respect_origin=False),
    "heuristic": CacheOptions(heuristic=True),
    "shared": CacheOptions(ttl=60.0, shared=True),
    "stale": CacheOptions(ttl=60.0, stale_while_revalidate=100.0, stale_if_error=1000.0),
    "error": CacheOptions(ttl=60.0, stale_if_error=1000.0),
    "vary": CacheOptions(ttl=60.0, vary=("accept-language",)),
}


class Origin:
    """Answers as the step says that is tried."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.now = START
        self.asked: list[dict[str, str]] = []

    def __call__(self, method: str, path: str, headers: Headers) -> tuple[int, Headers, bytes]:
        seen = {name.lower(): value for name, value in headers}
        self.asked.append(seen)
        conditions = bool({"if-none-match", "if-modified-since"} & seen.keys())
        status, fields, body = replied(self.reply, conditions, self.now)
        return status, [(name, value.replace("{path}", "/r")) for name, value in fields], body


def play(cache: Cache, origin: Origin, step: Step) -> Got:
    origin.reply, origin.asked = step.reply, []
    cache.now = origin.now = cache.now + step.wait
    fields = (line.partition(":") for line in step.ask)
    headers = [(name, dated(value.strip(), cache.now)) for name, _, value in fields]
    answer = cache.ask(step.method, "/r" + step.more, headers)
    assert isinstance(answer.body, bytes)
    told = [(name.lower(), value) for name, value in answer.headers]
    if not any(name == "content-length" for name, _ in told):
        told.append(("content-length", str(len(answer.body))))
    return Got(answer.status, told, answer.body, origin.asked)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.section}: {rule.name}")
def test_rule(rule: Rule) -> None:
    origin = Origin()
    cache = Cache(KINDS[rule.kind], origin, START)
    first = rule.steps[0].reply
    for step in rule.steps:
        check(step, play(cache, origin, step), first.body if first else b"", cache.now)


def test_there_are_many_rules_and_each_stands_once() -> None:
    names = [(rule.section, rule.name) for rule in RULES]
    assert len(set(names)) == len(names) >= 250
    assert sum(not rule.waits for rule in RULES) >= 200


def test_each_kind_of_route_is_known() -> None:
    assert KINDS.keys() == ROUTES.keys()
