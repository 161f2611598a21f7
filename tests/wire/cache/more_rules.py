"""Rules that take more than one answer: Vary, validation, HEAD, conditions, ranges, invalidation, errors."""

from __future__ import annotations

from tests.wire.cache.steps import HIT, MISS, REFRESHED, VALIDATED, Reply, Rule, Step

TAG, FRESH = 'ETag: "a"', "Cache-Control: max-age=100"
OLD = (FRESH, "Age: 200")
BODY = b"0123456789"
DOWN = Step(VALIDATED, reply=Reply((), 503, b"down"), status=503, body=b"down")


def rule(section: str, name: str, *steps: Step, kind: str = "plain") -> Rule:
    """A rule out of its steps."""
    return Rule(section, name, kind, steps)


def chosen(
    section: str, name: str, lines: tuple[str, ...], first: str, second: str, expect: str, kind: str = "plain"
) -> Rule:
    """A rule of two requests with these fields for an answer with these lines."""
    asks = [(each,) if each else () for each in (first, second)]
    return rule(section, name, Step(MISS, asks[0], Reply((FRESH, *lines))), Step(expect, asks[1]), kind=kind)


def had(section: str, name: str, lines: tuple[str, ...], *ask: str, status: int = 304, **more: tuple[str, ...]) -> Rule:
    """A rule of a client that has something already, and what is fresh here."""
    return rule(section, name, Step(MISS, reply=Reply((FRESH, *lines))), Step(HIT, ask, status=status, **more))


def part(
    section: str, name: str, ask: str | tuple[str, ...], status: int, body: bytes = BODY, has: str = "", *lines: str
) -> Rule:
    """A rule of a range of what is fresh here."""
    asked = (ask,) if isinstance(ask, str) else ask
    wanted = (has,) if has else ()
    first = Step(MISS, reply=Reply((FRESH, *lines), body=BODY))
    return rule(section, name, first, Step(HIT, asked, status=status, body=body, has=wanted))


def changed(
    section: str, name: str, method: str, status: int, expect: str, *lines: str, to: str = "/b", at: str = ""
) -> Rule:
    """A rule of something stored at `to`, and of `method` at `at` that is answered with `status` and `lines`."""
    reply = Reply(lines, status, b"done")
    return rule(
        section,
        name,
        Step(MISS, reply=Reply((FRESH,)), more=to),
        Step(MISS, reply=reply, method=method, status=status, more=at or to),
        Step(expect, more=to),
    )


