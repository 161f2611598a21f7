"""conf/examples/openapi.yaml in a real gateway: what the document allows gets through, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.auth.api_key.stored_keys import digest_of, new_key
from tests.support.gateway import ROOT, Gateway, wait_until
from tests.support.raw import Upstream, echo
from tests.support.through import ask, get, problem, serving

EXAMPLES = ROOT / "conf" / "examples"
KEY = new_key()
JSON = "Content-Type: application/json"
IDEMPOTENT = "Idempotency-Key: 0b5f4f26-5c5c-4a3c-8c8f-1a2b3c4d5e6f"
ITEM = {"name": "tea", "price": {"amount": 2.5, "currency": "EUR"}, "note": None}


def configured(upstream: str) -> str:
    """The example, listening where the test wants it."""
    text = (EXAMPLES / "openapi.yaml").read_text()
    for old, new in (
        ("127.0.0.1:8000", '"127.0.0.1:{port}"'),
        ("127.0.0.1:8001", '"127.0.0.1:{admin}"'),
        ("http://127.0.0.1:9101", f'"{upstream}"'),
    ):
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream, folder = Upstream(echo), tmp_path_factory.mktemp("openapi")
    shutil.copy(EXAMPLES / "shop.yaml", folder)
    with serving(folder, configured(upstream.url), env={"PARTNER_KEYS": f"acme: {digest_of(KEY)}"}) as made:
        yield made
    upstream.close()


def create(item: object, *lines: str, target: str = "/shop/items") -> bytes:
    return get(target, f"X-API-Key: {KEY}", JSON, *lines, method="POST", body=json.dumps(item).encode())


@pytest.mark.parametrize(
    ("sent", "first_line"),
    [
        (get("/shop/items?page=2&fields=name,price&tag=a&tag=b"), "GET /v1/items?page=2&fields=name,price&tag=a&tag=b"),
        (get("/shop/items?price[from]=1&price%5Bto%5D=2"), "GET /v1/items?price[from]=1&price%5Bto%5D=2"),
        (get("/shop/items/7", "Cookie: a=b; currency=EUR"), "GET /v1/items/7"),
        (create(ITEM, IDEMPOTENT, target="/shop/items?dry_run"), "POST /v1/items?dry_run"),
        (create({**ITEM, "parts": [{**ITEM, "id": 3}]}, IDEMPOTENT), "POST /v1/items"),
        (get("/shop/items/7", f"X-API-Key: {KEY}", method="DELETE"), "DELETE /v1/items/7"),
        (
            get("/shop/orders/0b5f4f26-5c5c-4a3c-8c8f-1a2b3c4d5e6f"),
            "GET /v1/orders/0b5f4f26-5c5c-4a3c-8c8f-1a2b3c4d5e6f",
        ),
    ],
)
def test_what_the_document_allows(gateway: Gateway, sent: bytes, first_line: str) -> None:
    status, _, seen = ask(gateway, sent)
    assert (status, seen.decode().split(" HTTP/1.1")[0]) == (200, first_line)


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (get("/shop/items?page=0"), 400, "invalid-query"),
        (get("/shop/items?fields=name,colour"), 400, "invalid-query"),
        (get("/shop/items?" + "&".join(["tag=a"] * 6)), 400, "invalid-query"),
        (get("/shop/items?price[from]=a"), 400, "invalid-query"),
        (get("/shop/items?price[most]=1"), 400, "invalid-query"),
        (get("/shop/items?unknown=1"), 400, "invalid-query"),
        (get("/shop/items/0"), 400, "invalid-parameters"),
        (get("/shop/items/tea"), 400, "invalid-parameters"),
        (get("/shop/items/7", "Cookie: currency=GBP"), 400, "invalid-headers"),
        (create(ITEM), 400, "invalid-headers"),
        (create({"name": "tea"}, IDEMPOTENT), 422, "invalid-body"),
        (create({**ITEM, "price": {"amount": 0, "currency": "EUR"}}, IDEMPOTENT), 422, "invalid-body"),
        (create({**ITEM, "parts": [{"name": ""}]}, IDEMPOTENT), 422, "invalid-body"),
        (create("x" * 70_000, IDEMPOTENT), 413, "body-too-large"),
        (get("/shop/items", f"X-API-Key: {KEY}", IDEMPOTENT, method="POST", body=b"{}"), 415, "unsupported-media-type"),
        (get("/shop/items", JSON, IDEMPOTENT, method="POST", body=json.dumps(ITEM).encode()), 401, "unauthenticated"),
        (get("/shop/items/7/picture", "Content-Type: image/png", method="PUT", body=b"x"), 404, "route-not-found"),
        (get("/shop/orders/7"), 404, "route-not-found"),
        (get("/shop/items/7", method="PATCH"), 405, "method-not-allowed"),
    ],
)
def test_what_it_does_not(gateway: Gateway, sent: bytes, status: int, slug: str) -> None:
    assert problem(gateway, sent)[:2] == (status, slug)


def write(file: Path, text: str) -> None:
    """At once: the gateway looks at its files now and then by itself."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


def test_a_changed_document_is_served(gateway: Gateway) -> None:
    file = Path(gateway.folder) / "shop.yaml"
    before = file.read_text()
    write(file, before.replace("maximum: 1000", "maximum: x"))
    (told,) = gateway.admin("/api/reload", "POST")[1]["errors"]
    assert ask(gateway, get("/shop/items?page=7"))[0] == 200
    assert (Path(told["file"]).name, told["line"]) == ("shop.yaml", 63)
    write(file, before.replace("maximum: 1000", "maximum: 5"))
    gateway.admin("/api/reload", "POST")
    wait_until(lambda: ask(gateway, get("/shop/items?page=7"))[0] == 400, "the new bound holds")
