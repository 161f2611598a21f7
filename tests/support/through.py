"""What the end-to-end tests of HTTP share: a gateway in front of something, and what its access log says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client

SERVER = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1MORE}
observability: {access_log: {format: json, to: access.log}}
"""


def config(upstreams: dict[str, str], routes: str = "", server: str = "") -> str:
    """A configuration with each of `upstreams` (name: what stands in its braces) behind a route /name, and more."""
    text = SERVER.replace("MORE", f", {server}" if server else "") + "upstreams:\n"
    text += "".join(f"  {name}: {{{spec}}}\n" for name, spec in upstreams.items()) if upstreams else ""
    text += "routes:\n" + "".join(
        f'  - {{name: {name}, match: {{path: "/{name}/{{rest:path}}"}}, upstream: {name}, rewrite: "/{{rest}}"}}\n'
        for name in upstreams
    )
    return (text if upstreams else text.replace("upstreams:\n", "")) + routes


@contextmanager
def serving(folder: Path, text: str, **options: Any) -> Iterator[Gateway]:
    """A gateway with the configuration `text`."""
    folder.mkdir(exist_ok=True)
    made = Gateway(folder, text, **options).start()
    try:
        yield made
    finally:
        made.stop()
    assert "Traceback" not in made.output(), made.output()


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request as bytes."""
    fields = ["Host: a.example", *lines, *([f"Content-Length: {len(body)}"] if body else [])]
    return "\r\n".join([f"{method} {path} HTTP/{version}", *fields, "", ""]).encode("latin-1") + body


@contextmanager
def sending(gateway: Gateway, sent: bytes) -> Iterator[Client]:
    """A client that has sent something."""
    client = Client(gateway.port).send(sent)
    try:
        yield client
    finally:
        client.close()


def ask(gateway: Gateway, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request on a connection of its own."""
    with sending(gateway, sent) as client:
        return client.answer()


def problem(gateway: Gateway, sent: bytes) -> tuple[int, str, str]:
    """(status, slug of the problem, Proxy-Status) of an error answer."""
    status, headers, body = ask(gateway, sent)
    return status, json.loads(body)["type"].rpartition(":")[2], headers.get("proxy-status", "")


def logged(gateway: Gateway, target: str) -> dict[str, Any]:
    """The access log's line for `target`, once it is there."""

    def line() -> Any:
        text = (gateway.folder / "access.log").read_text()
        whole = [each for each in text.splitlines(keepends=True) if each.endswith("\n")]  # the last may be half of one
        found = [json.loads(each) for each in whole if json.dumps(target) in each]
        return found[-1] if found else None

    return wait_until(line, f"{target} is in the access log")


def memory(gateway: Gateway) -> int:
    """RSS of the one worker, bytes."""
    return int(psutil.Process(gateway.workers()[0]).memory_info().rss)
