"""The rules of message heads: ONE table, for requests and for upstream answers alike (RFC 9110, RFC 9112).

head.pyx and the body readers hold messages against it; docs/http.md shows it to users.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A row: its name, the section it stands on, and what breaks it, in words for the client.

    `error` is the slug (gateway.errors) that a request gets; `answers` says that the rule holds for upstream answers
    too, which all get upstream-bad-answer.
    """

    name: str
    section: str
    error: str
    answers: bool
    words: str


class Refused(Exception):
    """A message broke `rule`."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.name)
        self.rule = rule


_BAD = "malformed-request"

_ROWS = (
    Rule(
        "first-line-size",
        "RFC 9112 3",
        "target-too-long",
        True,
        "the first line is longer than server.limits.request_line",
    ),
    Rule(
        "line-size", "RFC 9110 5.4", "headers-too-large", True, "a header line is longer than server.limits.header_size"
    ),
    Rule(
        "line-count",
        "RFC 9110 5.4",
        "headers-too-large",
        True,
        "there are more header lines than server.limits.headers",
    ),
    Rule("bare-lf", "RFC 9112 2.2", _BAD, True, "a line ends with LF alone"),
    Rule("bare-cr", "RFC 9112 2.2", _BAD, True, "a CR stands without LF"),
    Rule("obs-fold", "RFC 9112 5.2", _BAD, True, "a header line is folded"),
    Rule("space-before-colon", "RFC 9112 5.1", _BAD, True, "white space stands before a header's colon"),
    Rule("header-name", "RFC 9110 5.1", _BAD, True, "a header name is not a token"),
    Rule("header-control", "RFC 9110 5.5", _BAD, True, "a header value holds a control character"),
    Rule("header-colon", "RFC 9112 5", _BAD, True, "a header line has no colon"),
    Rule(
        "request-line",
        "RFC 9112 3",
        _BAD,
        False,
        "the request line is not method, target and version with one space between",
    ),
    Rule("method", "RFC 9110 9.1", _BAD, False, "the method is not a token"),
    Rule("version", "RFC 9112 2.3", "version-not-supported", True, "the version is neither HTTP/1.1 nor HTTP/1.0"),
    Rule("status-line", "RFC 9112 4", _BAD, True, "the status line is malformed"),
    Rule("status-code", "RFC 9110 15", _BAD, True, "the status is not between 100 and 999"),
    Rule("target-characters", "RFC 9112 3.2", _BAD, False, "the target holds a character that a URI cannot"),
    Rule(
        "target-form", "RFC 9112 3.2", _BAD, False, "the target is neither origin-form, absolute-form nor * for OPTIONS"
    ),
    Rule("authority-form", "RFC 9112 3.2.3", _BAD, False, "the target is in authority-form, which only CONNECT has"),
    Rule("host-missing", "RFC 9112 3.2", _BAD, False, "an HTTP/1.1 request has no Host"),
    Rule("host-repeated", "RFC 9112 3.2", _BAD, False, "there is more than one Host"),
    Rule("host-value", "RFC 9110 7.2", _BAD, False, "the Host is not a host with an optional port"),
    Rule("length-value", "RFC 9110 8.6", _BAD, True, "Content-Length is not a number"),
    Rule("length-repeated", "RFC 9112 6.3", _BAD, True, "there is more than one Content-Length"),
    Rule("length-and-coding", "RFC 9112 6.3", _BAD, True, "there are both Content-Length and Transfer-Encoding"),
    Rule("coding-in-1.0", "RFC 9112 6.1", _BAD, True, "Transfer-Encoding stands in an HTTP/1.0 message"),
    Rule("coding-not-last", "RFC 9112 6.3", _BAD, True, "chunked is not the last transfer coding, or there twice"),
    Rule("coding-empty", "RFC 9112 6.1", _BAD, True, "Transfer-Encoding is empty"),
    Rule("coding-unknown", "RFC 9112 6.1", "unsupported-transfer-coding", True, "the transfer coding is not chunked"),
    Rule("coding-without-body", "RFC 9112 6.1", _BAD, True, "Transfer-Encoding stands in an answer that has no body"),
    Rule("expectation", "RFC 9110 10.1.1", "expectation-failed", False, "the expectation is not 100-continue"),
    Rule("chunk-size", "RFC 9112 7.1", _BAD, True, "a chunk's size is malformed or too large"),
    Rule("chunk-end", "RFC 9112 7.1", _BAD, True, "a chunk does not end with CRLF"),
    Rule("trailer", "RFC 9112 7.1.2", _BAD, True, "the trailer section is malformed or too large"),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _ROWS}
