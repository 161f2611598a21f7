"""What an upstream may answer, byte for byte, and what becomes of it: one row per rule, named by its section."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """`status` and `body` of what the gateway makes of `answer`, or the `reason` it is refused for.

    `kept`: the connection may be used again.  `closes`: the upstream closes behind its bytes.
    """

    section: str
    name: str
    answer: bytes
    status: int = 0
    body: bytes = b""
    kept: bool = False
    reason: str = ""
    closes: bool = False
    method: str = "GET"
    length: int | None = None


def head(*lines: bytes, first: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"".join(line + b"\r\n" for line in (first, *lines)) + b"\r\n"


def good(
    section: str, name: str, answer: bytes, body: bytes = b"", kept: bool = True, status: int = 200, **more
) -> Rule:
    return Rule(section, name, answer, status, body, kept, **more)


def bad(section: str, name: str, answer: bytes, reason: str = "bad-answer", **more) -> Rule:
    return Rule(section, name, answer, reason=reason, **more)


TE = b"Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"

RULES = [
    # framing, RFC 9112 section 6.3
    good("RFC 9112 6.3", "Content-Length", head(b"Content-Length: 5") + b"hello", b"hello", length=5),
    good("RFC 9112 6.3", "Content-Length 0", head(b"Content-Length: 0"), length=0),
    good("RFC 9112 6.3", "chunked", head(TE) + HELLO, b"hello", length=None),
    good("RFC 9112 6.3", "until close", head() + b"hello", b"hello", kept=False, closes=True),
    good("RFC 9112 6.3", "until close, nothing", head(), b"", kept=False, closes=True),
    good("RFC 9112 6.3", "HEAD with a length", head(b"Content-Length: 5"), method="HEAD", length=5),
    good("RFC 9112 6.3", "HEAD with a coding", head(TE), method="HEAD"),
    good("RFC 9112 6.3", "HEAD with neither", head(), method="HEAD"),
    good("RFC 9112 6.3", "204", head(first=b"HTTP/1.1 204 No Content"), status=204),
    good(
        "RFC 9112 6.3", "304 with a length", head(b"Content-Length: 5", first=b"HTTP/1.1 304 x"), status=304, length=5
    ),
    good("RFC 9112 6.3", "304 without one", head(first=b"HTTP/1.1 304 x"), status=304),
    good("RFC 9110 8.6", "204 with a length loses it", head(b"Content-Length: 0", first=b"HTTP/1.1 204 x"), status=204),
    bad("RFC 9112 6.3", "two Content-Lengths", head(b"Content-Length: 5", b"Content-Length: 6") + b"hello!"),
    bad("RFC 9112 6.3", "the same twice", head(b"Content-Length: 5", b"Content-Length: 5") + b"hello"),
    bad("RFC 9112 6.3", "a list of lengths", head(b"Content-Length: 5, 5") + b"hello"),
    bad("RFC 9112 6.3", "length and coding", head(b"Content-Length: 15", TE) + HELLO),
    bad("RFC 9112 6.3", "coding and length", head(TE, b"Content-Length: 15") + HELLO),
    bad("RFC 9112 6.3", "chunked twice", head(TE, TE) + HELLO),
    bad("RFC 9112 6.3", "chunked not last", head(b"Transfer-Encoding: chunked, gzip") + HELLO),
    bad("RFC 9112 6.1", "an unknown coding", head(b"Transfer-Encoding: gzip") + b"x", closes=True),
    bad("RFC 9112 6.1", "a coding in front", head(b"Transfer-Encoding: gzip, chunked") + HELLO),
    bad("RFC 9112 6.1", "an empty coding", head(b"Transfer-Encoding:") + HELLO),
    bad("RFC 9112 6.1", "xchunked", head(b"Transfer-Encoding: xchunked") + HELLO),
    bad("RFC 9112 6.1", "a vertical tab in front", head(b"Transfer-Encoding: \x0bchunked") + HELLO),
    bad("RFC 9112 6.1", "a coding in HTTP/1.0", head(TE, first=b"HTTP/1.0 200 OK") + HELLO),
    bad("RFC 9112 6.1", "a coding in 204", head(TE, first=b"HTTP/1.1 204 No Content") + HELLO),
    bad("RFC 9110 8.6", "a negative length", head(b"Content-Length: -1")),
    bad("RFC 9110 8.6", "a signed length", head(b"Content-Length: +5") + b"hello"),
    bad("RFC 9110 8.6", "a hexadecimal length", head(b"Content-Length: 0x5") + b"hello"),
    bad("RFC 9110 8.6", "a length of words", head(b"Content-Length: five") + b"hello"),
    bad("RFC 9110 8.6", "an empty length", head(b"Content-Length:")),
    bad("RFC 9110 8.6", "a length beyond 64 bits", head(b"Content-Length: 99999999999999999999")),
    bad("RFC 9110 8.6", "digits that are not ASCII", head("Content-Length: \u0665".encode()) + b"hello"),
    # bytes that belong to no answer
    good(
        "RFC 9112 6.3", "bytes behind the body", head(b"Content-Length: 5") + b"hello!", b"hello", kept=False, length=5
    ),
    good("RFC 9112 6.3", "an answer behind the answer", head(b"Content-Length: 0") + head(), kept=False, length=0),
    good("RFC 9112 6.3", "a body behind 204", head(first=b"HTTP/1.1 204 x") + b"hello", kept=False, status=204),
    good(
        "RFC 9112 6.3", "a body behind HEAD", head(b"Content-Length: 5") + b"hello", kept=False, method="HEAD", length=5
    ),
    good("RFC 9112 7.1", "bytes behind the last chunk", head(TE) + HELLO + b"x", b"hello", kept=False),
    # chunked, RFC 9112 section 7.1
    good("RFC 9112 7.1", "two chunks", head(TE) + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
    good("RFC 9112 7.1", "a size in capitals", head(TE) + b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    good("RFC 9112 7.1", "leading zeros", head(TE) + b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    good("RFC 9112 7.1", "CRLF in the data", head(TE) + b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    good("RFC 9112 7.1", "no data at all", head(TE) + b"0\r\n\r\n", b""),
    good("RFC 9112 7.1.1", "an extension is ignored", head(TE) + b"5;a=b\r\nhello\r\n0;c\r\n\r\n", b"hello"),
    good("RFC 9112 7.1.1", "a quoted extension", head(TE) + b'5;a="b;c"\r\nhello\r\n0\r\n\r\n', b"hello"),
    good("RFC 9112 7.1.1", "white space before it", head(TE) + b"5 \t;a=b\r\nhello\r\n0\r\n\r\n", b"hello"),
    good("RFC 9112 7.1.2", "trailers are dropped", head(TE) + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", b"hello"),
    good("RFC 9110 6.5.1", "framing in a trailer", head(TE) + b"0\r\nContent-Length: 9\r\n\r\n", b""),
    bad("RFC 9112 7.1", "no size", head(TE) + b"\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "a size of letters", head(TE) + b"zz\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "0x", head(TE) + b"0x5\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "a signed size", head(TE) + b"+5\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "a negative size", head(TE) + b"-5\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "an underscore", head(TE) + b"0_5\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "space before the size", head(TE) + b" 5\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "space behind the size", head(TE) + b"5 \r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "a size beyond 60 bits", head(TE) + b"1000000000000000\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "bare LF behind the size", head(TE) + b"5\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "bare CR behind the size", head(TE) + b"5\rhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "bare LF behind the data", head(TE) + b"5\r\nhello\n0\r\n\r\n"),
    bad("RFC 9112 7.1", "no CRLF behind the data", head(TE) + b"5\r\nhello0\r\n\r\n"),
    bad("RFC 9112 7.1", "more data than the size", head(TE) + b"4\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1.1", "NUL in an extension", head(TE) + b"5;a=\0\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1.1", "CR in an extension", head(TE) + b"5;a=\rb\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1.1", "an endless extension", head(TE) + b"5;" + b"a" * 1100 + b"\r\nhello\r\n0\r\n\r\n"),
    bad("RFC 9112 7.1.2", "a trailer without a colon", head(TE) + b"5\r\nhello\r\n0\r\nX\r\n\r\n"),
    bad("RFC 9112 7.1.2", "a folded trailer", head(TE) + b"5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n"),
    bad("RFC 9112 7.1.2", "bare LF in the trailers", head(TE) + b"5\r\nhello\r\n0\r\nX: 1\n\r\n"),
    # cut short, RFC 9112 section 8
    bad("RFC 9112 8", "nothing at all", b"", "reset", closes=True),
    bad("RFC 9112 8", "half a status line", b"HTTP/1.1 2", "incomplete", closes=True),
    bad("RFC 9112 8", "half a head", b"HTTP/1.1 200 OK\r\nContent-", "incomplete", closes=True),
    bad("RFC 9112 8", "half a body", head(b"Content-Length: 5") + b"hel", "incomplete", closes=True),
    bad("RFC 9112 8", "no body", head(b"Content-Length: 5"), "incomplete", closes=True),
    bad("RFC 9112 8", "half a chunk", head(TE) + b"5\r\nhel", "incomplete", closes=True),
    bad("RFC 9112 8", "half a size", head(TE) + b"5\r\nhello\r\n1", "incomplete", closes=True),
    bad("RFC 9112 8", "no last chunk", head(TE) + b"5\r\nhello\r\n", "incomplete", closes=True),
    bad("RFC 9112 8", "no end of the trailers", head(TE) + b"5\r\nhello\r\n0\r\n", "incomplete", closes=True),
    # the status line, RFC 9112 section 4
    good("RFC 9112 4", "no reason", head(b"Content-Length: 0", first=b"HTTP/1.1 200 "), length=0),
    good("RFC 9112 4", "not even the space before it", head(b"Content-Length: 0", first=b"HTTP/1.1 200"), length=0),
    good("RFC 9112 4", "obs-text in the reason", head(b"Content-Length: 0", first=b"HTTP/1.1 200 \xe4"), length=0),
    good(
        "RFC 9110 15",
        "a status nobody knows",
        head(b"Content-Length: 0", first=b"HTTP/1.1 799 x"),
        status=799,
        length=0,
    ),
    bad("RFC 9112 4", "garbage", b"\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n"),
    bad("RFC 9112 4", "garbage without an end", b"SSH-2.0-OpenSSH_9.2\r\n"),
    bad("RFC 9112 4", "lower case", head(first=b"http/1.1 200 OK")),
    bad("RFC 9112 4", "an empty line in front", b"\r\n" + head(b"Content-Length: 0")),
    bad("RFC 9112 4", "two spaces", head(first=b"HTTP/1.1  200 OK")),
    bad("RFC 9112 4", "a status of two digits", head(first=b"HTTP/1.1 20 OK")),
    bad("RFC 9112 4", "a status of four digits", head(first=b"HTTP/1.1 2000 OK")),
    bad("RFC 9110 15", "a status below 100", head(first=b"HTTP/1.1 099 OK")),
    bad("RFC 9112 2.3", "HTTP/2.0", head(first=b"HTTP/2.0 200 OK")),
    bad("RFC 9112 2.3", "HTTP/0.9", b"<html></html>", closes=True),
    bad("RFC 9112 2.3", "HTTP/1.2", head(first=b"HTTP/1.2 200 OK")),
    # fields, RFC 9112 section 5
    bad("RFC 9112 5.2", "a folded field", head(b"X: a", b" b", b"Content-Length: 0")),
    bad("RFC 9112 5.1", "white space before the colon", head(b"Content-Length : 0")),
    bad("RFC 9112 5", "a line without a colon", head(b"nonsense", b"Content-Length: 0")),
    bad("RFC 9110 5.1", "an empty name", head(b": x", b"Content-Length: 0")),
    bad("RFC 9110 5.1", "a name that is no token", head(b"X[1]: x", b"Content-Length: 0")),
    bad("RFC 9110 5.5", "NUL in a value", head(b"X: a\0b", b"Content-Length: 0")),
    bad("RFC 9110 5.5", "a control in a value", head(b"X: a\x07b", b"Content-Length: 0")),
    bad("RFC 9112 2.2", "bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    bad("RFC 9112 2.2", "one bare LF", b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 0\r\n\r\n"),
    bad("RFC 9112 2.2", "bare CR in a value", head(b"X: a\rb", b"Content-Length: 0")),
    bad("RFC 9110 5.4", "a line too long", head(b"X: " + b"y" * 40000, b"Content-Length: 0")),
    bad("RFC 9110 5.4", "too many lines", head(*[b"X: y"] * 201)),
    # persistence, RFC 9112 section 9.3
    good("RFC 9112 9.3", "HTTP/1.0 closes", head(b"Content-Length: 0", first=b"HTTP/1.0 200 OK"), kept=False, length=0),
    good(
        "RFC 9112 9.3",
        "HTTP/1.0 keep-alive",
        head(b"Content-Length: 0", b"Connection: keep-alive", first=b"HTTP/1.0 200 OK"),
        length=0,
    ),
    good("RFC 9112 9.6", "close", head(b"Content-Length: 0", b"Connection: close"), kept=False, length=0),
    good("RFC 9112 9.6", "close in a list", head(b"Content-Length: 0", b"Connection: x, Close"), kept=False, length=0),
    # interim answers, RFC 9110 section 15.2
    good(
        "RFC 9110 15.2",
        "100",
        head(first=b"HTTP/1.1 100 Continue") + head(b"Content-Length: 2") + b"ok",
        b"ok",
        length=2,
    ),
    good("RFC 9110 15.2", "102", head(first=b"HTTP/1.1 102 x") + head(b"Content-Length: 2") + b"ok", b"ok", length=2),
    good("RFC 9110 15.2", "an unknown one", head(first=b"HTTP/1.1 177 x") + head(b"Content-Length: 0"), length=0),
    good("RFC 8297 2", "103", head(b"Link: </a>", first=b"HTTP/1.1 103 x") * 2 + head(b"Content-Length: 0"), length=0),
    bad("RFC 9110 15.2.2", "101 unasked", head(b"Upgrade: websocket", b"Connection: upgrade", first=b"HTTP/1.1 101 x")),
    bad("RFC 9110 15.2", "no end of them", head(first=b"HTTP/1.1 100 Continue") * 17 + head(b"Content-Length: 0")),
    bad("RFC 9110 15.2", "only an interim one", head(first=b"HTTP/1.1 100 Continue"), "incomplete", closes=True),
]