VARY = [
    chosen("RFC 9111 4.1", "the same value selects", ("Vary: X-A",), "X-A: b", "X-A: b", HIT),
    chosen("RFC 9111 4.1", "another value does not", ("Vary: X-A",), "X-A: b", "X-A: c", MISS),
    chosen("RFC 9111 4.1", "a value that is missing does not", ("Vary: X-A",), "X-A: b", "", MISS),
    chosen("RFC 9111 4.1", "a value where there was none does not", ("Vary: X-A",), "", "X-A: b", MISS),
    chosen("RFC 9111 4.1", "no value both times selects", ("Vary: X-A",), "", "", HIT),
    chosen("RFC 9111 4.1", "other fields do not matter", ("Vary: X-A",), "X-B: b", "X-B: c", HIT),
    chosen("RFC 9111 4.1", "names in other letters", ("Vary: x-a",), "X-A: b", "X-A: c", MISS),
    chosen("RFC 9111 4.1", "values in other letters do not select", ("Vary: X-A",), "X-A: b", "X-A: B", MISS),
    chosen("RFC 9111 4.1", "each name of a list counts", ("Vary: X-B, X-A",), "X-A: b", "X-A: c", MISS),
    chosen("RFC 9111 4.1", "each name of two lines counts", ("Vary: X-B", "Vary: X-A"), "X-A: b", "X-A: c", MISS),
    chosen("RFC 9111 4.1", "a star never selects", ("Vary: *",), "X-A: b", "X-A: b", MISS),
    chosen("RFC 9111 4.1", "nor does a star in a list", ("Vary: X-A, *",), "X-A: b", "X-A: b", MISS),
    chosen("RFC 9111 4.1", "nor does a star on a line of its own", ("Vary: X-A", "Vary: *"), "X-A: b", "X-A: b", MISS),
    chosen("RFC 9111 4.1", "an empty Vary", ("Vary:",), "X-A: b", "X-A: c", HIT),
    chosen(
        "RFC 9111 4.1",
        "languages with other blanks",
        ("Vary: Accept-Language",),
        "Accept-Language: en, de;q=0.5",
        "Accept-Language: en,de; q=0.5",
        HIT,
    ),
    chosen(
        "RFC 9111 4.1",
        "languages in other letters",
        ("Vary: Accept-Language",),
        "Accept-Language: EN",
        "Accept-Language: en",
        HIT,
    ),
    chosen(
        "RFC 9111 4.1",
        "languages in another order",
        ("Vary: Accept-Language",),
        "Accept-Language: en, de",
        "Accept-Language: de, en",
        MISS,
    ),
    chosen(
        "RFC 9111 4.1",
        "other languages",
        ("Vary: Accept-Language",),
        "Accept-Language: en",
        "Accept-Language: de",
        MISS,
    ),
    chosen(
        "RFC 9111 4.1",
        "codings in another order",
        ("Vary: Accept-Encoding",),
        "Accept-Encoding: gzip, br",
        "Accept-Encoding: br,gzip",
        HIT,
    ),
    chosen("docs/cache.md", "the route's vary selects", (), "Accept-Language: en", "Accept-Language: de", MISS, "vary"),
    chosen(
        "docs/cache.md",
        "the route's vary selects what is the same",
        (),
        "Accept-Language: en",
        "Accept-Language: EN",
        HIT,
        "vary",
    ),
    rule(
        "RFC 9111 4.1",
        "two answers are kept side by side",
        Step(MISS, ("X-A: b",), Reply((FRESH, "Vary: X-A"))),
        Step(MISS, ("X-A: c",), Reply((FRESH, "Vary: X-A"), body=b"second")),
        Step(HIT, ("X-A: b",)),
        Step(HIT, ("X-A: c",), body=b"second"),
    ),
    rule(
        "RFC 9111 2",
        "the query is part of the key",
        Step(MISS, reply=Reply((FRESH,)), more="?a=1"),
        Step(MISS, reply=Reply((FRESH,), body=b"second"), more="?a=2"),
        Step(HIT, more="?a=1"),
    ),
]

