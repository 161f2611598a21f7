"""A client that goes away frees what was at work for it, at once, and is logged as 499."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import ask, config, get, logged, sending, serving
from tests.support.tries import first_quick

PATIENCE = 1.0
#: an answer within this many seconds is quick
QUICK = 0.2
#: a quick answer may be given
go = threading.Semaphore(0)


def play(connection: Connection) -> None:
    """/wait says nothing; /part sends some of a body; /quick answers when it may; the end is noticed."""
    head, _ = connection.request()
    if b"/quick" in head:
        assert go.acquire(timeout=10)
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nquick")
        return
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
def test_though_it_had_sent_another_request(
    gateway: Gateway, upstream: Upstream, leave: Callable[[Client], None]
) -> None:
    path = f"/up/wait?next-{leave.__name__}"

    def ask_more_and_leave(client: Client) -> None:
        client.send(get("/up/wait?never"))
        assert ask(gateway, get("/nowhere"))[0] == 404, "the one worker has seen it by now"
        leave(client)

    assert gone(gateway, upstream, path, ask_more_and_leave) < PATIENCE
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


def test_who_only_closed_its_sending_half_still_gets_a_quick_answer(gateway: Gateway, upstream: Upstream) -> None:
    numbers = count()

    def answered() -> tuple[float, bytes, str]:
        """Seconds from when the half was closed, what was answered, and the path."""
        target = f"/quick?{next(numbers)}"
        with sending(gateway, get(f"/up{target}", "Connection: close")) as client:
            wait_until(lambda: f" {target} ".encode() in upstream.received(), "the upstream is asked")
            began, answer = time.monotonic(), b""
            fin(client)
            assert ask(gateway, get("/nowhere"))[0] == 404, "the one worker has seen it by now"
            go.release()
            with suppress(ConnectionResetError):
                answer = client.rest()
            return time.monotonic() - began, answer, f"/up{target}"

    # An answer that this machine held up is not quick, and tells nothing.
    _, answer, path = first_quick(answered, lambda found: found[0] < QUICK)
    assert answer.endswith(b"\r\n\r\nquick")
    assert logged(gateway, path)["status"] == 200


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
    go.release()
    with sending(gateway, get("/up/quick?last")) as client:
        assert client.answer()[0] == 200
    logged(gateway, "/up/quick?last")
    assert (gateway.folder / "access.log").read_text().count("\n") == before + 1
