"""The sections about upstreams that fail: health, outlier, circuit_breaker, retry, hedge and overload."""

from typing import Final

from gateway.config.schema_parts import OFF, Schema, boolean, either, integer, listing, quantity, section, text

RETRY_ON: Final = ("connect", "reset", 502, 503, 504)
RETRY_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
EXPECT: Final = (200,)
"""What the lists are when they are not written."""

PERCENTILES: Final = ("p50", "p75", "p90", "p95", "p99")


def sections() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    return {
        "retry": retry(),
        "hedge": _hedge(),
        "health": _health(),
        "outlier": _outlier(),
        "circuit_breaker": _circuit_breaker(),
        "overload": overload("How much this upstream is sent at once, instead of `server.overload`."),
        "panic": quantity(
            "share", "When fewer of the targets than this may be used, all are; 0%: when none may.", "0%"
        ),
    }


def overload(description: str) -> Schema:
    """The limit on requests in flight, of one upstream or of each."""
    limit = either(
        "`adaptive` or a whole number from 1 to 65,535",
        "Most requests in flight to one upstream; adaptive finds the number by measuring latency.",
        {"enum": ["adaptive"]},
        integer("Most requests in flight to one upstream.", 1, 65535),
    )
    queue = integer("Most requests that may wait for a turn, per worker.", 0, 65535, 100)
    return section(description, {"max_concurrency": limit, "queue": queue}, ("max_concurrency",))


def own_retry() -> Schema:
    """The `retry` of somebody who asks an upstream."""
    words = "Further tries, instead of the upstream's `retry`; what is not written is as it says there."
    return either("`off` or a mapping", words, {"enum": [OFF]}, retry())


def retry() -> Schema:
    """Further tries."""
    condition = either(
        "`connect`, `reset` or a status from 200 to 599",
        "`connect`, `reset` (a close before an answer too) or a status; 504 is our own read timeout as well.",
        {"enum": ["connect", "reset"]},
        integer("A status.", 200, 599),
    )
    return section(
        "Further tries, on other targets where there are any, within the total timeout.",
        {
            "attempts": integer("Tries after the first.", 1, 10, 2),
            "on": listing(
                "What is tried again: connect, reset, 502, 503 and 504 when not written.", condition, least=1
            ),
            "methods": listing(
                "Methods that are tried again: GET, HEAD, OPTIONS, PUT and DELETE when not written.",
                text("a method", "A method."),
                least=1,
            ),
            "non_idempotent": boolean("Says that the methods which are not idempotent are listed on purpose.", False),
            "budget": quantity("share", "The share of requests that may be tried again, over ten seconds.", "20%"),
            "backoff": quantity("positive", "The pause before the second try at most; it doubles with each.", "25ms"),
            "max_body": quantity("size", "Largest request body that is kept for another try.", "64KB"),
        },
    )


def _hedge() -> Schema:
    after = either(
        "p50, p75, p90, p95, p99 or a duration",
        "How long the first try may take: a live percentile of the upstream's latency, or a duration.",
        {"enum": list(PERCENTILES)},
        quantity("positive", "How long the first try may take."),
        default="p95",
    )
    most = quantity("share", "The share of requests that may get a second try.", "5%")
    return section(
        "A second try beside a first one that is late; GET, HEAD and OPTIONS only.", {"after": after, "max": most}
    )


def _health() -> Schema:
    return section(
        "Active checks, by one worker for all.",
        {
            "path": text("a path such as /healthz", "What is asked for; a query may follow.", r"^/[!\x22\x24-~]*$"),
            "every": quantity("positive", "The time between two checks of a target.", "5s"),
            "timeout": quantity("positive", "Longest time for one check.", "1s"),
            "fall": integer("Failed checks in a row until a target is down.", 1, 100, 3),
            "rise": integer("Good checks in a row until it is up again.", 1, 100, 2),
            "expect": listing("The good statuses: 200 when not written.", integer("A status.", 200, 599), least=1),
        },
        ("path",),
    )


def _outlier() -> Schema:
    return section(
        "Targets that keep failing are left out for a while.",
        {
            "consecutive_5xx": integer(
                "Failures in a row (5xx, connect, reset, timeout) until it is left out.", 1, 1000, 5
            ),
            "eject_for": quantity("positive", "How long, times the number of ejections lately, ten at most.", "30s"),
            "max_ejected": quantity(
                "share", "Largest share of the targets left out at once; one always may be.", "50%"
            ),
        },
    )


def _circuit_breaker() -> Schema:
    return section(
        "An upstream, or one target of it, that fails too often is not asked for a while.",
        {
            "failure_rate": quantity("share", "The share of failures at which it opens.", "50%"),
            "slow_call": quantity("positive", "From when on a call is slow; none is when not written."),
            "slow_rate": quantity("share", "The share of slow calls at which it opens.", "50%"),
            "window": quantity("positive", "The time over which shares are taken.", "10s"),
            "min_requests": integer("Fewer requests than this in the window tell nothing.", 1, 100_000, 20),
            "open_for": quantity("positive", "How long it stays open before it is probed.", "5s"),
            "half_open": integer("Probes; all of them must go well.", 1, 50, 3),
        },
    )