VALIDATION = [
    rule(
        "RFC 9111 4.3.1",
        "what has a Last-Modified is asked for with it",
        Step(MISS, reply=Reply((*OLD, "Last-Modified: {now-1000}"))),
        Step(VALIDATED),
    ),
    rule(
        "RFC 9111 4.3.3",
        "a new answer takes the old one's place",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(VALIDATED, reply=Reply((FRESH, 'ETag: "b"'), body=b"second"), body=b"second"),
        Step(HIT, body=b"second"),
    ),
    rule(
        "RFC 9111 4.3.4",
        "a 304 makes fresh again",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(VALIDATED, reply=Reply((TAG, FRESH), 304)),
        Step(HIT),
    ),
    rule(
        "RFC 9111 3.2",
        "fields of a 304 take the place of those stored",
        Step(MISS, reply=Reply((*OLD, TAG, "X-A: b", "X-B: c"))),
        Step(VALIDATED, reply=Reply((TAG, FRESH, "X-A: d"), 304), has=("X-A: d", "X-B: c")),
        Step(HIT, has=("X-A: d", "X-B: c")),
    ),
    rule(
        "RFC 9111 3.2",
        "a 304 does not change what the body is",
        Step(MISS, reply=Reply((*OLD, TAG, "Content-Type: text/plain"))),
        Step(VALIDATED, reply=Reply((TAG, FRESH, "Content-Encoding: gzip", "Content-Range: bytes 0-1/2"), 304)),
        Step(HIT, has=("Content-Type: text/plain",), lacks=("content-encoding", "content-range")),
    ),
    rule(
        "RFC 9111 4.3.4",
        "a 304 that says no-store ends what is stored",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(VALIDATED, reply=Reply((TAG, "Cache-Control: no-store"), 304)),
        Step(MISS),
    ),
    rule(
        "RFC 9111 4.3.4",
        "a 304 with a weak form of the tag",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(VALIDATED, reply=Reply(('ETag: W/"a"', FRESH), 304)),
        Step(HIT),
    ),
    rule(
        "RFC 9111 4.3.4",
        "a 304 that still is stale is asked for again",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(VALIDATED, reply=Reply((TAG, *OLD), 304)),
        Step(VALIDATED),
    ),
    rule(
        "RFC 9111 4.2.3",
        "a 304 without a Date is from now",
        Step(MISS, reply=Reply((FRESH, TAG, "Date: {now-500}"))),
        Step(VALIDATED, reply=Reply((TAG, FRESH), 304)),
        Step(HIT),
    ),
    rule(
        "RFC 5861 3",
        "what was refreshed behind the answer is fresh",
        Step(MISS, reply=Reply(("Age: 100", TAG))),
        Step(REFRESHED, reply=Reply((FRESH,), body=b"second"), body=b"first"),
        Step(HIT, body=b"second"),
        kind="stale",
    ),
]

HEADS = [
    rule(
        "RFC 9110 9.3.2",
        "a HEAD is answered by a GET",
        Step(MISS, reply=Reply((FRESH,))),
        Step(HIT, method="HEAD", has=("Content-Length: 5",)),
    ),
    rule(
        "RFC 9110 9.3.2",
        "a GET is not answered by a HEAD",
        Step(MISS, reply=Reply((FRESH, "Content-Length: 5")), method="HEAD"),
        Step(MISS),
    ),
    rule(
        "RFC 9111 4.3.5",
        "a HEAD makes fresh what it describes",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(MISS, ("Cache-Control: no-cache",), Reply((FRESH, TAG, "Content-Length: 5")), method="HEAD"),
        Step(HIT),
    ),
    rule(
        "RFC 9111 4.3.5",
        "a HEAD with another tag ends what is stored",
        Step(MISS, reply=Reply((FRESH, TAG))),
        Step(MISS, ("Cache-Control: no-cache",), Reply((FRESH, 'ETag: "b"', "Content-Length: 5")), method="HEAD"),
        Step(MISS),
    ),
    rule(
        "RFC 9111 4.3.5",
        "a HEAD with another length ends what is stored",
        Step(MISS, reply=Reply((FRESH, TAG))),
        Step(MISS, ("Cache-Control: no-cache",), Reply((FRESH, TAG, "Content-Length: 6")), method="HEAD"),
        Step(MISS),
    ),
]

