"""What a client may send, byte for byte, and what it must get: one row per rule, named by the section it stands on.

`{p}` in a request is filled in as a path that the fake upstream answers with what it received.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """`status` 0: no answer at all, only the end. `closes`: the connection must be closed after the answer.

    `upstream`: bytes that must occur in what the upstream received; `absent`: bytes that must not.
    """

    section: str
    name: str
    sent: bytes
    status: int
    closes: bool = False
    upstream: tuple[bytes, ...] = ()
    absent: tuple[bytes, ...] = ()
    answer: tuple[bytes, ...] = ()


def get(
    *lines: bytes,
    target: bytes = b"/echo",
    method: bytes = b"GET",
    version: bytes = b"HTTP/1.1",
    host: bytes | None = b"a.example",
    body: bytes = b"",
) -> bytes:
    """A request out of header lines."""
    fields = ([b"Host: " + host] if host is not None else []) + list(lines)
    return b"".join(line + b"\r\n" for line in (method + b" " + target + b" " + version, *fields)) + b"\r\n" + body


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/echo") -> bytes:
    """A POST out of header lines and a body."""
    return get(*lines, method=b"POST", body=body, target=target)


CHUNKED = b"Transfer-Encoding: chunked"
BIG = b"x" * 9000

RULES = [
    # request line
    Rule("RFC 9112 3", "a plain request", get(), 200),
    Rule("RFC 9112 2.2", "an empty line before the request passes", b"\r\n" + get(), 200),
    Rule("RFC 9112 2.2", "two empty lines before the request pass", b"\r\n\r\n" + get(), 200),
    Rule("RFC 9112 2.2", "bare LF after the request line", b"GET /echo HTTP/1.1\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 2.2", "bare LF after a header", b"GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, True),
    Rule("RFC 9112 2.2", "bare LF as the empty line", b"GET /echo HTTP/1.1\r\nHost: a\r\n\n", 400, True),
    Rule("RFC 9112 2.2", "bare CR in a header value", get(b"X: a\rb"), 400, True),
    Rule("RFC 9112 2.2", "bare CR in the request line", b"GET /echo\r HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 2.2", "white space before the first header", b"GET /echo HTTP/1.1\r\n Host: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "two spaces before the target", b"GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "two spaces before the version", b"GET /echo  HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "a tab between the parts", b"GET\t/echo\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "a space before the method", b" GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "a space after the version", b"GET /echo HTTP/1.1 \r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "no version", b"GET /echo\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9112 3", "garbage instead of a request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, True),
    Rule("RFC 9112 3", "a line of garbage", b"hello there\r\n\r\n", 400, True),
    Rule("RFC 9112 2.3", "HTTP/2.0 in the request line", b"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", 505, True),
    Rule("RFC 9112 2.3", "HTTP/1.2 in the request line", b"GET /echo HTTP/1.2\r\nHost: a\r\n\r\n", 505, True),
    Rule("RFC 9112 2.3", "HTTP/0.9 in the request line", b"GET /echo HTTP/0.9\r\nHost: a\r\n\r\n", 505, True),
    Rule("RFC 9112 2.3", "the version's name in lower case", b"GET /echo http/1.1\r\nHost: a\r\n\r\n", 400, True),
    Rule("RFC 9113 3.4", "the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, True),
    Rule("RFC 9110 9.1", "a method that is no token", get(method=b"G(T"), 400, True),
    Rule("RFC 9110 9.1", "an extension method passes", get(method=b"BREW"), 200, upstream=(b"BREW /echo ",)),
    Rule("RFC 9110 9.1", "a lower-case method is another method", get(method=b"get"), 200, upstream=(b"get /echo ",)),
    Rule("RFC 9110 9.3.8", "TRACE is never proxied", get(method=b"TRACE"), 405),
    Rule("RFC 9110 9.3.6", "CONNECT in authority-form", get(method=b"CONNECT", target=b"a.example:443"), 400, True),
    Rule("RFC 9110 9.3.6", "CONNECT in origin-form", get(method=b"CONNECT"), 400, True),
    # target
    Rule(
        "RFC 9112 3.2.2",
        "absolute-form is accepted and its host wins",
        get(target=b"http://b.example/echo?x=1"),
        200,
        upstream=(b"GET /echo?x=1 ", b"Host: b.example"),
        absent=(b"a.example\r\n",),
    ),
    Rule("RFC 9112 3.2.2", "absolute-form without a path", get(target=b"http://b.example"), 404),
    Rule("RFC 9112 3.2.2", "absolute-form of another scheme", get(target=b"ftp://b.example/echo"), 400, True),
    Rule("RFC 9110 4.2.4", "userinfo in absolute-form", get(target=b"http://u:p@b.example/echo"), 400, True),
    Rule("RFC 9112 3.2.3", "authority-form with GET", get(target=b"b.example:80"), 400, True),
    Rule("RFC 9112 3.2.4", "* with OPTIONS", get(method=b"OPTIONS", target=b"*"), 404),
    Rule("RFC 9112 3.2.4", "OPTIONS for a whole server", get(method=b"OPTIONS", target=b"http://b.example"), 404),
    Rule("RFC 9110 7.2", "a host longer than names can be", get(target=b"http://" + b"b" * 256 + b"/echo"), 400, True),
    Rule("RFC 9112 3.2.4", "* with GET", get(target=b"*"), 400, True),
    Rule("RFC 9112 3.2.1", "a target without a slash", get(target=b"echo"), 400, True),
    Rule("RFC 3986 3.5", "a fragment in the target", get(target=b"/echo#x"), 400, True),
    Rule("RFC 3986 2.1", "a malformed percent escape in the path", get(target=b"/echo%zz"), 400),
    Rule("RFC 3986 2.1", "a cut percent escape in the path", get(target=b"/echo%2"), 400),
    Rule("RFC 3986 2.1", "an encoded NUL in the path", get(target=b"/echo%00"), 400),
    Rule("RFC 3986 2.1", "an encoded LF in the path", get(target=b"/echo%0a"), 400),
    Rule("RFC 3986 2", "a byte over 0x7f in the target", get(target=b"/echo\xff"), 400, True),
    Rule("RFC 3986 2", "a backslash in the target", get(target=b"/echo\\x"), 400, True),
    Rule(
        "RFC 3986 5.2.4",
        "dot segments lead to the canonical path, the raw one travels",
        get(target=b"/x/../echo"),
        200,
        upstream=(b"GET /x/../echo ",),
    ),
    Rule("RFC 3986 5.2.4", "dot segments above the root", get(target=b"/../echo"), 400),
    Rule("RFC 3986 6.2.2", "an encoded letter is the letter", get(target=b"/%65cho"), 200, upstream=(b"GET /%65cho ",)),
    Rule("RFC 3986 6.2.2", "two slashes are one", get(target=b"//echo"), 200),
    Rule("RFC 3986 2.2", "an encoded slash that leads to two places", get(target=b"/item/a%2Fb"), 400),
    Rule(
        "RFC 9110 4.1",
        "the query travels as it came",
        get(target=b"/echo?a=%20&b=c+d&a="),
        200,
        upstream=(b"GET /echo?a=%20&b=c+d&a= ",),
    ),
    # sizes
    Rule("RFC 9112 3", "a request line over the limit", get(target=b"/echo?" + BIG), 414, True),
    Rule("RFC 6585 5", "a header line over the limit", get(b"X: " + BIG), 431, True),
    Rule("RFC 6585 5", "more header lines than the limit", get(*[b"X-%d: a" % i for i in range(101)]), 431, True),
    Rule("RFC 6585 5", "as many header lines as the limit", get(*[b"X-%d: a" % i for i in range(99)]), 200),
    # Host
    Rule("RFC 9112 3.2", "no Host", get(host=None), 400, True),
    Rule("RFC 9112 3.2", "two Hosts", get(b"Host: b.example"), 400, True),
    Rule("RFC 9112 3.2", "two Hosts alike", get(b"Host: a.example"), 400, True),
    Rule("RFC 9110 7.2", "an empty Host", get(host=b""), 400, True),
    Rule("RFC 9110 7.2", "a Host with a path", get(host=b"a.example/x"), 400, True),
    Rule("RFC 9110 7.2", "a Host with userinfo", get(host=b"u@a.example"), 400, True),
    Rule("RFC 9110 7.2", "a Host with a space", get(host=b"a b"), 400, True),
    Rule("RFC 9110 7.2", "a Host with a port that is none", get(host=b"a.example:8x"), 400, True),
    Rule("RFC 9110 7.2", "two hosts in one field", get(host=b"a.example, b.example"), 400, True),
    Rule("RFC 9110 7.2", "a Host with a port", get(host=b"a.example:8080"), 200, upstream=(b"Host: a.example:8080",)),
    Rule(
        "RFC 3986 3.2.2",
        "a Host that is an IPv6 address",
        get(host=b"[::1]:8080"),
        200,
        upstream=(b"Host: [::1]:8080",),
    ),
    Rule("RFC 9112 3.2", "HTTP/1.0 needs no Host", get(host=None, version=b"HTTP/1.0"), 200, True),
    # fields
    Rule("RFC 9112 5.2", "obs-fold", get(b"X: a", b" b"), 400, True),
    Rule("RFC 9112 5.2", "obs-fold by a tab", get(b"X: a", b"\tb"), 400, True),
    Rule("RFC 9112 5.1", "a space before the colon", get(b"X : a"), 400, True),
    Rule("RFC 9112 5.1", "a tab before the colon", get(b"X\t: a"), 400, True),
    Rule("RFC 9112 5", "a header without a colon", get(b"nonsense"), 400, True),
    Rule("RFC 9110 5.1", "an empty header name", get(b": a"), 400, True),
    Rule("RFC 9110 5.1", "a header name that is no token", get(b"X(y): a"), 400, True),
    Rule("RFC 9110 5.1", "a header name with obs-text", get(b"X\xe9: a"), 400, True),
    Rule("RFC 9110 5.5", "NUL in a value", get(b"X: a\x00b"), 400, True),
    Rule("RFC 9110 5.5", "a control in a value", get(b"X: a\x01b"), 400, True),
    Rule("RFC 9110 5.5", "DEL in a value", get(b"X: a\x7fb"), 400, True),
    Rule("RFC 9110 5.5", "obs-text in a value passes", get(b"X: caf\xe9"), 200, upstream=(b"X: caf\xe9\r\n",)),
    Rule("RFC 9110 5.5", "a tab in a value passes", get(b"X: a\tb"), 200, upstream=(b"X: a\tb\r\n",)),
    Rule("RFC 9110 5.5", "white space around a value goes", get(b"X:  \t a \t "), 200, upstream=(b"X: a\r\n",)),
    Rule("RFC 9110 5.5", "an empty value passes", get(b"X:"), 200, upstream=(b"X: \r\n",)),
    Rule(
        "RFC 9110 5.3",
        "repeated fields stay apart and in order",
        get(b"X: a", b"X: b"),
        200,
        upstream=(b"X: a\r\nX: b\r\n",),
    ),
    Rule(
        "RFC 3875 4.1.18",
        "a name with an underscore is dropped",
        get(b"X_User: root", b"X-Y: 1"),
        200,
        upstream=(b"X-Y: 1",),
        absent=(b"X_User", b"root"),
    ),
    # framing
    Rule(
        "RFC 9112 6.3",
        "Content-Length and Transfer-Encoding",
        post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 6.3",
        "two Content-Lengths that differ",
        post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 6.3",
        "two Content-Lengths alike",
        post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
        400,
        True,
    ),
    Rule("RFC 9110 8.6", "Content-Length as a list", post(b"Content-Length: 5, 5", body=b"hello"), 400, True),
    Rule("RFC 9110 8.6", "Content-Length with a sign", post(b"Content-Length: +5", body=b"hello"), 400, True),
    Rule("RFC 9110 8.6", "Content-Length below zero", post(b"Content-Length: -1"), 400, True),
    Rule("RFC 9110 8.6", "Content-Length in hex", post(b"Content-Length: 0x5", body=b"hello"), 400, True),
    Rule("RFC 9110 8.6", "an empty Content-Length", post(b"Content-Length:"), 400, True),
    Rule("RFC 9110 8.6", "Content-Length beyond 64 bits", post(b"Content-Length: 99999999999999999999999"), 400, True),
    Rule("RFC 9110 8.6", "Content-Length with a space in it", post(b"Content-Length: 5 5", body=b"hello"), 400, True),
    Rule(
        "RFC 9110 15.5.14",
        "a body larger than the limit is refused before it is read",
        post(b"Content-Length: 1073741824"),
        413,
        True,
    ),
    Rule("RFC 9110 15.5.14", "a chunked body larger than the limit", post(CHUNKED, body=b"40000000\r\n"), 413, True),
    Rule("RFC 9112 6.1", "an unknown transfer coding", post(b"Transfer-Encoding: gzip"), 501, True),
    Rule("RFC 9112 6.1", "gzip and chunked", post(b"Transfer-Encoding: gzip, chunked"), 501, True),
    Rule("RFC 9112 6.1", "identity", post(b"Transfer-Encoding: identity"), 501, True),
    Rule("RFC 9112 6.1", "xchunked", post(b"Transfer-Encoding: xchunked"), 501, True),
    Rule("RFC 9112 6.1", "chunked with a parameter", post(b"Transfer-Encoding: chunked;q=1"), 501, True),
    Rule("RFC 9112 6.1", "chunked in quotes", post(b'Transfer-Encoding: "chunked"'), 501, True),
    Rule("RFC 9112 6.3", "chunked is not the last", post(b"Transfer-Encoding: chunked, gzip"), 400, True),
    Rule("RFC 9112 6.3", "chunked twice", post(b"Transfer-Encoding: chunked, chunked"), 400, True),
    Rule("RFC 9112 6.3", "chunked in two fields", post(CHUNKED, CHUNKED), 400, True),
    Rule("RFC 9112 6.1", "an empty Transfer-Encoding", post(b"Transfer-Encoding:"), 400, True),
    Rule("RFC 9112 6.1", "a vertical tab before chunked", post(b"Transfer-Encoding: \x0bchunked"), 400, True),
    Rule(
        "RFC 9112 6.1",
        "Transfer-Encoding in HTTP/1.0",
        get(CHUNKED, method=b"POST", version=b"HTTP/1.0", body=b"0\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 5.1",
        "Transfer-Encoding with a space before its colon",
        post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 7.1",
        "a chunked body passes",
        post(CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"),
        200,
        upstream=(b"hello",),
    ),
    Rule(
        "RFC 9112 7.1",
        "Chunked in another case passes",
        post(b"transfer-encoding: CHUNKED", body=b"5\r\nhello\r\n0\r\n\r\n"),
        200,
        upstream=(b"hello",),
    ),
    Rule(
        "RFC 9112 7.1.1",
        "chunk extensions are ignored",
        post(CHUNKED, body=b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n'),
        200,
        upstream=(b"hello",),
        absent=(b"a=b",),
    ),
    Rule(
        "RFC 9112 7.1",
        "a chunk size with leading zeros passes",
        post(CHUNKED, body=b"0005\r\nhello\r\n000\r\n\r\n"),
        200,
        upstream=(b"hello",),
    ),
    Rule("RFC 9112 7.1", "a chunk size that is no number", post(CHUNKED, body=b"xyz\r\nhello\r\n0\r\n\r\n"), 400, True),
    Rule("RFC 9112 7.1", "an empty chunk size", post(CHUNKED, body=b"\r\nhello\r\n0\r\n\r\n"), 400, True),
    Rule("RFC 9112 7.1", "a chunk size with a sign", post(CHUNKED, body=b"+5\r\nhello\r\n0\r\n\r\n"), 400, True),
    Rule("RFC 9112 7.1", "a chunk size with 0x", post(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"), 400, True),
    Rule(
        "RFC 9112 7.1",
        "a chunk size with a space before it",
        post(CHUNKED, body=b" 5\r\nhello\r\n0\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 7.1",
        "a chunk size beyond 64 bits",
        post(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 7.1", "a chunk line that ends with LF alone", post(CHUNKED, body=b"5\nhello\r\n0\r\n\r\n"), 400, True
    ),
    Rule(
        "RFC 9112 7.1", "a chunk that is longer than it says", post(CHUNKED, body=b"4\r\nhello\r\n0\r\n\r\n"), 400, True
    ),
    Rule("RFC 9112 7.1", "a chunk that ends with LF alone", post(CHUNKED, body=b"5\r\nhello\n0\r\n\r\n"), 400, True),
    Rule(
        "RFC 9112 7.1.1",
        "a control in a chunk extension",
        post(CHUNKED, body=b"5;a=\x01\r\nhello\r\n0\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9112 7.1.2",
        "trailers are read and dropped",
        post(CHUNKED, body=b"5\r\nhello\r\n0\r\nX-Trailer: secret\r\n\r\n"),
        200,
        upstream=(b"hello",),
        absent=(b"secret",),
    ),
    Rule(
        "RFC 9112 7.1.2",
        "a trailer that is no field",
        post(CHUNKED, body=b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
        400,
        True,
    ),
    Rule(
        "RFC 9110 8.6", "a GET with a body passes it on", get(b"Content-Length: 2", body=b"hi"), 200, upstream=(b"hi",)
    ),
    Rule("RFC 9110 8.6", "Content-Length: 0 is no body", post(b"Content-Length: 0"), 200),
    # expectations
    Rule(
        "RFC 9110 10.1.1",
        "Expect: 100-continue is met when the body is wanted",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        200,
        upstream=(b"hello",),
        answer=(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200",),
    ),
    Rule(
        "RFC 9110 10.1.1",
        "Expect: 100-continue is not met when the answer needs no body",
        post(b"Expect: 100-continue", b"Content-Length: 5", target=b"/nowhere"),
        404,
        True,
    ),
    Rule("RFC 9110 10.1.1", "another expectation", post(b"Expect: 200-ok", b"Content-Length: 5"), 417, True),
    # connection
    Rule("RFC 9112 9.3", "Connection: close is honoured", get(b"Connection: close"), 200, True),
    Rule("RFC 9112 9.3", "HTTP/1.0 closes by default", get(version=b"HTTP/1.0"), 200, True),
    Rule(
        "RFC 9112 9.3",
        "HTTP/1.0 with keep-alive stays",
        get(b"Connection: keep-alive", version=b"HTTP/1.0"),
        200,
        answer=(b"Connection: keep-alive",),
    ),
    Rule(
        "RFC 9110 7.6.1",
        "Connection and what it names do not pass",
        get(b"Connection: X-Private, close", b"X-Private: 1"),
        200,
        True,
        absent=(b"X-Private", b"onnection:"),
    ),
    Rule("RFC 9110 7.6.1", "Keep-Alive does not pass", get(b"Keep-Alive: timeout=5"), 200, absent=(b"Keep-Alive",)),
    Rule(
        "RFC 9110 7.6.1",
        "Proxy-Connection does not pass",
        get(b"Proxy-Connection: keep-alive"),
        200,
        absent=(b"Proxy-Connection",),
    ),
    Rule("RFC 9110 10.1.4", "TE does not pass", get(b"TE: trailers"), 200, absent=(b"TE:",)),
    Rule(
        "RFC 9110 7.8",
        "Upgrade that Connection does not name does not pass",
        get(b"Upgrade: websocket"),
        200,
        absent=(b"Upgrade",),
    ),
    Rule(
        "RFC 9110 11.7.1",
        "Proxy-Authorization does not pass",
        get(b"Proxy-Authorization: Basic eA=="),
        200,
        absent=(b"Proxy-Authorization",),
    ),
    Rule(
        "RFC 9110 11.6.2",
        "Authorization passes",
        get(b"Authorization: Bearer t"),
        200,
        upstream=(b"Authorization: Bearer t",),
    ),
    Rule("RFC 9110 7.6.3", "Via is added to", get(b"Via: 1.0 fred"), 200, upstream=(b"1.0 fred, 1.1 gateway",)),
    Rule(
        "RFC 7239 4",
        "an untrusted peer's Forwarded is replaced",
        get(b"Forwarded: for=1.2.3.4"),
        200,
        upstream=(b"for=127.0.0.1",),
        absent=(b"1.2.3.4",),
    ),
    Rule(
        "RFC 7239 1",
        "an untrusted peer's X-Forwarded-For is replaced",
        get(b"X-Forwarded-For: 1.2.3.4"),
        200,
        upstream=(b"X-Forwarded-For: 127.0.0.1\r\n",),
        absent=(b"1.2.3.4",),
    ),
    Rule(
        "RFC 7239 1",
        "an untrusted peer's X-Forwarded-Proto is replaced",
        get(b"X-Forwarded-Proto: https"),
        200,
        upstream=(b"X-Forwarded-Proto: http\r\n",),
    ),
    Rule("RFC 7239 1", "an untrusted peer's X-Real-IP goes", get(b"X-Real-IP: 1.2.3.4"), 200, absent=(b"1.2.3.4",)),
    Rule("RFC 7239 5.3", "the host that was asked for is told", get(), 200, upstream=(b"X-Forwarded-Host: a.example",)),
    Rule(
        "RFC 9110 9.3.2",
        "HEAD has the fields and no body",
        get(b"Connection: close", method=b"HEAD"),
        200,
        True,
        answer=(b"Content-Length:",),
    ),
    Rule(
        "RFC 9112 9.3.2",
        "pipelined requests are answered in order",
        get(target=b"/echo?n=1") + get(b"Connection: close", target=b"/echo?n=2"),
        200,
        True,
        upstream=(b"n=1", b"n=2"),
    ),
    Rule(
        "RFC 9112 9.3.2",
        "a pipelined request behind a body",
        post(b"Content-Length: 5", body=b"hello") + get(b"Connection: close", target=b"/echo?n=2"),
        200,
        True,
        upstream=(b"hello", b"n=2"),
    ),
]
