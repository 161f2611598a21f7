"""What `gateway explain` says of routes that do more than ask an upstream."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from gateway.cli.group import main
from tests.support.certs import authority

TEXT = """
version: 1
upstreams:
  a: {targets: ["http://127.0.0.1:9"]}
  b: {targets: ["http://127.0.0.1:9"], retry: {attempts: 3, on: [connect, 503]}}
routes:
  - name: page
    match: {path: "/pages/{id}"}
    aggregate:
      parts:
        plain: {upstream: a, path: "/items/{id}", required: true}
        own: {upstream: a, path: /own, retry: {attempts: 1, on: [reset]}}
        its: {upstream: b, path: /its}
        more: {upstream: b, path: /more, retry: {attempts: 5}}
        off: {upstream: b, path: /off, needs: [plain], retry: off}
        post: {upstream: b, method: POST, path: /post}
"""


def test_how_often_a_part_is_tried(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(TEXT)
    told = CliRunner().invoke(main, ["explain", "-c", str(file), "--format", "json", "GET", "/pages/7"])
    assert sorted(json.loads(told.stdout)["upstream"]["does"]) == [
        "its: GET /its of b, tried again 3 times at most (on connect, 503)",
        "more: GET /more of b, tried again 5 times at most (on connect, 503)",
        "off: GET /off of b, after plain, tried once",
        "own: GET /own of a, tried again once at most (on reset)",
        "plain: GET /items/{id} of a, required",
        "post: POST /post of b, tried again 3 times at most if it was not sent (on connect, 503)",
    ]


def test_calls_of_grpc_pass(tmp_path: Path) -> None:
    pair = authority(tmp_path)
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f"""
version: 1
server: {{tls: {{cert: {pair.cert}, key: {pair.key}, http2: true}}}}
upstreams: {{shop: {{targets: ["grpc://127.0.0.1:9"]}}}}
routes: [{{name: shop, match: {{path: "/shop.v1.Orders/{{method}}"}}, upstream: shop}}]
"""
    )
    told = CliRunner().invoke(main, ["explain", "-c", str(file), "POST", "/shop.v1.Orders/Get"])
    assert "calls     are passed on as clients make them, over HTTP/2" in told.stdout
    assert "to        grpc://127.0.0.1:9/shop.v1.Orders/Get" in told.stdout