CONDITIONS = [
    had("RFC 9110 13.1.2", "the client has it", (TAG,), 'If-None-Match: "a"', has=(TAG,), lacks=("content-type",)),
    had("RFC 9110 13.1.2", "the client has another", (TAG,), 'If-None-Match: "b"', status=200),
    had("RFC 9110 13.1.2", "the client has one of several", (TAG,), 'If-None-Match: "b", "a"'),
    had("RFC 9110 13.1.2", "the client has a weak form of it", (TAG,), 'If-None-Match: W/"a"'),
    had("RFC 9110 13.1.2", "the stored tag is weak", ('ETag: W/"a"',), 'If-None-Match: "a"'),
    had("RFC 9110 13.1.2", "a tag with a comma", ('ETag: "a,b"',), 'If-None-Match: "x", "a,b"'),
    had("RFC 9110 13.1.2", "part of a tag with a comma", (TAG,), 'If-None-Match: "x,a,y"', status=200),
    had("RFC 9110 13.1.2", "the client has anything", (), "If-None-Match: *"),
    had("RFC 9110 13.1.2", "nothing is like what has no tag", (), 'If-None-Match: "a"', status=200),
    had("RFC 9110 13.1.2", "a tag in other letters is another", (TAG,), 'If-None-Match: "A"', status=200),
    had("RFC 9110 13.1.3", "not modified since", ("Last-Modified: {now-1000}",), "If-Modified-Since: {now-500}"),
    had(
        "RFC 9110 13.1.3", "modified at that very time", ("Last-Modified: {now-1000}",), "If-Modified-Since: {now-1000}"
    ),
    had(
        "RFC 9110 13.1.3", "modified since", ("Last-Modified: {now-1000}",), "If-Modified-Since: {now-2000}", status=200
    ),
    had(
        "RFC 9110 13.1.3",
        "a date that is none",
        ("Last-Modified: {now-1000}",),
        "If-Modified-Since: lately",
        status=200,
    ),
    had("RFC 9111 4.3.2", "without Last-Modified the Date tells", ("Date: {now-10}",), "If-Modified-Since: {now-5}"),
    had(
        "RFC 9110 13.2.2",
        "If-None-Match wins: it has it",
        (TAG, "Last-Modified: {now-1000}"),
        'If-None-Match: "a"',
        "If-Modified-Since: {now-2000}",
    ),
    had(
        "RFC 9110 13.2.2",
        "If-None-Match wins: it has another",
        (TAG, "Last-Modified: {now-1000}"),
        'If-None-Match: "b"',
        "If-Modified-Since: {now-500}",
        status=200,
    ),
    had("RFC 9110 13.2.2", "a condition comes before a range", (TAG,), 'If-None-Match: "a"', "Range: bytes=0-1"),
    rule(
        "RFC 9111 4.3.2",
        "If-Match is the origin's affair",
        Step(MISS, reply=Reply((FRESH, TAG))),
        Step(MISS, ('If-Match: "b"',), Reply((), 412), status=412),
    ),
    rule(
        "RFC 9111 4.3.2",
        "If-Unmodified-Since is the origin's affair",
        Step(MISS, reply=Reply((FRESH, TAG))),
        Step(MISS, ("If-Unmodified-Since: {now-5}",), Reply((), 412), status=412),
    ),
    rule(
        "RFC 9110 13.1.2",
        "a HEAD with a condition",
        Step(MISS, reply=Reply((FRESH, TAG))),
        Step(HIT, ('If-None-Match: "a"',), method="HEAD", status=304),
    ),
]

