"""Whole harmless requests, as a shop's browsers and its partners' programs send them, and how many are refused.

Their free texts are those of `benign`, one to three in most bodies; queries, cookies and fields are made as clients
make them.  Chance is seeded: the set is the same on every run of one machine.
"""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlencode

from gateway.errors import GatewayError
from gateway.validation.waf.decision import WafRules
from gateway.validation.waf.options import PARTS, RULES
from gateway.validation.waf.policy import compile
from tests.exchanges import exchange
from tests.screening.benign import AGENTS, FIRST, SEARCHES, SEED, STREETS, Benign
from tests.screening.measure import Rate

_LANGUAGES = ("en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.7", "fr-FR;q=1.0, en-FR;q=0.9", "ja")
_SORTS = ("price", "-price", "created_at:desc", "name,-rating", "relevance")
_FILTERS = (
    "status:open",
    "price:10..50",
    "price gt 10 and name eq 'O''Brien'",
    "tag=a|b",
    "[1,2,3]",
    '{"color":"red"}',
)
_RULES = WafRules("r", frozenset(RULES), frozenset(), PARTS, frozenset(), 1 << 20)


class Request(NamedTuple):
    """One request; `source` is where its free texts are from, "" where it has none."""

    source: str
    method: str
    target: str
    params: dict[str, str]
    headers: list[tuple[str, str]]
    content_type: str
    body: bytes


