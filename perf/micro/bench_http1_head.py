"""Heads in both directions: a small request, a browser's, an upstream's answer."""

from gateway._fast.http1_head import parse_answer, parse_request
from perf.micro.run import Bench

SMALL = b"GET /v1/items/42 HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
BROWSER = (
    b"GET /v1/items/42?view=full&lang=de HTTP/1.1\r\nHost: api.example.com\r\nConnection: keep-alive\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36\r\n"
    b"Accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: de,en;q=0.8\r\n"
    b"Authorization: Bearer " + b"x" * 600 + b"\r\nCookie: session=" + b"y" * 64 + b"; theme=dark\r\n"
    b"Referer: https://www.example.com/shop\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"
    b"Sec-Fetch-Site: same-site\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 75\r\nConnection: keep-alive\r\n\r\n"
)


def benches() -> list[Bench]:
    """What is run."""
    return [
        ("request, 1 field", lambda: parse_request(SMALL), 50_000),
        ("request, a browser's 12 fields", lambda: parse_request(BROWSER), 20_000),
        ("answer, 5 fields", lambda: parse_answer(ANSWER), 50_000),
        ("request, not complete yet", lambda: parse_request(BROWSER[:-4]), 20_000),
    ]