RANGES = [
    part("RFC 9110 14.1.2", "first bytes", "Range: bytes=0-3", 206, b"0123", "Content-Range: bytes 0-3/10"),
    part("RFC 9110 14.1.2", "bytes in the middle", "Range: bytes=4-5", 206, b"45", "Content-Range: bytes 4-5/10"),
    part("RFC 9110 14.1.2", "from a byte on", "Range: bytes=8-", 206, b"89", "Content-Range: bytes 8-9/10"),
    part("RFC 9110 14.1.2", "last bytes", "Range: bytes=-3", 206, b"789", "Content-Range: bytes 7-9/10"),
    part(
        "RFC 9110 14.1.2",
        "more last bytes than there are",
        "Range: bytes=-30",
        206,
        BODY,
        "Content-Range: bytes 0-9/10",
    ),
    part("RFC 9110 14.1.2", "beyond the end", "Range: bytes=8-100", 206, b"89", "Content-Range: bytes 8-9/10"),
    part("RFC 9110 14.1.2", "one byte", "Range: bytes=0-0", 206, b"0", "Content-Length: 1"),
    part("RFC 9110 15.5.17", "after the end", "Range: bytes=10-", 416, b"", "Content-Range: bytes */10"),
    part("RFC 9110 15.5.17", "no last bytes", "Range: bytes=-0", 416, b"", "Content-Range: bytes */10"),
    part("RFC 9110 14.1.1", "backwards is no range", "Range: bytes=5-4", 200),
    part("RFC 9110 14.2", "another unit", "Range: lines=0-3", 200),
    part("RFC 9110 14.1", "the unit in other letters", "Range: BYTES=0-3", 206, b"0123"),
    part("RFC 9110 14.2", "no range at all", "Range: bytes=", 200),
    part("RFC 9110 14.2", "what cannot be read", "Range: bytes=a-b", 200),
    part("RFC 9110 14.2", "a range that lies over another", "Range: bytes=0-5,3-8", 200),
    part("RFC 9110 14.2", "too many ranges", f"Range: bytes={','.join(['0-0', '2-2'] * 20)}", 200),
    part(
        "RFC 9110 14.2",
        "of two ranges the one that is there",
        "Range: bytes=0-1,20-30",
        206,
        b"01",
        "Content-Range: bytes 0-1/10",
    ),
    part("RFC 9110 13.1.5", "If-Range with the same tag", ("Range: bytes=0-1", 'If-Range: "a"'), 206, b"01", "", TAG),
    part("RFC 9110 13.1.5", "If-Range with another tag", ("Range: bytes=0-1", 'If-Range: "b"'), 200, BODY, "", TAG),
    part(
        "RFC 9110 13.1.5",
        "If-Range with a weak tag",
        ("Range: bytes=0-1", 'If-Range: W/"a"'),
        200,
        BODY,
        "",
        'ETag: W/"a"',
    ),
    part(
        "RFC 9110 13.1.5",
        "If-Range with the same date",
        ("Range: bytes=0-1", "If-Range: {now-1000}"),
        206,
        b"01",
        "",
        "Last-Modified: {now-1000}",
    ),
    part(
        "RFC 9110 13.1.5",
        "If-Range with a later date",
        ("Range: bytes=0-1", "If-Range: {now-500}"),
        200,
        BODY,
        "",
        "Last-Modified: {now-1000}",
    ),
    part(
        "RFC 9110 13.1.5",
        "If-Range with a date that is that of the answer",
        ("Range: bytes=0-1", "If-Range: {now}"),
        200,
        BODY,
        "",
        "Last-Modified: {now}",
        "Date: {now}",
    ),
    rule(
        "RFC 9111 3.3",
        "a part is not stored as the whole",
        Step(MISS, ("Range: bytes=0-1",), Reply((FRESH, "Content-Range: bytes 0-1/10"), 206, b"01"), status=206),
        Step(MISS),
    ),
    rule(
        "RFC 9110 14.2",
        "a range means nothing to HEAD",
        Step(MISS, reply=Reply((FRESH,))),
        Step(HIT, ("Range: bytes=0-1",), method="HEAD"),
    ),
]

INVALIDATION = [
    *(
        changed("RFC 9111 4.4", f"{method} ends what is stored", method, 200, MISS)
        for method in ("POST", "PUT", "DELETE", "PATCH")
    ),
    changed("RFC 9111 4.4", "an unknown method ends what is stored", "MELT", 200, MISS),
    changed("RFC 9111 4.4", "OPTIONS changes nothing", "OPTIONS", 200, HIT),
    changed("RFC 9111 4.4", "a redirect after POST ends what is stored", "POST", 303, MISS, "Location: /x"),
    changed("RFC 9111 4.4", "a POST that was refused changes nothing", "POST", 400, HIT),
    changed("RFC 9111 4.4", "a POST that failed changes nothing", "POST", 500, HIT),
    changed("RFC 9111 4.4", "a POST elsewhere changes nothing", "POST", 200, HIT, at="/c"),
    changed("RFC 9111 4.4", "what Location names has ended", "POST", 201, MISS, "Location: b", at="/c"),
    changed("RFC 9111 4.4", "what Content-Location names has ended", "PUT", 200, MISS, "Content-Location: b", at="/c"),
    changed(
        "RFC 9111 4.4",
        "Location on another host changes nothing",
        "POST",
        201,
        HIT,
        "Location: http://b.example{path}/b",
        at="/c",
    ),
    changed(
        "RFC 9111 4.4",
        "Location by another scheme changes nothing",
        "POST",
        201,
        HIT,
        "Location: https://a.example{path}/b",
        at="/c",
    ),
    changed(
        "RFC 9111 4.4",
        "Location at another port changes nothing",
        "POST",
        201,
        HIT,
        "Location: http://a.example:81{path}/b",
        at="/c",
    ),
    changed("RFC 9111 4.4", "Location of a POST that failed changes nothing", "POST", 500, HIT, "Location: b", at="/c"),
    changed("RFC 9110 9.3.3", "the answer to a POST is not stored", "POST", 200, MISS, FRESH),
]

