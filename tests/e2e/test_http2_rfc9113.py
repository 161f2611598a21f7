"""HTTP/2 as RFC 9113 writes it, section by section: raw frames in, and what becomes of the stream or the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.certs import Pair
from tests.support.gateway import Gateway
from tests.support.http2 import Fields, frame, head
from tests.support.http2_raw import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL,
    FRAME_SIZE,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    RawClient,
)
from tests.support.raw import Upstream, echo
from tests.support.through import config, serving

Send = Callable[[RawClient], bytes]
Outcome = tuple[str, int]
GOOD: Outcome = ("status", 200)
BROKEN: Outcome = ("goaway", PROTOCOL)
SIZE: Outcome = ("goaway", FRAME_SIZE)
MALFORMED: Outcome = ("reset", PROTOCOL)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ca: Pair) -> Iterator[Gateway]:
    upstream = Upstream(echo)
    folder = ca.cert.parent
    tls = f"tls: {{cert: {folder}/default.test.crt, key: {folder}/default.test.key, http2: true}}"
    text = config({"up": f'targets: ["{upstream.url}"]'}, server=f"{tls}, limits: {{header_timeout: 2s}}")
    with serving(tmp_path_factory.mktemp("gateway"), text) as made:
        yield made
    upstream.close()


def setting(number: int, value: int) -> bytes:
    return number.to_bytes(2, "big") + value.to_bytes(4, "big")


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def request(fields: Fields) -> Send:
    return lambda client: client.request(1, fields)


def pseudo(**changed: str | None) -> Fields:
    """A good request with some pseudo-header fields changed, or left out."""
    fields = {"method": "GET", "scheme": "https", "authority": "a.example", "path": "/up/", **changed}
    return [(f":{name}", value) for name, value in fields.items() if value is not None]


def split(client: RawClient, flags: int = END_STREAM) -> tuple[bytes, bytes]:
    block = client.block(head())
    return frame(HEADERS, flags, 1, block[:5]), block[5:]


def open_then(more: bytes) -> Send:
    """A request whose body is awaited, then something else."""
    return lambda client: client.request(1, head("/up/", "POST"), END_HEADERS) + more


def done_then(more: bytes) -> Send:
    """A request that has ended, then something else on its stream."""
    return lambda client: client.request(1) + more


CASES: dict[str, tuple[Send, Outcome]] = {
    "3.4 a request behind preface and SETTINGS": (request(head()), GOOD),
    "4.1 an unknown frame type is ignored": (lambda c: frame(0x77, 0xFF, 0, b"any") + c.request(), GOOD),
    "4.1 undefined flags are ignored": (lambda c: frame(PING, 0xFE, 0, b"12345678") + c.request(), GOOD),
    "4.1 the reserved bit is ignored": (lambda c: frame(PING, 0, 1 << 31, b"12345678") + c.request(), GOOD),
    "4.2 a frame larger than SETTINGS_MAX_FRAME_SIZE": (open_then(frame(DATA, 0, 1, b"x" * 16385)), SIZE),
    "4.2 its size alone is enough": (lambda c: frame(HEADERS, 0, 1, b"", 1 << 23), SIZE),
    "4.3 a header section that cannot be decompressed": (
        lambda c: frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("goaway", PROTOCOL),
    ),
    "5.1 idle: DATA": (lambda c: frame(DATA, END_STREAM, 1, b"x"), BROKEN),
    "5.1 idle: RST_STREAM": (lambda c: frame(RST_STREAM, 0, 1, number(8)), BROKEN),
    "5.1 idle: WINDOW_UPDATE": (lambda c: frame(WINDOW_UPDATE, 0, 1, number(8)), BROKEN),
    "5.1 idle: CONTINUATION": (lambda c: frame(CONTINUATION, END_HEADERS, 1, b""), BROKEN),
    "5.1.1 an even stream": (lambda c: c.request(2), BROKEN),
    "5.1.1 a stream lower than one before": (lambda c: c.request(5) + c.request(3), BROKEN),
    "5.3.2 PRIORITY of an idle stream is ignored": (
        lambda c: frame(PRIORITY, 0, 7, number(0) + b"\x10") + c.request(),
        GOOD,
    ),
    "5.5 an unknown frame inside a header section": (
        lambda c: split(c)[0] + frame(0x77, 0, 1, b"") + frame(CONTINUATION, END_HEADERS, 1, split(c)[1]),
        BROKEN,
    ),
    "6.1 DATA on stream 0": (lambda c: frame(DATA, 0, 0, b"x"), BROKEN),
    "6.1 padding as long as the frame": (open_then(frame(DATA, PADDED | END_STREAM, 1, b"\x06abcde")), BROKEN),
    "6.1 padding is not data": (open_then(frame(DATA, PADDED | END_STREAM, 1, b"\x02hi\0\0")), GOOD),
    "6.2 HEADERS on stream 0": (lambda c: c.request(0), BROKEN),
    "6.2 padded HEADERS, with a priority": (
        lambda c: frame(
            HEADERS,
            PADDED | WITH_PRIORITY | END_STREAM | END_HEADERS,
            1,
            b"\x03" + number(0) + b"\x10" + c.block(head()) + b"\0\0\0",
        ),
        GOOD,
    ),
    "6.2 HEADERS padded beyond their end": (
        lambda c: frame(HEADERS, PADDED | END_STREAM | END_HEADERS, 1, b"\xff" + c.block(head())),
        BROKEN,
    ),
    "6.3 PRIORITY on stream 0": (lambda c: frame(PRIORITY, 0, 0, number(0) + b"\x10"), BROKEN),
    "6.3 PRIORITY of a wrong size": (lambda c: frame(PRIORITY, 0, 1, b"\0\0\0"), SIZE),
    "6.4 RST_STREAM on stream 0": (lambda c: frame(RST_STREAM, 0, 0, number(8)), BROKEN),
    "6.4 RST_STREAM of a wrong size": (open_then(frame(RST_STREAM, 0, 1, b"\0")), SIZE),
    "6.5 SETTINGS on a stream": (lambda c: frame(SETTINGS, 0, 1), BROKEN),
    "6.5 SETTINGS of a wrong size": (lambda c: frame(SETTINGS, 0, 0, b"\0\0\0"), SIZE),
    "6.5 an ACK of SETTINGS that says something": (lambda c: frame(SETTINGS, ACK, 0, setting(3, 1)), SIZE),
    "6.5.2 ENABLE_PUSH that is neither 0 nor 1": (lambda c: frame(SETTINGS, 0, 0, setting(2, 2)), BROKEN),
    "6.5.2 INITIAL_WINDOW_SIZE above 2^31-1": (
        lambda c: frame(SETTINGS, 0, 0, setting(4, 1 << 31)),
        ("goaway", FLOW_CONTROL),
    ),
    "6.5.2 MAX_FRAME_SIZE below 2^14": (lambda c: frame(SETTINGS, 0, 0, setting(5, 100)), BROKEN),
    "6.5.2 an unknown setting is ignored": (
        lambda c: frame(SETTINGS, 0, 0, setting(0x99, 7)) + c.request(),
        GOOD,
    ),
    "6.6 PUSH_PROMISE of a client": (
        lambda c: frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + c.block(head())),
        BROKEN,
    ),
    "6.7 PING on a stream": (lambda c: frame(PING, 0, 1, b"12345678"), BROKEN),
    "6.7 PING of a wrong size": (lambda c: frame(PING, 0, 0, b"1234"), SIZE),
    "6.8 GOAWAY on a stream": (lambda c: frame(GOAWAY, 0, 1, number(0) * 2), BROKEN),
    "6.8 what was asked for before GOAWAY is answered": (
        lambda c: c.request() + frame(GOAWAY, 0, 0, number(0) * 2),
        GOOD,
    ),
    "6.9 WINDOW_UPDATE of 0": (lambda c: frame(WINDOW_UPDATE, 0, 0, number(0)), BROKEN),
    "6.9 WINDOW_UPDATE of a wrong size": (lambda c: frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), SIZE),
    "6.9.1 a connection's window above 2^31-1": (
        lambda c: frame(WINDOW_UPDATE, 0, 0, number(2**31 - 1)),
        ("goaway", FLOW_CONTROL),
    ),
    "6.9.1 a stream's window above 2^31-1": (
        open_then(frame(WINDOW_UPDATE, 0, 1, number(2**31 - 1))),
        ("reset", FLOW_CONTROL),
    ),
    "6.10 a header section in pieces": (
        lambda c: b"".join((pieces := split(c))[:1]) + frame(CONTINUATION, END_HEADERS, 1, pieces[1]),
        GOOD,
    ),
    "6.10 CONTINUATION of another stream": (
        lambda c: split(c)[0] + frame(CONTINUATION, END_HEADERS, 3, b""),
        BROKEN,
    ),
    "6.10 CONTINUATION behind a whole header section": (
        lambda c: c.request() + frame(CONTINUATION, END_HEADERS, 1, b""),
        BROKEN,
    ),
    "8.1 trailers that do not end the stream": (
        lambda c: open_then(b"")(c) + c.request(1, [("x-sum", "1")], END_HEADERS),
        BROKEN,
    ),
    "8.1 trailers are read and dropped": (
        lambda c: open_then(frame(DATA, 0, 1, b"x"))(c) + c.request(1, [("x-sum", "1")]),
        GOOD,
    ),
    "8.1.1 less than content-length": (
        lambda c: (
            c.request(1, head("/up/", "POST", ("content-length", "5")), END_HEADERS)
            + frame(DATA, END_STREAM, 1, b"abc")
        ),
        BROKEN,
    ),
    "8.1.1 more than content-length": (
        lambda c: (
            c.request(1, head("/up/", "POST", ("content-length", "1")), END_HEADERS)
            + frame(DATA, END_STREAM, 1, b"abc")
        ),
        BROKEN,
    ),
    "8.1.1 content-length and no body": (request(head("/up/", "POST", ("content-length", "5"))), MALFORMED),
    "8.2.1 a name in upper case": (request(head("/up/", "GET", ("X-One", "1"))), MALFORMED),
    "8.2.1 a name with a space": (request(head("/up/", "GET", ("x one", "1"))), MALFORMED),
    "8.2.1 an empty name": (request(head("/up/", "GET", ("", "1"))), MALFORMED),
    "8.2.1 a value with CR LF": (request(head("/up/", "GET", ("x-one", "1\r\nx-two: 2"))), MALFORMED),
    "8.2.1 a value with NUL": (request(head("/up/", "GET", ("x-one", "1\0"))), MALFORMED),
    "8.2.1 a value with white space around it": (request(head("/up/", "GET", ("x-one", " 1"))), MALFORMED),
    "8.2.2 connection": (request(head("/up/", "GET", ("connection", "close"))), MALFORMED),
    "8.2.2 transfer-encoding": (request(head("/up/", "GET", ("transfer-encoding", "chunked"))), MALFORMED),
    "8.2.2 te other than trailers": (request(head("/up/", "GET", ("te", "gzip"))), MALFORMED),
    "8.2.2 te: trailers": (request(head("/up/", "GET", ("te", "trailers"))), GOOD),
    "8.3 an unknown pseudo-header field": (request([*head(), (":colour", "red")]), MALFORMED),
    "8.3 a pseudo-header field of answers": (request([(":status", "200"), *head()]), MALFORMED),
    "8.3 a pseudo-header field behind an ordinary one": (
        request([*pseudo(path=None), ("x-one", "1"), (":path", "/up/")]),
        MALFORMED,
    ),
    "8.3 a pseudo-header field twice": (request([*head(), (":path", "/up/")]), MALFORMED),
    "8.3.1 no :method": (request(pseudo(method=None)), MALFORMED),
    "8.3.1 no :scheme": (request(pseudo(scheme=None)), MALFORMED),
    "8.3.1 no :path": (request(pseudo(path=None)), MALFORMED),
    "8.3.1 an empty :path": (request(pseudo(path="")), MALFORMED),
    "8.3.1 a :path in absolute form": (request(pseudo(path="https://b.example/up/")), MALFORMED),
    "8.3.1 a :path with another request in it": (request(pseudo(path="/up/ HTTP/1.1\r\nHost: b\r\n\r\n")), MALFORMED),
    "8.3.1 a :method with a space": (request(pseudo(method="GET /up/")), MALFORMED),
    "8.3.1 Host in place of :authority": (request([*pseudo(authority=None), ("host", "a.example")]), GOOD),
    "8.3.1 Host unlike :authority": (request(head("/up/", "GET", ("host", "b.example"))), MALFORMED),
    "8.3.1 neither": (request(pseudo(authority=None)), ("status", 400)),
    "8.5 CONNECT": (request([(":method", "CONNECT"), (":authority", "a.example:443")]), ("status", 400)),
    "9110 8.6 content-length twice": (
        request(head("/up/", "GET", ("content-length", "0"), ("content-length", "0"))),
        ("status", 400),
    ),
    "9110 10.1.1 an unknown expectation": (request(head("/up/", "GET", ("expect", "magic"))), ("status", 417)),
    "9110 5.4 a field that is too large": (request(head("/up/", "GET", ("x-one", "a" * 9000))), ("status", 431)),
    "10.5.1 few bytes that stand for many: a large field, named a hundred times": (
        lambda c: frame(
            HEADERS, END_STREAM | END_HEADERS, 1, c.block([*head(), ("x-one", "a" * 3000)]) + b"\xbe" * 100
        ),
        ("goaway", ENHANCE_YOUR_CALM),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_section(gateway: Gateway, ca: Pair, name: str) -> None:
    send, outcome = CASES[name]
    with RawClient(gateway.port, ca.cert) as client:
        client.send(send(client))
        assert client.outcome() == outcome
        if outcome[0] != "goaway" and "GOAWAY" not in name:
            assert client.serves(), "one stream's mistake is not the connection's"
