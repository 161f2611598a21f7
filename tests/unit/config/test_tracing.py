"""`observability.tracing` and `server_timing`: what is read, and every complaint about them."""

import json
from importlib import metadata
from importlib.metadata import PackageNotFoundError

import pytest

from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.observability.tracing.options import Tracing

HEAD = "version: 1\nroutes: [{name: a, match: {path: /a}, respond: {status: 200}}]\n"


def read(text: str):
    return loads(f"{HEAD}observability: {{{text}}}\n", "x.yaml")


def test_an_address_is_enough():
    found = read('tracing: {otlp: "http://127.0.0.1:4318"}').tracing
    wanted = ("http://127.0.0.1:4318/v1/traces", (), "gateway", 0.05, 0.0, False, False, 100, "x.yaml:3")
    assert found == Tracing(*wanted)


def test_all_of_it():
    found = read(
        'tracing: {otlp: "https://c.test/v1/traces/", headers: {X-Key: a}, service: edge, sample: 1%, slow: 250ms, '
        "b3: true, response_header: true, max_per_second: 7}, server_timing: true"
    )
    wanted = ("https://c.test/v1/traces", (("X-Key", "a"),), "edge", 0.01, 0.25, True, True, 7, "x.yaml:3")
    assert found.tracing == Tracing(*wanted)
    assert found.server_timing


def test_without_it_nothing_is_traced():
    found = loads(HEAD, "x.yaml")
    assert (found.tracing, found.server_timing) == (None, False)
    assert not {"trace", "server-timing"} & {step.name for step in compile(found).routes[0].steps}


def test_its_steps_stand_first():
    plan = compile(read('tracing: {otlp: "http://c"}, server_timing: true'))
    for route in (plan.routes[0], plan.unmatched, plan.refused):
        names = [step.name for step in route.steps if step.name != "meter"]
        assert names.index("trace") == 0
        assert names.index("server-timing") <= 2


def test_keys_of_the_collector_are_never_shown():
    shown = json.loads(read('tracing: {otlp: "http://c", headers: {X-Anything: s3cret}}').shown)
    assert shown["observability"]["tracing"]["headers"] == {"X-Anything": "***"}


PLACE = "x.yaml:3:"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tracing: {}", ["observability.tracing.otlp: is missing"]),
        ("tracing: {otlp: c}", ['"c" is no URL with http or https']),
        ("tracing: {otlp: 'ftp://c'}", ['"ftp://c" is no URL with http or https']),
        ("tracing: {otlp: 'http://a:b@c'}", ["may hold no user, no password"]),
        ("tracing: {otlp: 'http://c?x=1'}", ["no query and no fragment"]),
        ("tracing: {otlp: 'http://c:99999'}", ["has no port from 1 to 65535"]),
        ("tracing: {otlp: 'http://c', sampel: 5%}", ["did you mean `sample`?"]),
        ("tracing: {otlp: 'http://c', sample: 5, slow: 1}", ["`5%`?", "`1s`?"]),
        ("tracing: {otlp: 'http://c', max_per_second: 0}", ["a whole number from 1 to 100,000"]),
        ("tracing: {otlp: 'http://c', headers: {'a b': c}}", ["a header name"]),
        ("server_timing: 1", ["true or false"]),
    ],
)
def test_mistakes(text, words, complaints):
    found = complaints(f"{HEAD}observability: {{{text}}}\n")
    assert len(found) == len(words)
    assert all(one.startswith(PLACE) and any(word in one for word in words) for one in found)


def test_without_the_extra_it_says_what_to_install(monkeypatch, complaints):
    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)
    (found,) = complaints(f"{HEAD}observability: {{tracing: {{otlp: 'http://c'}}}}\n")
    assert "pip install 'gateway[otel]'" in found
    assert complaints(HEAD) == []
