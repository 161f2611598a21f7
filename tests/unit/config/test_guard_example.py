"""conf/examples/guard.yaml: its schemas are accepted, and judge as its comments say."""

import io
import json
from pathlib import Path

import pytest

from gateway.config.compile import compile
from gateway.config.document import load
from gateway.errors import GatewayError
from tests.exchanges import exchange

EXAMPLE = Path(__file__).parents[3] / "conf" / "examples" / "guard.yaml"
KEY = ("Idempotency-Key", "0b5f4f26-5c5c-4a3c-8c8f-1a2b3c4d5e6f")
GOOD = {"name": "tea", "price": {"amount": 250, "currency": "EUR"}, "tags": ["green"], "released": "2026-02-28"}


@pytest.fixture(scope="module")
def guards():
    document = load(EXAMPLE, env={})
    assert document.warnings == ()
    plan = compile(document)
    return {
        route.name: [step.steps.on_request for step in route.steps if step.name == "guard"] for route in plan.routes
    }


def verdict(guards, route, method, target, body=None, headers=(), content_type="application/json", **known):
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    fields = [*headers, *([("Content-Type", content_type)] if data is not None else [])]
    made = exchange(method, target, fields, body_length=len(data or b""), **known)
    made.body = None if data is None else io.BytesIO(data)
    try:
        for hook in guards[route]:
            hook(made)
    except GatewayError as error:
        return error.kind.slug
    return "goes on"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GOOD, "goes on"),
        ({**GOOD, "price": {"amount": 2.5, "currency": "EUR"}}, "invalid-body"),
        ({**GOOD, "price": {"amount": 2, "currency": "euro"}}, "invalid-body"),
        ({**GOOD, "released": "2026-02-30"}, "invalid-body"),
        ({**GOOD, "tags": ["a", "a"]}, "invalid-body"),
        ({**GOOD, "more": 1}, "invalid-body"),
        ({**GOOD, "name": ""}, "invalid-body"),
        ({**GOOD, "tags": [[[[[[[[[]]]]]]]]]}, "body-too-complex"),
        (b"x" * 65537, "body-too-large"),
    ],
)
def test_items_that_are_made(guards, body, expected):
    assert verdict(guards, "create-item", "POST", "/v1/items?dry_run=true", body, [KEY]) == expected


@pytest.mark.parametrize(
    ("route", "method", "target", "known", "expected"),
    [
        ("create-item", "POST", "/v1/items", {"body": GOOD}, "invalid-headers"),
        ("create-item", "POST", "/v1/items?x", {"body": GOOD, "headers": [KEY]}, "invalid-query"),
        ("items", "GET", "/v1/items?page=3&tag=a&tag=b", {}, "goes on"),
        ("items", "GET", "/v1/items?page=0", {}, "invalid-query"),
        ("items", "GET", "/v1/items", {"body": b"x"}, "unexpected-body"),
        ("item", "GET", "/v1/items/7", {"params": {"id": "7"}}, "goes on"),
        ("item", "GET", "/v1/items/0", {"params": {"id": "0"}}, "invalid-parameters"),
        ("picture", "PUT", "/", {"body": b"x", "content_type": "image/png"}, "goes on"),
        ("picture", "PUT", "/", {"body": b"x", "content_type": "image/svg+xml"}, "unsupported-media-type"),
    ],
)
def test_the_rest(guards, route, method, target, known, expected):
    assert verdict(guards, route, method, target, **known) == expected
