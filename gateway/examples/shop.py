"""The three services of the examples: a catalog, an inventory, reviews."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.examples.service import Answer, Ask, Refused, Service, as_json, data, number, records

LONGEST_STREAM = 3600
MOST_REVIEWS = 1000


def catalog() -> Service:
    """`/items?category=&q=&limit=&offset=`, `/items/ID`, `/categories`, and a page for a browser at `/`."""
    items = records("catalog")

    def find(ask: Ask) -> Answer:
        category, words = ask.query.get("category"), ask.query.get("q", "").lower()
        found = [
            item
            for item in items
            if category in (None, item["category"]) and words in f"{item['name']} {item['description']}".lower()
        ]
        limit, offset = number(ask.query, "limit", 10, 100), number(ask.query, "offset", 0, 10_000)
        return as_json({"total": len(found), "items": found[offset : offset + limit]})

    def show(ask: Ask) -> Answer:
        return as_json(_one(items, "id", ask.args[0], "item"))

    def categories(ask: Ask) -> Answer:
        names = sorted({item["category"] for item in items})
        return as_json({name: sum(item["category"] == name for item in items) for name in names})

    def page(ask: Ask) -> Answer:
        rows = "".join(_row(item) for item in items)
        return Answer(200, data("page.html").replace("<!-- rows -->", rows), "text/html")

    return Service(
        "catalog",
        [
            ("GET", "/", page),
            ("GET", "/items", find),
            ("GET", r"/items/([^/]+)", show),
            ("GET", "/categories", categories),
        ],
    )


def inventory() -> Service:
    """`/stock?level=` and `/stock/SKU`."""
    stock = records("inventory")

    def find(ask: Ask) -> Answer:
        level = ask.query.get("level")
        return as_json({"stock": [row for row in stock if level in (None, row["level"])]})

    def show(ask: Ask) -> Answer:
        return as_json(_one(stock, "sku", ask.args[0].upper(), "stock"))

    return Service("inventory", [("GET", "/stock", find), ("GET", r"/stock/([^/]+)", show)])


def reviews() -> Service:
    """`/reviews?item=&stars=`, `/reviews/ID`, POST `/reviews`, and `/live/reviews`: one event (SSE) a second."""
    kept = records("reviews")

    def find(ask: Ask) -> Answer:
        item, stars = ask.query.get("item"), ask.query.get("stars")
        found = [row for row in kept if item in (None, str(row["item"])) and stars in (None, str(row["stars"]))]
        return as_json({"total": len(found), "items": found})

    def show(ask: Ask) -> Answer:
        return as_json(_one(kept, "id", ask.args[0], "review"))

    def add(ask: Ask) -> Answer:
        review = _checked(ask.body)
        if len(kept) >= MOST_REVIEWS:
            raise Refused(507, f"the example keeps at most {MOST_REVIEWS} reviews")
        review = {"id": len(kept) + 1, **review, "date": datetime.now(UTC).date().isoformat()}
        kept.append(review)
        return as_json(review, 201)

    def live(ask: Ask) -> Answer:
        return Answer(
            200, _events(kept, number(ask.query, "count", LONGEST_STREAM, LONGEST_STREAM)), "text/event-stream"
        )

    return Service(
        "reviews",
        [
            ("GET", "/reviews", find),
            ("POST", "/reviews", add),
            ("GET", r"/reviews/([^/]+)", show),
            ("GET", "/live/reviews", live),
        ],
    )


def _one(rows: list[dict[str, Any]], key: str, value: str, what: str) -> dict[str, Any]:
    for row in rows:
        if str(row[key]) == value:
            return row
    raise Refused(404, f"there is no {what} {value}")


def _checked(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refused(422, "a review is an object with item, author, stars and text")
    item, author, stars, text = (body.get(name) for name in ("item", "author", "stars", "text"))
    if type(item) is not int or type(stars) is not int or not 1 <= stars <= 5:
        raise Refused(422, "item must be a number, stars a number from 1 to 5")
    if not (isinstance(author, str) and isinstance(text, str) and author and text):
        raise Refused(422, "author and text must be words")
    return {"item": item, "author": author, "stars": stars, "text": text}


def _events(rows: list[dict[str, Any]], count: int) -> Iterator[str]:
    """`count` server-sent events a second apart, beginning at once: each one a review."""
    for turn in range(count):
        if turn:
            time.sleep(1.0)
        yield f"event: review\nid: {turn}\ndata: {json.dumps(rows[turn % len(rows)], ensure_ascii=False)}\n\n"


def _row(item: dict[str, Any]) -> str:
    name, category = html.escape(item["name"]), html.escape(item["category"])
    link = f'<a href="/items/{item["id"]}">{name}</a>'
    return f"<tr><td>{link}<td>{category}<td>{item['price']['amount']} {item['price']['currency']}\n"
