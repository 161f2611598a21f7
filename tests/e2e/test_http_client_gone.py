"""A client that goes away frees what was at work for it, at once, and is logged as 499."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import config, get, logged, sending, serving

PATIENCE = 1.0


def play(connection: Connection) -> None:
    """/wait says nothing; /part sends some of a body; /quick answers a tenth of a second late; the end is noticed."""
    head, _ = connection.request()
    if b"/quick" in head:
        time.sleep(0.1)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nquick")
    if b"/part" in head:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\npart")
    if b"/flood" in head:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            connection.send(b"x" * 65536)
    connection.socket.recv(1)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream(play)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("gone"), config({"up": f'targets: ["{upstream.url}"]'})) as made:
        yield made


def fin(client: Client) -> None:
    client.socket.shutdown(socket.SHUT_WR)


def gone(gateway: Gateway, upstream: Upstream, path: str, leave: Callable[[Client], None], seen: bytes = b"") -> float:
    """Seconds between the client's leaving and the end of the upstream's connection."""
    count = len(upstream.connections)
    with sending(gateway, get(path)) as client:
        if seen:
            client.until(seen)
        connection = wait_until(lambda: upstream.connections[count:], "the upstream is asked")[0]
        wait_until(lambda: connection.received.endswith(b"\r\n\r\n"), "the upstream has the request")
        left = time.monotonic()
        leave(client)
        assert connection.ended.wait(5), "the upstream's connection is not freed"
        return time.monotonic() - left


LEAVING = pytest.mark.parametrize("leave", [Client.reset, Client.close, fin], ids=["reset", "close", "half-close"])


@LEAVING
def test_while_the_upstream_is_waited_for(
    gateway: Gateway, upstream: Upstream, leave: Callable[[Client], None]
) -> None:
    path = f"/up/wait?{leave.__name__}"
    assert gone(gateway, upstream, path, leave) < PATIENCE
    line = logged(gateway, path)
    assert (line["status"], line["error"]) == (499, "client-closed")


@LEAVING
def test_in_the_middle_of_an_answer(gateway: Gateway, upstream: Upstream, leave: Callable[[Client], None]) -> None:
    path = f"/up/part?{leave.__name__}"
    assert gone(gateway, upstream, path, leave, b"part") < PATIENCE
    line = logged(gateway, path)
    assert (line["status"], line["error"]) == (499, "client-closed")


@pytest.mark.parametrize("leave", [Client.reset, Client.close], ids=["reset", "close"])
def test_while_it_does_not_read(gateway: Gateway, upstream: Upstream, leave: Callable[[Client], None]) -> None:
    path = f"/up/flood?{leave.__name__}"
    assert gone(gateway, upstream, path, leave, b"\r\n\r\n") < PATIENCE
    line = logged(gateway, path)
    assert (line["status"], line["error"]) == (499, "client-closed")


def test_who_only_closed_its_sending_half_still_gets_a_quick_answer(gateway: Gateway) -> None:
    with sending(gateway, get("/up/quick", "Connection: close")) as client:
        fin(client)
        assert client.rest().endswith(b"\r\n\r\nquick")
    assert logged(gateway, "/up/quick")["status"] == 200


def test_while_it_uploads(gateway: Gateway, upstream: Upstream) -> None:
    count = len(upstream.connections)
    with sending(gateway, get("/up/upload", "Content-Length: 1000000", method="PUT") + b"x" * 1000) as client:
        connection = wait_until(lambda: upstream.connections[count:], "the upstream is asked")[0]
        client.reset()
        assert connection.ended.wait(PATIENCE)
    line = logged(gateway, "/up/upload")
    assert (line["status"], line["error"]) == (499, "client-closed")


def test_between_two_requests_nothing_is_logged(gateway: Gateway) -> None:
    before = (gateway.folder / "access.log").read_text().count("\n")
    with sending(gateway, b"GET /half HTTP/1.1\r\nHost:") as client:
        client.reset()
    with sending(gateway, b"") as client:
        client.reset()
    with sending(gateway, get("/up/quick?last")) as client:
        assert client.answer()[0] == 200
    logged(gateway, "/up/quick?last")
    assert (gateway.folder / "access.log").read_text().count("\n") == before + 1
