"""`compress` in a real gateway: what clients get in which coding, whole and while it streams."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from gateway.http import zstd
from tests.support.gateway import Gateway
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, sending, serving

TEXT = json.dumps([{"id": number, "name": f"item {number}"} for number in range(100)]).encode()
#: too much to come as a whole
LARGE = TEXT * 40
#: what is pure noise stays as it is
NOISE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100))
FIELDS = b"Content-Type: application/json\r\nAccept-Ranges: bytes\r\n"
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstd.module().decompress(data),
}
ROUTES = """
  - {name: plain, match: {path: "/plain/{rest:path}"}, upstream: up, rewrite: "/{rest}", compress: off}
defaults: {compress: {}}
"""
#: the next event may be sent
go = threading.Semaphore(0)


def play(connection: Connection) -> None:
    while True:
        head, _ = connection.request()
        method, target = head.split(b" ")[:2]
        if target == b"/events":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(3):
                assert go.acquire(timeout=10)
                event = b"data: event %d\n\n" % number
                connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            connection.send(b"0\r\n\r\n")
            continue
        body = {b"/noise": NOISE, b"/large": LARGE, b"/chunked": LARGE}.get(target, TEXT)
        fields = FIELDS + b'ETag: "%s"\r\n' % hashlib.md5(body).hexdigest().encode()
        if target == b"/coded":
            body, fields = gzip.compress(TEXT), fields + b"Content-Encoding: gzip\r\n"
        status = b"200 OK"
        if b"\r\nrange: bytes=0-1999\r\n" in head.lower():
            status, body, fields = b"206 Partial Content", body[:2000], fields + b"Content-Range: bytes 0-1999/9\r\n"
        if target == b"/chunked":
            fields, body = fields + b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            fields += b"Content-Length: %d\r\n" % len(body)
        connection.send(b"HTTP/1.1 %s\r\n%s\r\n%s" % (status, fields, b"" if method == b"HEAD" else body))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = Upstream(play)
    text = config({"up": f'targets: ["{upstream.url}"]'}, ROUTES)
    with serving(tmp_path_factory.mktemp("compress"), text) as made:
        yield made
    upstream.close()


def accept(coding: str) -> str:
    return f"Accept-Encoding: {coding}"


@pytest.mark.parametrize(("target", "text"), [("/up/whole", TEXT), ("/up/large", LARGE), ("/up/chunked", LARGE)])
@pytest.mark.parametrize(
    ("wanted", "coding"),
    [("gzip", "gzip"), ("br", "br"), ("zstd, br;q=0.9, gzip", "zstd"), ("gzip;q=1, *;q=0.1", "gzip")],
)
def test_each_coding(gateway: Gateway, target: str, text: bytes, wanted: str, coding: str) -> None:
    status, headers, body = ask(gateway, get(target, accept(wanted)))
    assert status == 200 and DECODE[coding](body) == text and len(body) < len(text) / 3
    assert headers["content-encoding"] == coding and headers["vary"] == "Accept-Encoding"
    assert headers["etag"].startswith('W/"') and "accept-ranges" not in headers
    assert ("content-length" in headers) == (target == "/up/whole")


def test_what_is_not_asked_for(gateway: Gateway) -> None:
    for lines in ((), (accept("identity"),), (accept("gzip;q=0"),)):
        _, headers, body = ask(gateway, get("/up/whole", *lines))
        assert body == TEXT and headers["vary"] == "Accept-Encoding" and headers["etag"].startswith('"')
    _, headers, body = ask(gateway, get("/plain/whole", accept("gzip")))
    assert body == TEXT and "vary" not in headers and "content-encoding" not in headers


def test_head_has_the_fields_of_get(gateway: Gateway) -> None:
    with sending(gateway, get("/up/whole", accept("br"), method="HEAD")) as client:
        told = dict(line.split(": ", 1) for line in client.until(b"\r\n\r\n").decode().split("\r\n")[1:-2])
    _, headers, _ = ask(gateway, get("/up/whole", accept("br")))
    own = {"date", "x-request-id", "content-length"}  # a length may be left out (RFC 9110 section 8.6)
    fields = {name.lower(): value for name, value in told.items() if name.lower() not in own}
    assert fields == {name: value for name, value in headers.items() if name not in own}
    assert fields["content-encoding"] == "br" and fields["etag"].startswith("W/")


def test_parts_stay_parts(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/up/whole", accept("gzip"), "Range: bytes=0-1999"))
    assert (status, body) == (206, TEXT[:2000])
    assert headers["content-range"] == "bytes 0-1999/9" and "content-encoding" not in headers


def test_what_is_coded_already_and_what_would_grow(gateway: Gateway) -> None:
    _, headers, body = ask(gateway, get("/up/coded", accept("zstd, gzip")))
    assert headers["content-encoding"] == "gzip" and gzip.decompress(body) == TEXT
    assert headers["etag"].startswith('"')
    _, headers, body = ask(gateway, get("/up/noise", accept("gzip")))
    assert body == NOISE and "content-encoding" not in headers


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_an_event_arrives_before_the_next_is_sent(gateway: Gateway, coding: str) -> None:
    read: Callable[[bytes], bytes]
    if coding == "gzip":
        read = zlib.decompressobj(31).decompress
    elif coding == "br":
        read = brotli.Decompressor().process
    else:
        read = zstd.module().ZstdDecompressor().decompress
    with sending(gateway, get("/up/events", accept(coding))) as client:
        assert f"content-encoding: {coding}".encode() in client.until(b"\r\n\r\n").lower()
        for number in range(3):
            go.release()
            seen = b""
            while b"data: event %d\n\n" % number not in seen:
                size = int(client.until(b"\r\n"), 16)
                assert size, "the stream has ended"
                seen += read(client.exactly(size))
                client.until(b"\r\n")


def test_explain_names_it(gateway: Gateway) -> None:
    told = CliRunner().invoke(main, ["explain", "-c", str(gateway.config), "GET", "/up/whole"]).stdout
    assert "content   answers of 1024 bytes and more become zstd or br or gzip\n" in told
    assert "content " not in CliRunner().invoke(main, ["explain", "-c", str(gateway.config), "GET", "/plain/x"]).stdout