def requests(texts: list[Benign], count: int) -> Iterator[Request]:
    """Harmless requests: half of them read, half write."""
    chance = random.Random(SEED)
    for _ in range(count):
        headers = _headers(chance)
        params = {"id": chance.choice((str(chance.randint(1, 10**6)), _token(chance, 8), quote(chance.choice(FIRST))))}
        if chance.random() < 0.5:
            yield Request("", "GET", f"/items/{params['id']}?{_query(chance)}", params, headers, "", b"")
            continue
        written = [chance.choice(texts) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
        kind, body = chance.choice((_json, _json, _json, _form, _multipart))(chance, [one.text for one in written])
        target = f"/items/{params['id']}" + (f"?{_query(chance)}" if chance.random() < 0.3 else "")
        yield Request(" + ".join(sorted({one.source for one in written})), "POST", target, params, headers, kind, body)


def refused(one: Request) -> str:
    """Where a request is refused and by which rule the screening says so, "" where it goes on."""
    fields = [*one.headers, *([("Content-Type", one.content_type)] if one.body else [])]
    made = exchange(one.method, one.target, fields, params=one.params, body_length=len(one.body))
    made.body = io.BytesIO(one.body) if one.body else None
    try:
        hook = compile(_RULES).on_request
        assert hook is not None
        hook(made)
    except GatewayError as error:
        return (
            f"{error.kind.slug} {(error.extensions or {}).get('part', '')} {(error.extensions or {}).get('field', '')}"
        )
    return ""


def measured(texts: list[Benign], count: int) -> tuple[dict[str, Rate], list[tuple[Request, str]]]:
    """Rates by kind of request, and what was refused."""
    rates: dict[str, Rate] = {}
    wrong: list[tuple[Request, str]] = []
    for one in requests(texts, count):
        where = refused(one)
        rates.setdefault("all", Rate()).count(bool(where))
        rates.setdefault(f"{one.method} {one.content_type.partition(';')[0]}".strip(), Rate()).count(bool(where))
        if where:
            wrong.append((one, where))
    return rates, wrong


def _token(chance: random.Random, size: int) -> str:
    return chance.getrandbits(8 * size).to_bytes(size, "big").hex()


def _secret(chance: random.Random, size: int) -> str:
    return base64.urlsafe_b64encode(chance.getrandbits(8 * size).to_bytes(size, "big")).decode().rstrip("=")


def _headers(chance: random.Random) -> list[tuple[str, str]]:
    found = [("Host", "api.example.com"), ("User-Agent", chance.choice(AGENTS)), ("Accept", "*/*")]
    found.append(("Accept-Language", chance.choice(_LANGUAGES)))
    if chance.random() < 0.7:
        found.append(("Referer", f"https://shop.example.com/search?q={quote_plus(chance.choice(SEARCHES))}&page=2#top"))
        found.append(("Origin", "https://shop.example.com"))
        found.append(("Sec-Ch-Ua", '"Chromium";v="126", "Not/A)Brand";v="8"'))
        found.append(("Sec-Ch-Ua-Platform", '"Windows"'))
        found.append(("Cookie", _cookies(chance)))
    if chance.random() < 0.5:
        found.append(("Authorization", f"Bearer eyJhbGciOiJIUzI1NiJ9.{_secret(chance, 60)}.{_secret(chance, 32)}"))
    if chance.random() < 0.4:
        found.append(("X-Request-Id", _token(chance, 16)))
        found.append(("X-Forwarded-For", f"203.0.113.{chance.randint(1, 254)}, 10.0.0.{chance.randint(1, 254)}"))
        found.append(
            ("X-Client-Version", f"{chance.randint(1, 9)}.{chance.randint(0, 20)}.0 (build {_token(chance, 4)})")
        )
    return found


def _cookies(chance: random.Random) -> str:
    prefs = quote(json.dumps({"theme": "dark", "currency": "EUR", "seen": [chance.randint(1, 99), 2]}))
    found = [f"session={_secret(chance, 24)}", f"_ga=GA1.2.{chance.randint(1, 10**9)}.{chance.randint(1, 10**9)}"]
    found += [f"prefs={prefs}", f"csrftoken={_token(chance, 16)}", 'cart="a|b|c"', f"jwt={_secret(chance, 90)}"]
    return "; ".join(chance.sample(found, chance.randint(2, len(found))))


def _query(chance: random.Random) -> str:
    found = [
        ("q", chance.choice(SEARCHES)), ("sort", chance.choice(_SORTS)), ("page", str(chance.randint(1, 99))),
        ("filter", chance.choice(_FILTERS)), ("ids", ",".join(str(chance.randint(1, 999)) for _ in range(4))),
        ("cursor", _secret(chance, 30)), ("from", "2026-03-01T00:00:00+01:00"), ("near", "53.3498,-6.2603"),
        ("return_to", f"https://shop.example.com/items/{_token(chance, 3)}?tab=reviews"),
        ("name", chance.choice(FIRST)),
    ]  # fmt: skip
    return urlencode(chance.sample(found, chance.randint(0, 5)))


def _json(chance: random.Random, texts: list[str]) -> tuple[str, bytes]:
    value: dict[str, Any] = {
        "id": _token(chance, 16),
        "customer": {
            "name": chance.choice(FIRST), "street": chance.choice(STREETS), "email": "sean.obrien@example.com",
            "phone": f"+44 20 7946 0{chance.randint(100, 999)}", "born": "1979-04-12", "vat": None,
        },
        "items": [
            {"sku": f"S-{chance.randint(1, 99999):05}", "quantity": chance.randint(1, 9), "price": 12.5, "gift": False,
             "image": f"https://cdn.example.com/i/{_token(chance, 8)}.jpg?w=200&h=200"}
            for _ in range(chance.randint(1, 8))
        ],
        "tags": chance.sample(SEARCHES, 2),
    }  # fmt: skip
    value |= {f"text_{at}": text for at, text in enumerate(texts)}
    return "application/json", json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")


def _form(chance: random.Random, texts: list[str]) -> tuple[str, bytes]:
    fields = [("name", chance.choice(FIRST)), ("street", chance.choice(STREETS)), ("csrf_token", _token(chance, 16))]
    fields += [("email", "sean.obrien@example.com"), ("phone", "+353 1 496 0000"), ("items[0][sku]", "S-00017")]
    fields += [(f"text_{at}", text) for at, text in enumerate(texts)]
    return "application/x-www-form-urlencoded", urlencode(fields, errors="replace").encode()


def _multipart(chance: random.Random, texts: list[str]) -> tuple[str, bytes]:
    mark = _token(chance, 12)
    fields = [("title", chance.choice(SEARCHES)), *((f"text_{at}", text) for at, text in enumerate(texts))]
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in fields]
    name = f"IMG_{chance.randint(1000, 9999)} ({chance.randint(1, 9)}).jpg"
    parts.append(
        f'Content-Disposition: form-data; name="photo"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\nx'
    )
    body = "".join(f"--{mark}\r\n{part}\r\n" for part in parts) + f"--{mark}--\r\n"
    return f"multipart/form-data; boundary={mark}", body.encode("utf-8", "replace")
