"""Three bodies of 1 KB, read and held against their schemas: an order, a page of text, points of a series."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import fastjsonschema

from gateway._fast.json import Reader
from gateway.validation.schema import Schema
from perf.micro.run import Bench

LOOPS = 20_000
TEXT, WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}
ITEM = {"type": "object", "required": ["sku"], "properties": {"sku": TEXT, "name": TEXT, "quantity": WHOLE}}
#: name -> (body, schema)
BODIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "order": (
        {
            "customer": {"name": "Ann Example", "email": "ann@example.com"},
            "items": [{"sku": f"S-{n:05}", "name": f"Thing no. {n}", "quantity": n, "gift": n > 3} for n in range(13)],
        },
        {
            "type": "object",
            "required": ["items"],
            "properties": {"customer": {"type": "object"}, "items": {"type": "array", "items": ITEM}},
        },
    ),
    "text": (
        {"title": "A page", "body": "Lorem ipsum dolor sit amet. " * 32, "tags": ["a", "b"], "score": 4.25},
        {"type": "object", "properties": {"title": TEXT, "body": {**TEXT, "maxLength": 9999}, "score": {"minimum": 0}}},
    ),
    "points": (
        {"points": [[1_700_000_000 + 60 * n, round(20 + n * 0.137, 3)] for n in range(48)]},
        {"type": "object", "properties": {"points": {"items": {"maxItems": 2, "items": {"type": "number"}}}}},
    ),
}


def benches() -> list[Bench]:
    """What is run; fastjsonschema stands beside the validator in use."""
    found: list[Bench] = []
    for name, (value, rules) in BODIES.items():
        data = json.dumps(value, separators=(",", ":")).encode()
        schema = Schema(name, "file:///s", {"file:///s": json.dumps(rules)})
        compiled = fastjsonschema.compile(rules, use_default=False, detailed_exceptions=False)
        found += [
            (f"read {name}, {len(data)} bytes", partial(Reader(32, 10_000).read, data), LOOPS),
            (f"read {name}, by the standard library", partial(json.loads, data), LOOPS),
            (f"judge {name}", partial(schema.faults, value), LOOPS),
            (f"judge {name}, by fastjsonschema", partial(compiled, value), LOOPS),
        ]
    return found
