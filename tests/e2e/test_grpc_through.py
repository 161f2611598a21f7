"""Clients of gRPC that call a gRPC server through a real gateway, both by grpcio."""

from __future__ import annotations

import json
import queue
import subprocess
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from gateway.auth.api_key.stored_keys import digest_of, new_key
from tests.support.certs import Pair
from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.http2 import Http2Client, head
from tests.support.raw import Connection, Upstream
from tests.support.talk import PATIENCE, SERVICE, Talk, dial, method
from tests.support.through import SERVER, logged, memory, serving

Code = grpc.StatusCode
KEY = new_key()
CALL = ("content-type", "application/grpc"), ("te", "trailers")
CONFIG = """
upstreams:
  talk: {targets: ['TALK'], timeout: {read: 20s, total: 25s}, pool: {max_connections: 3}}
  other: {targets: ['OTHER']}
  squeezed: {targets: ['SQUEEZED']}
  some: {targets: ['TALK', 'grpc://127.0.0.1:DEAD'], balance: round_robin, retry: {budget: 100%, on: [connect]}}
  many: {targets: ['FAILS', 'OTHER'], balance: round_robin, retry: AGAIN}
  dead: {targets: ['grpc://127.0.0.1:DEAD']}
  old: {targets: ['OLD']}
  breaks: {targets: ['BREAKS']}
  fails: {targets: ['FAILS']}
auth: {partners: {api_key: {from: "header:x-key", keys: "${file:partners}"}}}
routes:
  - {name: talk, match: {path: "/talk.v1.Talk/{method}"}, upstream: talk}
  - {name: limited, match: {path: "/limited/{method}"}, upstream: talk, rate_limit: {per: route, rate: 1/h, burst: 1}}
  - {name: inside, match: {path: "/inside/{method}"}, upstream: talk, ip: {allow: [192.0.2.0/24]}}
  - {name: private, match: {path: "/private/{method}"}, ELSEWHERE, upstream: talk, auth: {use: partners}}
  - {name: squeezed, match: {path: "/squeezed/{method}"}, ELSEWHERE, upstream: squeezed}
  - {name: dead, match: {path: "/dead/{method}"}, upstream: dead}
  - {name: old, match: {path: "/old/{method}"}, upstream: old}
  - {name: breaks, match: {path: "/breaks/{method}"}, upstream: breaks}
  - {name: both, match: {path: "/both/{method}"}, ELSEWHERE, upstream: talk, mirror: {upstream: other}}
  - {name: canary, match: {path: "/canary/{method}"}, ELSEWHERE, split: [{upstream: talk}, {upstream: other}]}
  - {name: some, match: {path: "/some/{method}"}, ELSEWHERE, upstream: some}
  - {name: many, match: {path: "/many/{method}"}, ELSEWHERE, upstream: many}
  - {name: hurried, match: {path: "/hurried/{method}"}, ELSEWHERE, upstream: talk, timeout: 300ms}
"""


class Told:
    """The gateway, what stands behind it, and a channel to it."""

    def __init__(self, gateway: Gateway, talk: Talk, other: Talk, ca: Pair) -> None:
        self.gateway, self.talk, self.other, self.ca = gateway, talk, other, ca
        self.channel = dial(gateway.port, ca.cert)

    def call(self, name: str, service: str = SERVICE) -> Any:
        """What calls a method."""
        return method(self.channel, name, service)


def old(connection: Connection) -> None:
    """A server of HTTP/1 that understands nothing else."""
    connection.socket.recv(65536)
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def playing(connection: Connection, answer: Any) -> None:
    """HTTP/2 by hand: `answer(h2, stream)` once a call has begun, and the connection goes on until it ends."""
    h2 = H2Connection(H2Configuration(client_side=False, validate_outbound_headers=False))
    h2.initiate_connection()
    connection.send(h2.data_to_send())
    while data := connection.socket.recv(65536):
        for event in h2.receive_data(data):
            if isinstance(event, RequestReceived):
                answer(h2, event.stream_id)
        connection.send(h2.data_to_send())
        if h2.state_machine.state.name == "CLOSED":
            return


def breaks(connection: Connection) -> None:
    """It answers with a message, and breaks off."""

    def answer(h2: H2Connection, stream: int) -> None:
        h2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        h2.send_data(stream, b"\0\0\0\0\5first")
        h2.close_connection()

    playing(connection, answer)