ERRORS = [
    *(
        rule(
            "RFC 5861 4",
            f"stale-if-error of the route on {status}",
            Step(MISS, reply=Reply(("Age: 100", TAG))),
            Step(VALIDATED, reply=Reply((), status, b"down"), body=b"first"),
            kind="error",
        )
        for status in (500, 502, 503, 504)
    ),
    rule(
        "RFC 5861 4",
        "a 404 is no error",
        Step(MISS, reply=Reply(("Age: 100", TAG))),
        Step(VALIDATED, reply=Reply((), 404, b"gone"), status=404, body=b"gone"),
        kind="error",
    ),
    rule(
        "RFC 5861 4",
        "stale-if-error of the origin",
        Step(MISS, reply=Reply(("Cache-Control: max-age=100, stale-if-error=500", "Age: 200", TAG))),
        Step(VALIDATED, reply=Reply((), 503, b"down"), body=b"first"),
    ),
    rule(
        "RFC 5861 4",
        "which has its end",
        Step(MISS, reply=Reply(("Cache-Control: max-age=100, stale-if-error=50", "Age: 200", TAG))),
        DOWN,
    ),
    rule(
        "RFC 9111 4.2.4",
        "must-revalidate gets the error",
        Step(MISS, reply=Reply(("Cache-Control: max-age=100, must-revalidate", "Age: 200", TAG))),
        DOWN,
        kind="error",
    ),
    rule(
        "RFC 9111 4.2.4",
        "s-maxage gets the error",
        Step(MISS, reply=Reply(("Cache-Control: s-maxage=100", "Age: 200", TAG))),
        DOWN,
        kind="error",
    ),
    rule(
        "RFC 9111 4.2.4",
        "a no-cache of the client gets the error",
        Step(MISS, reply=Reply(("Age: 100", TAG))),
        Step(VALIDATED, ("Cache-Control: no-cache",), Reply((), 503, b"down"), status=503, body=b"down"),
        kind="error",
    ),
    rule(
        "RFC 9111 4.3.3",
        "an error without stale-if-error is given on, and what is stored stays",
        Step(MISS, reply=Reply((*OLD, TAG))),
        DOWN,
        Step(VALIDATED),
    ),
    rule(
        "RFC 5861 4",
        "an outage of ten minutes",
        Step(MISS, reply=Reply((FRESH, TAG))),
        *(Step(VALIDATED, reply=Reply((), 503, b"down"), wait=200, body=b"first") for _ in range(4)),
        Step(VALIDATED, reply=Reply((), 503, b"down"), wait=400, status=503, body=b"down"),
        kind="error",
    ),
]

