"""gRPC behind plain HTTP through a real gateway, over a real gRPC server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.raw import Upstream
from tests.support.shop import Shop, descriptor_set
from tests.support.through import SERVER, ask, get, logged, problem, sending, serving

ROUTES = """
routes:
  - name: orders
    match: {path: "/v1/{rest:path}"}
    grpc: {upstream: shop, descriptors: shop.pb}
  - name: asked
    match: {path: "/v1/{rest:path}", headers: {X-To: late}}
    grpc: {upstream: late, reflection: true}
  - name: dead
    match: {path: "/v1/{rest:path}", headers: {X-To: dead}}
    grpc: {upstream: dead, descriptors: shop.pb}
  - name: old
    match: {path: "/v1/{rest:path}", headers: {X-To: old}}
    grpc: {upstream: old, descriptors: shop.pb}
"""


class Told:
    """The gateway and what stands behind it."""

    def __init__(self, gateway: Gateway, shop: Shop, late: int) -> None:
        self.gateway, self.shop, self.late = gateway, shop, late


def old(connection: Any) -> None:
    """A server of HTTP/1 that understands nothing else."""
    connection.socket.recv(65536)
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder, shop, http1, late = tmp_path_factory.mktemp("grpc"), Shop(), Upstream(old), free_port()
    (folder / "shop.pb").write_bytes(descriptor_set())
    text = SERVER.replace("MORE", "") + (
        f"upstreams:\n  shop: {{targets: ['{shop.url}']}}\n  late: {{targets: ['grpc://127.0.0.1:{late}']}}\n"
        f"  dead: {{targets: ['grpc://127.0.0.1:{free_port()}']}}\n"
        f"  old: {{targets: ['{http1.url.replace('http', 'grpc')}']}}\n"
    )
    with serving(folder, text + ROUTES) as gateway:
        yield Told(gateway, shop, late)
    shop.close()
    http1.close()


def said(told: Told, *request: Any, **more: Any) -> tuple[int, Any]:
    status, _, body = ask(told.gateway, get(*request, **more))
    return status, json.loads(body)


def test_a_call_with_path_query_and_metadata(told: Told) -> None:
    path = "/v1/orders/a%2Fb?total=5&tags=x&tags=y&item.sku=z&color=RED&at=2026-01-01T00:00:00Z&paid=true"
    status, headers, body = ask(told.gateway, get(path, "X-A: 1", "X-B-bin: AAE=", "grpc-encoding: gzip", "TE: x"))
    answer = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert answer["order"] == {
        "id": "a/b", "total": "5", "tags": ["x", "y"], "item": {"sku": "z"}, "color": "RED",
        "at": "2026-01-01T00:00:00Z", "paid": True,
    }  # fmt: skip
    assert "x-a='1'" in answer["metadata"] and "x-b-bin=b'\\x00\\x01'" in answer["metadata"]
    assert "gzip" not in answer["metadata"] and "x-forwarded-for='127.0.0.1'" in answer["metadata"]
    assert (headers["x-shop"], headers["x-raw-bin"]) == ("open", "AAE")
    assert logged(told.gateway, path)["upstream"] == "shop"


def test_bodies(told: Told) -> None:
    order = {"id": "9", "total": "9007199254740993", "items": [{"sku": "a", "count": 2}]}
    assert said(told, "/v1/orders", method="POST", body=json.dumps(order).encode())[1]["order"] == order
    cancelled = said(told, "/v1/orders/7:cancel", method="POST", body=b"{}")
    assert (cancelled[0], cancelled[1]["id"]) == (200, "7")
    assert problem(told.gateway, get("/v1/orders", method="POST", body=b'{"none": 1}'))[:2] == (400, "malformed-body")
    refused = get("/v1/orders", "Content-Type: text/plain", method="POST", body=b"{}")
    assert problem(told.gateway, refused)[:2] == (415, "unsupported-media-type")


def test_an_error_is_a_problem_with_its_details(told: Told) -> None:
    status, headers, body = ask(told.gateway, get("/v1/orders/fail/5"))
    answer = json.loads(body)
    assert (status, headers["retry-after"], answer["detail"]) == (404, "3", "no such order: 5 %")
    assert answer["rpc"] == {
        "code": 5,
        "status": "NOT_FOUND",
        "message": "no such order: 5 %",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE", "domain": "shop"},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"},
            {"@type": "x/unknown.Kind", "value": "AQ=="},
        ],
    }
    assert [ask(told.gateway, get(f"/v1/orders/fail/{code}"))[0] for code in (1, 2, 3, 8, 14, 16)] == [
        *(499, 500, 400, 429, 503, 401)
    ]


def test_a_stream_is_lines_or_events(told: Told) -> None:
    status, headers, body = ask(told.gateway, get("/v1/orders/watch/3"))
    assert (status, headers["content-type"], body) == (
        200,
        "application/x-ndjson",
        b'{"id":"0"}\n{"id":"1"}\n{"id":"2"}\n',
    )
    _, headers, body = ask(told.gateway, get("/v1/orders/watch/2", "Accept: text/event-stream"))
    assert (headers["content-type"], body) == ("text/event-stream", b'data: {"id":"0"}\n\ndata: {"id":"1"}\n\n')
    broken = ask(told.gateway, get("/v1/orders/watch/-1"))[2]
    assert json.loads(broken.splitlines()[-1])["error"]["status"] == "DATA_LOSS"
    assert problem(told.gateway, get("/v1/orders/watch/0"))[:2] == (404, "rpc-error")


def test_messages_are_bounded_in_both_directions(told: Told) -> None:
    assert len(said(told, "/v1/orders/blob/3000000", method="POST", body=b"{}")[1]["metadata"]) == 3_000_000
    large = get("/v1/orders/blob/5000000", method="POST", body=b"{}")
    assert problem(told.gateway, large)[:2] == (502, "upstream-bad-answer")
    body = json.dumps({"id": "x" * 1_500_000}).encode()
    assert len(said(told, "/v1/orders", method="POST", body=body)[1]["id"]) == 1_500_000
    body = json.dumps({"id": "x" * 5_000_000}).encode()
    assert problem(told.gateway, get("/v1/orders", method="POST", body=body))[:2] == (413, "body-too-large")


def test_time_is_told_and_ends_a_call(told: Told) -> None:
    assert said(told, "/v1/orders/1", "grpc-timeout: 5S")[1]["left"] in map(str, range(1, 5001))
    started = time.monotonic()
    ended = get("/v1/orders/slow/7", "X-Request-Timeout: 1500ms")
    assert problem(told.gateway, ended)[:2] == (504, "upstream-timeout")
    assert time.monotonic() - started < 5
    wait_until(lambda: "7" in told.shop.cancelled, "the call was ended")


def test_a_client_that_goes_away_ends_the_call(told: Told) -> None:
    with sending(told.gateway, get("/v1/orders/slow/gone")):
        wait_until(lambda: "gone" in told.shop.begun, "the call has begun", 5)
    wait_until(lambda: "gone" in told.shop.cancelled, "the call was ended", 5)


def test_what_no_rule_has(told: Told) -> None:
    assert problem(told.gateway, get("/v1/none"))[:2] == (404, "route-not-found")
    status, headers, _ = ask(told.gateway, get("/v1/orders", method="DELETE"))
    assert (status, headers["allow"]) == (405, "GET, HEAD, POST, SEARCH")
    assert ask(told.gateway, get("/v1/orders/page/3"))[1:][0]["content-type"] == "text/html"


def test_servers_that_are_none(told: Told) -> None:
    assert problem(told.gateway, get("/v1/orders/1", "X-To: dead"))[:2] == (502, "upstream-refused")
    status, _, body = ask(told.gateway, get("/v1/orders/1", "X-To: old"))
    assert (status, json.loads(body)["detail"]) == (
        502,
        "The upstream old does not answer as gRPC has it: it does not speak HTTP/2.",
    )


def test_reflection_is_asked_for_until_it_is_there(told: Told, tmp_path: Path) -> None:
    assert problem(told.gateway, get("/v1/orders/1", "X-To: late"))[:2] == (503, "no-target")
    late = Shop(reflection=True, port=told.late)
    try:
        wait_until(lambda: said(told, "/v1/orders/1", "X-To: late")[0] == 200, "the descriptors are known")
    finally:
        late.close()
    assert problem(told.gateway, get("/v1/orders/1", "X-To: late"))[:2] == (502, "upstream-refused")
