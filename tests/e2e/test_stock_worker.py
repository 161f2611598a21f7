"""The same application under gunicorn's own gevent worker gives the same answers to well-formed requests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, Gateway, free_port, wait_until
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import config, get, serving

#: each worker's own affair, or different with every request
FRAMING = {"server", "date", "connection", "transfer-encoding", "content-length", "keep-alive", "x-request-id"}

ROUTES = """
  - {name: hello, match: {path: "/hello/{name}", methods: [GET, POST]}, respond: {status: 200, body: "hello {name}"}}
  - {name: nothing, match: {path: /nothing}, respond: {status: 204}}
  - {name: moved, match: {path: "/old/{rest:path}"}, respond: {status: 301, headers: {Location: "/new/{rest}"}}}
  - name: beta
    match: {path: /beta, headers: {X-Beta: "1"}, query: {v: "2"}}
    respond: {status: 200, body: "beta {query.v} {header.User-Agent}"}
  - {name: host, match: {path: /beta, hosts: ["*.example"]}, respond: {status: 200, body: "host"}}
"""

REQUESTS = {
    "get": get("/hello/world"),
    "http/1.0": get("/hello/world", version="1.0"),
    "head": get("/hello/world", method="HEAD"),
    "post": get("/hello/world", method="POST", body=b"ignored"),
    "method not allowed": get("/hello/world", method="DELETE"),
    "not found": get("/nowhere"),
    "not found, as a page": get("/nowhere", "Accept: text/html"),
    "not found, as text": get("/nowhere", "Accept: text/plain"),
    "no content": get("/nothing"),
    "moved": get("/old/a/b%20c?x=1"),
    "header and query": get("/beta?v=2", "X-Beta: 1", "User-Agent: me"),
    "only the host": get("/beta?v=3", "X-Beta: 1"),
    "escaped": get("/hello/%77orld"),
    "dots": get("/x/../hello/world"),
    "dots above the root": get("/../hello/world"),
    "two slashes": get("//hello//world"),
    "an encoded slash": get("/hello/a%2Fb"),
    "an encoded NUL": get("/hello/%00"),
    "a bad escape": get("/hello/%zz"),
    "absolute-form": get("http://b.example/beta"),
    "options *": get("*", method="OPTIONS"),
    "trace": get("/hello/world", method="TRACE"),
    "an extension method": get("/up/x", method="BREW"),
    "proxied": get("/up/a/b?c=d&c=e", "X-One: 1", "Accept: */*", "Cookie: a=b"),
    "proxied, raw path": get("/up/%7Ea/../b%20c"),
    "proxied, repeated fields": get("/up/x", "X-Two: 1", "X-Two: 2"),
    "proxied, put": get("/up/x", "Content-Type: text/plain", method="PUT", body=b"body"),
    "proxied, chunked": get("/up/x", "Transfer-Encoding: chunked", method="POST") + b"4\r\nbody\r\n0\r\n\r\n",
    "proxied, head": get("/up/x", method="HEAD"),
    "proxied, hop by hop": get("/up/x", "Connection: X-Mine", "X-Mine: 1", "TE: trailers", "Keep-Alive: 9"),
    "proxied, expecting": get("/up/x", "Expect: 100-continue", method="PUT", body=b"body"),
    "proxied, forwarding fields": get("/up/x", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "Via: 1.0 fred"),
    "proxied, a large body": get("/up/x", method="PUT", body=b"x" * 200_000),
    "proxied, without a length": get("/up/stream"),
    "proxied, not modified": get("/up/304"),
    "refused": get("/refused/"),
}


def describe(connection: Connection) -> None:
    """Answer with what is the same however a worker hands headers over: sorted, in lower case, repeated ones joined."""
    while True:
        head, body = connection.request()
        line, *fields = head.decode("latin-1").split("\r\n")[:-2]
        found: dict[str, str] = {}
        for field in fields:
            name, _, value = field.partition(": ")
            name = name.lower()
            if name not in FRAMING:
                found[name] = f"{found[name]},{value}" if name in found else value
        told = f"{line}\n{sorted(found.items())}\n{len(body)} {body[:10]!r}".encode()
        if b"/stream" in head:
            chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(told), told)
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        elif b"/304" in head:
            connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')
        else:
            answer = b"HTTP/1.1 200 OK\r\nX-Kind: a\r\nX-Kind: b\r\nContent-Length: %d\r\n\r\n" % len(told)
            connection.send(answer + (b"" if head.startswith(b"HEAD ") else told))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = Upstream(describe)
    upstreams = {"up": f'targets: ["{upstream.url}"]', "refused": f'targets: ["http://127.0.0.1:{free_port()}"]'}
    with serving(tmp_path_factory.mktemp("ours"), config(upstreams, ROUTES)) as made:
        yield made
    upstream.close()


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, ours: Gateway) -> Iterator[int]:
    """The port of gunicorn with its own gevent worker and the same configuration."""
    folder: Path = tmp_path_factory.mktemp("stock")
    text = ours.config.read_text().replace(str(ours.admin_port), str(free_port()))
    (folder / "gateway.yaml").write_text(text)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1", "-b", f"127.0.0.1:{port}"]
    command += ["--no-control-socket", "gateway.server.wsgi:application"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GATEWAY_CONFIG": str(folder / "gateway.yaml")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            Client(port).close()
        except OSError:
            return False
        return True

    try:
        wait_until(listens, "the stock worker listens")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    assert "Traceback" not in (folder / "log").read_text()


def answer(port: int, sent: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, comparable fields and the decoded body."""
    with closing(Client(port)) as client:
        client.send(sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) if b"Connection:" not in sent else sent)
        head = client.until(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head = client.until(b"\r\n\r\n")
        client.received = head + client.received
        lines = head.decode("latin-1").split("\r\n")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:-2])]
        names = {name for name, _ in fields}
        status = int(lines[0].split(" ")[1])
        if sent.startswith(b"HEAD") or status in (204, 304):
            body = b""
        elif names & {"content-length", "transfer-encoding"}:
            body = client.answer()[2]
        else:
            body = client.rest().partition(b"\r\n\r\n")[2]
    ids = [value for name, value in fields if name == "x-request-id"]
    assert len(ids) == 1, "every answer has its request's id"
    return status, sorted(pair for pair in fields if pair[0] not in FRAMING), body.replace(ids[0].encode(), b"<id>")


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_alike(ours: Gateway, stock: int, name: str) -> None:
    assert answer(stock, REQUESTS[name]) == answer(ours.port, REQUESTS[name])


def test_a_chunked_body_beyond_the_limit_is_refused_too(ours: Gateway, stock: int) -> None:
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    sent = get("/up/x", "Transfer-Encoding: chunked", method="POST") + piece * 11 + b"0\r\n\r\n"
    assert answer(stock, sent)[0] == answer(ours.port, sent)[0] == 413
