"""Header fields that the WAF reads."""

from typing import Final

#: fields whose form is fixed, and credentials, which may look like anything; cookies are a part of their own
NOT_LOOKED_AT: Final = frozenset(
    (
        *("accept", "accept-encoding", "authorization", "cache-control", "connection", "content-digest"),
        *("content-encoding", "content-length", "cookie", "date", "digest", "dnt", "expect", "host", "if-match"),
        *("if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "pragma", "priority"),
        *("proxy-authorization", "range", "sec-ch-ua", "sec-websocket-extensions", "sec-websocket-key", "signature"),
        *("signature-input", "te", "traceparent", "transfer-encoding", "upgrade"),
    )
)