#: what is refused for the sake of one request must not keep the next one's answer from being stored
ONE_REQUEST = [
    rule(
        "RFC 9111 5.2.1.5",
        "a no-store keeps the answers to others from nothing",
        Step(MISS, ("Cache-Control: no-store",), Reply((FRESH,))),
        Step(MISS, reply=Reply((FRESH,))),
        Step(HIT),
    ),
    rule(
        "RFC 9111 3.5",
        "an Authorization keeps the answers to others from nothing",
        Step(MISS, ("Authorization: Basic eDp5",), Reply((FRESH,))),
        Step(MISS, reply=Reply((FRESH,))),
        Step(HIT),
    ),
    rule(
        "RFC 9110 9.3.2",
        "a HEAD keeps a GET from nothing",
        Step(MISS, reply=Reply((FRESH, "Content-Length: 5")), method="HEAD"),
        Step(MISS, reply=Reply((FRESH,))),
        Step(HIT),
        Step(HIT, method="HEAD"),
    ),
    rule(
        "RFC 9111 3.3",
        "a part keeps the whole from nothing",
        Step(MISS, ("Range: bytes=0-1",), Reply((FRESH, "Content-Range: bytes 0-1/10"), 206, b"01"), status=206),
        Step(MISS, reply=Reply((FRESH,))),
        Step(HIT, body=b"first"),
    ),
    rule(
        "RFC 9111 4.4",
        "what was ended is stored again",
        Step(MISS, reply=Reply((FRESH,))),
        Step(MISS, reply=Reply((), body=b"done"), method="POST"),
        Step(MISS, reply=Reply((FRESH,), body=b"second"), wait=1, body=b"second"),
        Step(HIT, body=b"second"),
    ),
    rule(
        "RFC 9111 4.4",
        "all answers of a key end together",
        Step(MISS, ("X-A: b",), Reply((FRESH, "Vary: X-A"))),
        Step(MISS, ("X-A: c",), Reply((FRESH, "Vary: X-A"))),
        Step(MISS, reply=Reply((), body=b"done"), method="POST"),
        Step(MISS, ("X-A: b",)),
        Step(MISS, ("X-A: c",)),
    ),
    rule(
        "RFC 9111 4.3.2",
        "a condition on what is stale is checked when it was validated",
        Step(MISS, reply=Reply((*OLD, TAG))),
        Step(VALIDATED, ('If-None-Match: "a"',), Reply((TAG, FRESH), 304), status=304),
        Step(HIT),
    ),
    rule(
        "RFC 9110 14.2",
        "a range of what is stale is cut when it was validated",
        Step(MISS, reply=Reply((*OLD, TAG), body=BODY)),
        Step(VALIDATED, ("Range: bytes=0-3",), Reply((TAG, FRESH), 304), status=206, body=b"0123"),
        Step(HIT),
    ),
    rule(
        "RFC 9111 4.1",
        "other names in Vary select what comes after",
        Step(MISS, ("X-A: b",), Reply((*OLD, "Vary: X-A"))),
        Step(MISS, ("X-A: b", "X-B: c"), Reply((FRESH, "Vary: X-B"), body=b"second")),
        Step(HIT, ("X-A: d", "X-B: c"), body=b"second"),
        Step(MISS, ("X-A: b", "X-B: d")),
    ),
    rule(
        "RFC 9111 3.1",
        "fields of one message are not stored",
        Step(MISS, reply=Reply((FRESH, "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "X-A: b"))),
        Step(HIT, has=("X-A: b",), lacks=("keep-alive", "proxy-authenticate")),
    ),
    rule(
        "RFC 9110 6.6.1",
        "the Date of the origin is given on",
        Step(MISS, reply=Reply((FRESH, "Date: {now-20}"))),
        Step(HIT, has=("Date: {now-20}",)),
    ),
    rule(
        "RFC 9110 5.3",
        "fields that are there twice stay in their order",
        Step(MISS, reply=Reply((FRESH, "X-A: b", "X-B: c", "X-A: d"))),
        Step(HIT, has=("X-A: b", "X-A: d", "X-B: c")),
    ),
    *(
        rule(
            "RFC 9111 4",
            f"an empty answer of {status} is given again",
            Step(MISS, reply=Reply((FRESH,), status, b""), status=status),
            Step(HIT, status=status, body=b""),
        )
        for status in (200, 204, 404)
    ),
]

MORE: list[Rule] = [*ONE_REQUEST, *VARY, *VALIDATION, *HEADS, *CONDITIONS, *RANGES, *INVALIDATION, *ERRORS]