def fails(connection: Connection) -> None:
    """It is not available."""

    def answer(h2: H2Connection, stream: int) -> None:
        fields = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "14")]
        h2.send_headers(stream, fields, end_stream=True)

    playing(connection, answer)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, ca: Pair) -> Iterator[Told]:
    services = {"TALK": Talk(), "OTHER": Talk(), "SQUEEZED": Talk(compression=grpc.Compression.Gzip)}
    fakes = {"OLD": Upstream(old), "BREAKS": Upstream(breaks), "FAILS": Upstream(fails)}
    folder, made = tmp_path_factory.mktemp("through"), ca.cert.parent
    (folder / "partners").write_text(f"partner: {digest_of(KEY)}\n")
    tls = f", tls: {{cert: {made}/default.test.crt, key: {made}/default.test.key, http2: true}}"
    text = SERVER.replace("MORE", tls + ", limits: {body: 1MB, body_timeout: 20s}") + CONFIG
    text = text.replace("ELSEWHERE", 'rewrite: "/talk.v1.Talk/{method}"').replace("DEAD", str(free_port()))
    text = text.replace("AGAIN", "{budget: 100%, on: [503], methods: [POST], non_idempotent: true}")
    for name, each in {**services, **fakes}.items():
        text = text.replace(f"'{name}'", f"'{each.url.replace('http', 'grpc')}'")
    with serving(folder, text) as gateway:
        told = Told(gateway, services["TALK"], services["OTHER"], ca)
        yield told
        told.channel.close()
    for each in (*services.values(), *fakes.values()):
        each.close()


def failure(call: Any, *given: Any, **more: Any) -> Any:
    """How a call ends badly."""
    with pytest.raises(grpc.RpcError) as caught:
        answer = call(*given, timeout=more.pop("timeout", PATIENCE), **more)
        list(answer)
    return caught.value


def trailing(error: Any) -> dict[str, Any]:
    return dict(error.trailing_metadata())


