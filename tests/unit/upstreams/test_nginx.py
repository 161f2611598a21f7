"""A few exchanges with a real nginx."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import gevent
import pytest

from gateway.upstream.attempts import RetryingUpstream
from tests.support import nginx as real
from tests.unit.upstreams.conftest import Up
from tests.unit.upstreams.test_http import pool_of
from tests.wire.upstream.play import exchange

SERVER = """
  server {
    listen 127.0.0.1:{port};
    keepalive_requests 5;
    client_max_body_size 1m;
    location / { default_type text/plain; return 200 "$request_method $request_uri $http_host $http_via"; }
    location /none { return 204; }
    location /moved { return 301 /there; }
    location /big { root .; }
    location /gzip { gzip on; gzip_types *; gzip_min_length 1; gzip_http_version 1.0; gzip_proxied any; alias ./big; }
    location /upload { proxy_pass http://127.0.0.1:{port}/none; }
  }
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "big").write_bytes(os.urandom(3_000_000))
    with real.nginx(folder, SERVER) as made:
        yield made.port


@pytest.fixture
def upstream(up: Up, nginx: int) -> RetryingUpstream:
    return up(nginx)


def whole(body: object) -> bytes:
    return body if isinstance(body, bytes) else b"".join(body)


def test_a_page(upstream: RetryingUpstream):
    response = upstream.fetch(exchange(target="/a%20b?c=d"))
    assert response.body == b"GET /a%20b?c=d a.example 1.1 gateway"
    names = [name for name, _ in response.headers]
    assert "Server" in names and "Date" in names and "Connection" not in names


def test_head(upstream: RetryingUpstream):
    response = upstream.fetch(exchange("HEAD", "/a"))
    assert (response.body, response.length) == (b"", len("HEAD /a a.example 1.1 gateway"))


@pytest.mark.parametrize(("target", "status"), [("/none", 204), ("/moved", 301), ("/big/missing", 404)])
def test_statuses(upstream: RetryingUpstream, target: str, status: int):
    response = upstream.fetch(exchange(target=target))
    assert response.status == status
    response.close()


def test_a_file_comes_whole_with_its_length(upstream: RetryingUpstream):
    response = upstream.fetch(exchange(target="/big"))
    assert response.length == 3_000_000
    assert len(whole(response.body)) == 3_000_000


def test_a_compressed_file_comes_in_chunks(upstream: RetryingUpstream):
    plain = hashlib.sha256(whole(upstream.fetch(exchange(target="/big")).body)).digest()
    response = upstream.fetch(exchange(target="/gzip", headers=[("Host", "a"), ("Accept-Encoding", "gzip")]))
    assert response.length is None
    import gzip

    assert hashlib.sha256(gzip.decompress(whole(response.body))).digest() == plain


def test_an_upload(upstream: RetryingUpstream):
    response = upstream.fetch(exchange("POST", "/upload", body=b"x" * 900_000))
    assert response.status == 204


def test_an_upload_that_is_too_large_is_refused_early(upstream: RetryingUpstream):
    response = upstream.fetch(exchange("POST", "/upload", body=b"x" * 30_000_000))
    assert response.status == 413
    response.close()


def test_connections_that_nginx_ends_after_five_requests(upstream: RetryingUpstream):
    for _ in range(23):
        assert upstream.fetch(exchange()).status == 200
        gevent.sleep(0)
    assert pool_of(upstream).num_connections == 5
