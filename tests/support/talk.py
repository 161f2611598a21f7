"""A gRPC service whose messages are plain bytes, with a method of each kind, and clients that call it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

from tests.support.ports import free_port

SERVICE = "talk.v1.Talk"
#: seconds; the machine may have much else to do
PATIENCE = 30.0


class Talk:
    """The server, on a port of its own. What its methods do is said by their first message."""

    def __init__(self, compression: Any = None) -> None:
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        #: messages that `Count` has given; calls that were cancelled, by their first message
        self.counted = 0
        self.cancelled: list[bytes] = []
        self.told: list[dict[str, Any]] = []
        #: seconds that a call had left when it came
        self.left: list[float] = []
        #: `Count` goes on beyond its first message
        self.go_on = threading.Event()
        make = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Collect": grpc.stream_unary_rpc_method_handler(self.collect),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)]
        self._pool = futures.ThreadPoolExecutor(16)
        self.server = grpc.server(self._pool, options=options, compression=compression)
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, make),))
        self.port = free_port()
        assert self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        self.server.start()
        self.url = f"grpc://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End it, and every call."""
        self.go_on.set()
        self.server.stop(0).wait()
        self._pool.shutdown()

    def _begun(self, name: str, context: Any) -> None:
        with self._lock:
            self.told.append(dict(context.invocation_metadata()))
            self.left.append(context.time_remaining())
            self.calls[name] += 1  # last: who waits for it finds the others

    def _watched(self, message: bytes, context: Any) -> threading.Event:
        """The end of a call, which is noted; asked for before the call is counted, and may be cancelled."""
        gone = threading.Event()

        def over() -> None:
            self.cancelled.append(message)
            gone.set()

        if not context.add_callback(over):  # it is over already
            over()
        return gone

    def echo(self, message: bytes, context: Any) -> bytes:
        """The message; `fail N words` ends with a code, `slow…` not before the client does."""
        word, _, rest = message.partition(b" ")
        gone = self._watched(message, context) if word.startswith(b"slow") else None
        self._begun("Echo", context)
        if word == b"fail":
            _fail(rest, context)
        context.send_initial_metadata((("x-first", "1"), ("x-raw-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-last", "2"), ("x-end-bin", b"\x01")))
        if gone is not None:
            gone.wait(PATIENCE)
        return message

    def collect(self, messages: Iterator[bytes], context: Any) -> bytes:
        """How many there were, and how long together."""
        self._begun("Collect", context)
        sizes = [len(message) for message in messages]
        return b"%d %d" % (len(sizes), sum(sizes))

    def count(self, message: bytes, context: Any) -> Iterator[bytes]:
        """`N size`: so many messages; behind the first one `go_on` is waited for. `N size code`: it ends badly."""
        self._watched(message, context)
        self._begun("Count", context)
        number, size, *code = map(int, message.split())
        for at in range(number):
            self.counted += 1
            yield b"%d" % at + b"." * (size - 1)
            if not at and not self.go_on.wait(PATIENCE):
                return
        if code:
            _fail(b"%d it broke" % code[0], context)

    def chat(self, messages: Iterator[bytes], context: Any) -> Iterator[bytes]:
        """A greeting, and each message as it comes."""
        self._watched(b"chat", context)
        self._begun("Chat", context)
        yield b"hello"
        yield from messages


def _fail(told: bytes, context: Any) -> None:
    code, _, words = told.partition(b" ")
    context.set_trailing_metadata((("x-why", "asked"), ("grpc-status-details-bin", b"\x08\x05")))
    context.abort(next(each for each in grpc.StatusCode if each.value[0] == int(code)), words.decode())


def dial(port: int, ca: Path, **options: Any) -> Any:
    """A channel to a gateway, over TLS."""
    given = [("grpc.ssl_target_name_override", "default.test"), ("grpc.max_receive_message_length", -1)]
    credentials = grpc.ssl_channel_credentials(ca.read_bytes())
    return grpc.secure_channel(f"127.0.0.1:{port}", credentials, options=given, **options)


def method(channel: Any, name: str, service: str = SERVICE) -> Any:
    """What calls a method: `Echo`, `Collect`, `Count` or `Chat`."""
    kinds = {
        "Echo": channel.unary_unary,
        "Collect": channel.stream_unary,
        "Count": channel.unary_stream,
        "Chat": channel.stream_stream,
    }
    return kinds[name](f"/{service}/{name}")
