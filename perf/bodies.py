"""Bodies of requests that a gateway may look into, and what it then asks of them."""

from __future__ import annotations

import json
from typing import Any

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}
_ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["sku", "quantity"],
    "properties": {"sku": _TEXT, "name": _TEXT, "quantity": _WHOLE, "gift": {"type": "boolean"}},
}
#: what `validate` of a route says of an order
VALIDATE: dict[str, object] = {
    "body": {
        "type": "object",
        "required": ["customer", "items"],
        "properties": {
            "customer": {"type": "object", "required": ["name"], "properties": {"name": _TEXT, "email": _TEXT}},
            "items": {"type": "array", "maxItems": 1000, "items": _ITEM},
            "note": _TEXT,
        },
        "additionalProperties": False,
    }
}


def order(size: int) -> str:
    """An order as JSON of exactly `size` bytes, which are 128 at least."""
    items: list[dict[str, object]] = []
    while True:
        number = len(items)
        items.append({"sku": f"S-{number:05}", "name": f"Thing no. {number}", "quantity": number, "gift": number > 3})
        text = _order(items, "")
        if len(text) > size:
            text = _order(items[:-1], "")
            return _order(items[:-1], "x" * (size - len(text)))


def _order(items: list[dict[str, object]], note: str) -> str:
    customer = {"name": "Ann Example", "email": "ann@example.com"}
    return json.dumps({"customer": customer, "note": note, "items": items}, separators=(",", ":"))


#: 10 KB of JSON
ITEMS = json.dumps(
    [{"id": i, "name": f"item {i * 7919 % 1000}", "price": i * 31 % 97, "ok": i % 3 == 0} for i in range(180)]
)