class Speaker:
    """What a client sends, message by message, as a test says it."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes | None] = queue.Queue()

    def say(self, message: bytes | None) -> None:
        """Send a message; None is the end."""
        self._queue.put(message)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._queue.get, None)


def test_a_call_with_metadata_both_ways(told: Told) -> None:
    metadata = (("x-mine", "a b"), ("x-mine-bin", b"\x00\x01\xfe"))
    answer, call = told.call("Echo").with_call(b"hi \xff", metadata=metadata, timeout=PATIENCE)
    assert answer == b"hi \xff"
    seen = told.talk.told[-1]
    assert (seen["x-mine"], seen["x-mine-bin"], seen["x-forwarded-proto"]) == ("a b", b"\x00\x01\xfe", "https")
    first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert (first["x-first"], first["x-raw-bin"]) == ("1", b"\x00\xff")
    assert (last["x-last"], last["x-end-bin"]) == ("2", b"\x01")
    assert first["x-request-id"] == seen["x-request-id"]
    assert call.code() is Code.OK
    line = logged(told.gateway, f"/{SERVICE}/Echo")
    assert (line["status"], line["version"], line["upstream"], line["method"]) == (200, "2", "talk", "POST")


def test_messages_of_a_client_are_bounded_one_by_one(told: Told) -> None:
    sizes = (700_000, 700_000, 0, 5, 700_000)
    assert told.call("Collect")((b"x" * size for size in sizes), timeout=PATIENCE) == b"5 2100005"
    assert told.call("Collect")(iter(()), timeout=PATIENCE) == b"0 0"
    for name, given in (("Collect", iter((b"x", b"y" * 1_100_000))), ("Echo", b"z" * 1_100_000)):
        error = failure(told.call(name), given)
        assert error.code() is Code.RESOURCE_EXHAUSTED and "A message is larger" in error.details()
    assert len(told.call("Echo")(b"e" * 900_000, timeout=PATIENCE)) == 900_000


def test_messages_of_a_service_come_as_they_are_sent(told: Told) -> None:
    told.talk.go_on.clear()
    answer = told.call("Count")(b"3 100000", timeout=PATIENCE)
    first = next(answer)
    assert (first[:2], len(first)) == (b"0.", 100_000), "the second one is not there yet"
    told.talk.go_on.set()
    assert [each[:1] for each in answer] == [b"1", b"2"]
    assert answer.code() is Code.OK


def test_both_sides_speak_in_turn(told: Told) -> None:
    speaker = Speaker()
    answer = told.call("Chat")(iter(speaker), timeout=PATIENCE)
    assert next(answer) == b"hello", "the service speaks first"
    for at in range(30):
        message = b"%d " % at * (at * 1000 + 1)
        speaker.say(message)
        assert next(answer) == message
    speaker.say(None)
    assert list(answer) == [] and answer.code() is Code.OK


def test_both_sides_speak_at_once(told: Told) -> None:
    """More than windows and buffers hold, in both directions, from a client that first sends all of it."""
    speaker = Speaker()
    answer = told.call("Chat")(iter(speaker), timeout=PATIENCE)
    for _ in range(100):
        speaker.say(b"y" * 50_000)
    speaker.say(None)
    assert [len(each) for each in answer] == [5, *([50_000] * 100)]


@pytest.mark.parametrize(
    ("code", "status"), [(1, 499), (3, 400), (5, 404), (8, 429), (12, 501), (13, 500), (14, 503), (16, 401)]
)
def test_how_a_service_says_no(told: Told, code: int, status: int) -> None:
    error = failure(told.call("Echo"), f"fail {code} no, 100 % ä".encode())
    assert (error.code().value[0], error.details()) == (code, "no, 100 % ä")
    last = trailing(error)
    assert (last["x-why"], last["grpc-status-details-bin"]) == ("asked", b"\x08\x05")

    def line() -> bool:
        found = logged(told.gateway, f"/{SERVICE}/Echo")
        return (found["status"], found["error"]) == (status, "rpc-error")

    wait_until(line, "it is in the log")


def test_a_stream_that_ends_badly(told: Told) -> None:
    told.talk.go_on.set()
    answer = told.call("Count")(b"3 10 15", timeout=PATIENCE)
    seen = []
    with pytest.raises(grpc.RpcError):
        seen.extend(answer)
    assert (answer.code(), answer.details()) == (Code.DATA_LOSS, "it broke")
    assert dict(answer.trailing_metadata())["x-why"] == "asked"


def test_messages_may_be_compressed(told: Told) -> None:
    message = b"the same again, " * 10_000
    with dial(told.gateway.port, told.ca.cert, compression=grpc.Compression.Gzip) as channel:
        assert method(channel, "Echo", "squeezed")(message, timeout=PATIENCE) == message
    assert logged(told.gateway, "/squeezed/Echo")["bytes"] < 20_000, "what passed was compressed"


def test_a_deadline_is_told_and_ends_the_call(told: Told) -> None:
    told.call("Echo")(b"hi", timeout=5)
    assert 0 < told.talk.left[-1] < 6
    told.call("Echo")(b"hi")
    assert 0 < told.talk.left[-1] < 26, "the upstream's total, where the client says nothing"
    error = failure(told.call("Echo", "hurried"), b"slow route", timeout=None)
    assert error.code() is Code.DEADLINE_EXCEEDED
    error = failure(told.call("Echo"), b"slow client", timeout=0.3)
    assert error.code() is Code.DEADLINE_EXCEEDED
    wait_until(lambda: {b"slow route", b"slow client"} <= set(told.talk.cancelled), "both were ended")


@pytest.mark.parametrize("name", ["Echo", "Count", "Chat"])
def test_a_client_that_cancels_ends_the_call(told: Told, name: str) -> None:
    """More often than there are places for calls to this service."""
    told.talk.go_on.clear()
    speaker = Speaker()
    for at in range(5):
        word = {"Echo": b"slow %d" % at, "Count": b"2 %d" % (at + 10), "Chat": b"chat"}[name]
        begun, ended = told.talk.calls[name], told.talk.cancelled.count(word)
        call = told.call(name)
        running = call.future(word) if name == "Echo" else call(iter(speaker) if name == "Chat" else word)
        wait_until(lambda begun=begun: told.talk.calls[name] > begun, "it has begun")
        assert name == "Echo" or next(running)
        running.cancel()
        wait_until(lambda word=word, ended=ended: told.talk.cancelled.count(word) > ended, "it was ended")
        speaker.say(None)
    told.talk.go_on.set()
    assert told.call("Echo")(b"and on", timeout=PATIENCE) == b"and on"


def test_a_service_that_breaks_off_never_looks_complete(told: Told) -> None:
    answer = told.call("Count", "breaks")(b"x", timeout=PATIENCE)
    assert next(answer) == b"first"
    with pytest.raises(grpc.RpcError):
        next(answer)
    assert answer.code() is Code.UNAVAILABLE and "ended early" in answer.details()
    assert logged(told.gateway, "/breaks/Count")["error"] == "upstream-incomplete"


def test_what_the_gateway_refuses(told: Told) -> None:
    assert failure(told.call("Echo", "limited"), b"x").code() is Code.UNIMPLEMENTED, "of the service itself"
    for service, code, words in (
        ("nowhere", Code.UNIMPLEMENTED, "No route matches the request"),
        ("limited", Code.RESOURCE_EXHAUSTED, "There were too many requests"),
        ("private", Code.UNAUTHENTICATED, "The request says nobody whom the gateway knows"),
        ("inside", Code.PERMISSION_DENIED, "The client's address may not call this"),
        ("dead", Code.UNAVAILABLE, "The upstream refused the connection"),
        ("old", Code.UNAVAILABLE, "it does not speak HTTP/2"),
    ):
        error = failure(told.call("Echo", service), b"x")
        assert (error.code(), words in error.details()) == (code, True), error
        assert len(trailing(error)["x-request-id"]) == 32
        if service == "limited":
            assert int(trailing(error)["retry-after"]) > 0
    assert logged(told.gateway, "/limited/Echo")["status"] == 429
    assert told.call("Echo", "private")(b"x", metadata=(("x-key", KEY),), timeout=PATIENCE) == b"x"
    error = failure(told.call("Echo"), b"x", metadata=(("x-large", "x" * 9000),))
    assert error.code() is Code.RESOURCE_EXHAUSTED


def test_who_calls_in_another_way(told: Told) -> None:
    with Http2Client(told.gateway.port, told.ca.cert) as client:
        for more, status, slug in (
            ((("content-type", "application/json"),), 415, "unsupported-media-type"),
            ((("content-type", "application/grpc-web"),), 415, "unsupported-media-type"),
        ):
            answer = client.get(*head(f"/{SERVICE}/Echo", "POST", *more))
            assert (answer.status, json.loads(answer.body)["type"].rpartition(":")[2]) == (status, slug)
        answer = client.get(*head(f"/{SERVICE}/Echo", "GET", *CALL))
        assert (answer.status, answer.headers["grpc-status"], answer.headers["allow"]) == (200, "12", "POST")
    command = ["curl", "-sk", "--http1.1", f"https://127.0.0.1:{told.gateway.port}/{SERVICE}/Echo", "-d", "x"]
    assert b"unsupported-media-type" in subprocess.check_output(command)
    assert b"version-not-supported" in subprocess.check_output([*command, "-H", "Content-Type: application/grpc"])


def test_a_client_that_reads_nothing_holds_the_service_up(told: Told) -> None:
    told.talk.go_on.set()
    before, rss = told.talk.counted, memory(told.gateway)
    with Http2Client(told.gateway.port, told.ca.cert, is_lazy=True) as client:
        number = client.ask(head(f"/{SERVICE}/Count", "POST", *CALL), b"\0\0\0\0\x09800 65536", end=True)
        answer = client.answers[number]
        client.until(lambda: len(answer.body) == 65_535, "the window is full")
        for _ in range(20):
            assert told.call("Echo")(b"meanwhile", timeout=PATIENCE) == b"meanwhile"
        assert told.talk.counted - before < 100, "of 800"
        assert memory(told.gateway) - rss < 10_000_000
    wait_until(lambda: b"800 65536" in told.talk.cancelled, "it was ended")


def test_calls_are_tried_again(told: Told) -> None:
    for _ in range(4):
        assert told.call("Echo", "some")(b"x", timeout=PATIENCE) == b"x"
        assert told.call("Echo", "many")(b"y", timeout=PATIENCE) == b"y"
    speaker = Speaker()
    answer = told.call("Chat", "some")(iter(speaker), timeout=PATIENCE)
    assert next(answer) == b"hello"
    speaker.say(None)
    assert list(answer) == []


def test_calls_are_copied_and_shared_out(told: Told) -> None:
    before = told.other.calls["Echo"]
    assert told.call("Echo", "both")(b"copied", timeout=PATIENCE) == b"copied"
    wait_until(lambda: told.other.calls["Echo"] > before, "the copy")
    before = told.other.calls["Echo"]
    for _ in range(200):
        assert told.call("Echo", "canary")(b"x", timeout=PATIENCE) == b"x"
        if told.other.calls["Echo"] > before:
            break
    assert told.other.calls["Echo"] > before
