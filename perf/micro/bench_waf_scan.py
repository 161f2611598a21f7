"""What screening adds to a request: one with a query and a browser's fields, one with 1 KB of JSON, and its pieces."""

from __future__ import annotations

import json
from functools import partial

from gateway.exchange import Exchange
from gateway.http.body import ReplayedBody
from gateway.validation.waf.decision import WafRules
from gateway.validation.waf.detect import FORM, TEXT, attacks, header_attacks
from gateway.validation.waf.options import PARTS, RULES
from gateway.validation.waf.policy import compile
from perf.micro.run import Bench

LOOPS = 20_000
HEADERS = [
    ("Host", "api.example.com"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://shop.example.com/items?page=2"),
    ("Cookie", "session=7d1f0c2ab8e94f6a; theme=dark"),
]
ORDER = {
    "customer": {"name": "Ann O'Example", "email": "ann@example.com", "city": "Dún Laoghaire", "note": "call before 5"},
    "items": [{"sku": f"S-{n:05}", "name": f"Thing no. {n}", "quantity": n, "gift": n > 3} for n in range(12)],
}
BODY = json.dumps(ORDER, separators=(",", ":")).encode()
RULES_ALL = WafRules("r", frozenset(RULES), frozenset(), PARTS, frozenset(), 1 << 20)


def benches() -> list[Bench]:
    """What is run."""
    hook = compile(RULES_ALL).on_request
    assert hook is not None
    plain = Exchange("GET", "/items/7?page=2&sort=-price&q=green+tea", HEADERS, {}, 0.0)
    plain.query, plain.params, plain.request_id = "page=2&sort=-price&q=green+tea", {"id": "7"}, "x"
    posted = Exchange("POST", "/items", [*HEADERS, ("Content-Type", "application/json")], {}, 0.0)
    posted.query, posted.request_id, posted.body_length = "", "x", len(BODY)

    def post() -> None:
        posted.body = ReplayedBody(BODY)
        hook(posted)

    return [
        ("a GET with a query and seven fields", partial(hook, plain), LOOPS),
        (f"a POST of {len(BODY)} bytes of JSON", post, LOOPS),
        ("a word", partial(attacks, "green", FORM), LOOPS),
        ("a short text", partial(attacks, "green tea, 2 bags", TEXT), LOOPS),
        ("a field met before", partial(header_attacks, HEADERS[1][1]), LOOPS),
    ]
