"""What the log line of a request costs, and the header edits of a route."""

from gateway._fast.access_log_line import CombinedLine, JsonLine
from gateway._fast.header_list import Gather
from gateway._fast.headers import Edit, joined
from gateway._fast.log_buffer import Batch
from gateway.contracts import RoutePlan
from gateway.exchange import Exchange, Headers, Response
from gateway.observability.access_log import SECRETS
from perf.micro.run import Bench

SENT: Headers = [
    ("Host", "api.example.com"), ("User-Agent", "curl/8.5.0"), ("Accept", "*/*"), ("X-Beta", "1"),
    ("Accept-Encoding", "gzip, deflate, br"), ("Authorization", "Bearer abcdef"),
]  # fmt: skip
ANSWERED: Headers = [
    ("Server", "nginx/1.26"), ("Date", "Tue, 24 Nov 2026 13:00:00 GMT"), ("Content-Type", "application/json"),
    ("Content-Length", "75"), ("ETag", '"abc"'), ("Cache-Control", "max-age=60"),
]  # fmt: skip


def _exchange(target: str) -> Exchange:
    made = Exchange("GET", target, SENT, {}, 100.0)
    made.request_id = "0123456789abcdef0123456789abcdef"
    made.client = made.peer = "192.0.2.40"
    made.host, made.scheme, made.version = "api.example.com", "https", "1.1"
    made.route = RoutePlan("item", "", (), lambda exchange: Response(200, []), 60.0, "catalog")
    made.upstream, made.address, made.attempts = "catalog", "127.0.0.1:9101", 1
    made.response, made.sent, made.upstream_time = Response(200, [], b""), 75, 0.000345
    return made


def benches() -> list[Bench]:
    """What is run; the batch is emptied when it is full, as the sink does it."""
    batch = Batch(1 << 23, 1 << 15, lambda: None, lambda: batch.consume(1 << 23))
    json, combined = JsonLine(batch, ("x-beta",), SECRETS), CombinedLine(batch, (), SECRETS)
    plain, secret = _exchange("/v1/items/42?page=2&limit=10"), _exchange("/v1/items/42?page=2&access_token=abc")
    edit, fields = Edit(("server", "x-content-type-options")), [("X-Content-Type-Options", "nosniff")]
    asked = ("authorization", "cache-control", "if-match", "if-modified-since", "if-none-match", "pragma", "range")
    gather = Gather(asked).of
    return [
        ("JSON line", lambda: json(plain), 50_000),
        ("JSON line, a secret in the query", lambda: json(secret), 50_000),
        ("combined line", lambda: combined(plain), 50_000),
        ("header edit on 6 fields (and a copy of them)", lambda: edit.apply(list(ANSWERED), fields), 50_000),
        ("header edit on 6 fields, as another list", lambda: edit.copy(ANSWERED, fields), 50_000),
        ("one name looked for among 6 fields", lambda: joined(SENT, "authorization"), 50_000),
        ("7 names looked for among 6 fields", lambda: gather(SENT), 50_000),
    ]
