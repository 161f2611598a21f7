"""Server-sent events: each one arrives when it is sent, a stream that broke is taken up again where the client says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import config, get, logged, sending, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ACCEPT = "Accept: text/event-stream"
#: comments, half a second apart: longer than `read` in all
BEATS = 4


class Turn:
    """What one test tells the streams that are opened in it, and no other."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.is_cut = False


class Source:
    """An upstream that sends one event at each `go`, chunked or until it closes; `cut` breaks the stream off."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.upstream = Upstream(self._play)

    def _play(self, connection: Connection) -> None:
        head, _ = connection.request()
        turn = self.turn
        fields = head.decode().lower()
        number = int(fields.partition("last-event-id: ")[2].partition("\r\n")[0] or 0)
        is_chunked = "/plain" not in fields
        connection.send(CHUNKED if is_chunked else HEAD + b"\r\n")
        if "/beats" in fields:
            for _ in range(BEATS):
                time.sleep(0.5)
                connection.send(b"3\r\n:\n\n\r\n")
        while turn.go.acquire(timeout=10) and not turn.is_cut:
            number += 1
            event = b"id: %d\ndata: event %d\n\n" % (number, number)
            connection.send(b"%x\r\n%s\r\n" % (len(event), event) if is_chunked else event)

    def cut(self) -> None:
        """End the stream in its middle."""
        self.turn.is_cut = True
        self.turn.go.release()

    def event(self, client: Client, number: int) -> None:
        """Send an event and see it arrive, before the next is sent."""
        self.turn.go.release()
        assert b"id: %d\n" % number in client.until(b"data: event %d\n\n\r\n" % number)


@pytest.fixture(scope="module")
def one() -> Iterator[Source]:
    made = Source()
    yield made
    made.upstream.close()


@pytest.fixture
def source(one: Source) -> Source:
    one.turn = Turn()
    return one


@pytest.fixture(scope="module")
def gateway(one: Source, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstreams = {"live": f'targets: ["{one.upstream.url}"], timeout: {{read: 1500ms}}'}
    with serving(tmp_path_factory.mktemp("events"), config(upstreams)) as made:
        yield made


@pytest.mark.parametrize("path", ["/live/chunked", "/live/plain"])
def test_head_and_events_arrive_one_by_one(gateway: Gateway, source: Source, path: str):
    with sending(gateway, get(path, ACCEPT)) as client:
        head = client.until(b"\r\n\r\n")
        assert b"Content-Type: text/event-stream\r\nCache-Control: no-cache" in head
        assert b"Content-Length" not in head and b"Content-Encoding" not in head
        for number in range(1, 6):
            source.event(client, number)


def test_a_stream_that_broke_is_taken_up_again(gateway: Gateway, source: Source):
    with sending(gateway, get("/live/broken", ACCEPT)) as client:
        source.event(client, 1)
        source.event(client, 2)
        source.cut()
        with pytest.raises(ConnectionResetError):
            client.rest()  # no last chunk: the client knows that it was cut
    assert logged(gateway, "/live/broken")["error"] == "upstream-incomplete"
    source.turn = Turn()
    with sending(gateway, get("/live/chunked", ACCEPT, "Last-Event-ID: 2")) as client:
        source.event(client, 3)
        source.event(client, 4)


def test_a_stream_that_ends_is_asked_for_again_on_the_same_connection(gateway: Gateway, source: Source):
    with sending(gateway, get("/live/plain", ACCEPT)) as client:
        source.event(client, 1)
        source.cut()
        client.until(b"0\r\n\r\n")
        source.turn = Turn()
        client.send(get("/live/plain", ACCEPT, "Last-Event-ID: 1"))
        source.event(client, 2)


def test_a_client_that_leaves_ends_it_at_the_upstream(gateway: Gateway, source: Source):
    with sending(gateway, get("/live/left", ACCEPT)) as client:
        source.event(client, 1)
    connection = source.upstream.connections[-1]

    def has_ended() -> bool:
        source.turn.go.release()  # it notices when it sends
        return connection.ended.wait(0.02)

    wait_until(has_ended, "the upstream's connection ends")
    assert logged(gateway, "/live/left")["status"] == 499


def test_comments_keep_a_quiet_stream_open(gateway: Gateway, source: Source):
    with sending(gateway, get("/live/beats", ACCEPT)) as client:
        for _ in range(BEATS):
            client.until(b":\n\n")
        began = time.monotonic()
        source.event(client, 1)
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert 1.4 < time.monotonic() - began < 2.5, "nothing for longer than `read` ends it"
    assert logged(gateway, "/live/beats")["error"] == "upstream-read-timeout"
