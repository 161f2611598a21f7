"""What a cache must do, one row per rule, named by the section it stands on.

An answer that is old comes with an Age, so that most rows hold without waiting; those that do wait are tried on the
pure functions with a clock of their own (tests/unit/caching/test_rules.py), all others over sockets as well.
"""

from __future__ import annotations

from tests.wire.cache.more_rules import MORE
from tests.wire.cache.steps import HIT, MISS, REFRESHED, TIMEOUT, VALIDATED, Rule, again

#: what `cache` of each kind of route says
ROUTES = {
    "plain": "{ttl: 0s}",
    "ttl": "{ttl: 60s}",
    "own": "{ttl: 60s, respect_origin: false}",
    "heuristic": "{ttl: 0s, heuristic: true}",
    "shared": "{ttl: 60s, shared: true}",
    "stale": "{ttl: 60s, stale_while_revalidate: 100s, stale_if_error: 1000s}",
    "error": "{ttl: 60s, stale_if_error: 1000s}",
    "vary": "{ttl: 60s, vary: [Accept-Language]}",
}

TAG = 'ETag: "a"'
DATE = "Date: {now}"
FRESH = "Cache-Control: max-age=100"
STALE = ("Cache-Control: max-age=100", "Age: 200", TAG)
BASIC = ("Authorization: Basic eDp5",)

FRESHNESS = [
    again("RFC 9111 4.2.1", "max-age makes fresh", FRESH, HIT),
    again("RFC 9111 4.2.1", "s-maxage makes fresh", "Cache-Control: s-maxage=100", HIT),
    again("RFC 9111 4.2.1", "s-maxage wins over a max-age of 0", "Cache-Control: s-maxage=100, max-age=0", HIT),
    again(
        "RFC 9111 4.2.1",
        "an s-maxage of 0 wins over max-age",
        ("Cache-Control: s-maxage=0, max-age=100", TAG),
        VALIDATED,
    ),
    again("RFC 9111 4.2.1", "max-age wins over an Expires in the past", (FRESH, "Expires: {now-50}"), HIT),
    again(
        "RFC 9111 4.2.1",
        "a max-age of 0 wins over Expires",
        ("Cache-Control: max-age=0", "Expires: {now+50}", TAG),
        VALIDATED,
    ),
    again("RFC 9111 4.2.1", "s-maxage wins over Expires", ("Cache-Control: s-maxage=100", "Expires: 0"), HIT),
    again("RFC 9111 4.2.1", "Expires makes fresh", (DATE, "Expires: {now+50}"), HIT),
    again(
        "RFC 9111 4.2.1", "the lifetime is Expires less Date", ("Date: {now-100}", "Expires: {now-50}", TAG), VALIDATED
    ),
    again("RFC 9111 4.2.1", "Expires without a Date counts from when it came", "Expires: {now+50}", HIT),
    again(
        "RFC 9111 4.2.1",
        "Expires with a Date that is none counts from when it came",
        ("Date: soon", "Expires: {now+50}"),
        HIT,
    ),
    again("RFC 9111 4.2.1", "Expires that equals Date is stale", (DATE, "Expires: {now}", TAG), VALIDATED),
    again("RFC 9111 5.3", "Expires: 0 has passed", ("Expires: 0", TAG), VALIDATED),
    again("RFC 9111 5.3", "Expires: -1 has passed", ("Expires: -1", TAG), VALIDATED),
    again("RFC 9111 5.3", "an Expires that is no date has passed", ("Expires: tomorrow", TAG), VALIDATED),
    again(
        "RFC 9111 5.3",
        "an Expires in another time zone is no date",
        ("Expires: Mon, 26 Nov 2068 12:00:00 PST", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 5.3",
        "an Expires on the 31st of February is no date",
        ("Expires: Tue, 31 Feb 2068 12:00:00 GMT", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 5.3",
        "an Expires at 25 o'clock is no date",
        ("Expires: Mon, 26 Nov 2068 25:00:00 GMT", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 5.3",
        "an Expires in lower case is no date",
        ("Expires: mon, 26 nov 2068 12:00:00 gmt", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 5.3",
        "two Expires that differ have passed",
        ("Expires: {now+50}", "Expires: {now+60}", TAG),
        VALIDATED,
    ),
    again("RFC 9111 5.3", "an Expires far away is fresh", "Expires: Mon, 26 Nov 2068 12:00:00 GMT", HIT),
    again("RFC 9110 5.6.7", "Expires in the form of RFC 850", "Expires: Monday, 26-Nov-68 12:00:00 GMT", HIT),
    again("RFC 9110 5.6.7", "Expires in the form of asctime", "Expires: Mon Nov 26 12:00:00 2068", HIT),
    again(
        "RFC 9110 5.6.7", "Expires in the form of asctime, day of one digit", "Expires: Thu Nov  1 12:00:00 2068", HIT
    ),
    again(
        "RFC 9110 5.6.7",
        "a year of two digits above 69 has passed",
        ("Expires: Sunday, 06-Nov-94 08:49:37 GMT", TAG),
        VALIDATED,
    ),
    again("RFC 9111 4.2.1", "a max-age of words is stale", ("Cache-Control: max-age=long", TAG), VALIDATED),
    again("RFC 9111 4.2.1", "a negative max-age is stale", ("Cache-Control: max-age=-100", TAG), VALIDATED),
    again("RFC 9111 4.2.1", "a max-age with a fraction is stale", ("Cache-Control: max-age=100.5", TAG), VALIDATED),
    again("RFC 9111 4.2.1", "a max-age with a sign is stale", ("Cache-Control: max-age=+100", TAG), VALIDATED),
    again("RFC 9111 4.2.1", "a max-age without argument is stale", ("Cache-Control: max-age", TAG), VALIDATED),
    again("RFC 9111 4.2.1", "an empty max-age is stale", ("Cache-Control: max-age=", TAG), VALIDATED),
    again("RFC 9111 4.2.1", "a max-age of other digits is stale", ("Cache-Control: max-age=1²", TAG), VALIDATED),
    again(
        "RFC 9111 4.2.1",
        "an s-maxage of words is stale, whatever max-age says",
        ("Cache-Control: s-maxage=x, max-age=100", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 4.2.1",
        "a stale max-age hides an Expires that is not",
        ("Cache-Control: max-age=x", "Expires: {now+50}", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 4.2.1",
        "two different max-ages are stale",
        ("Cache-Control: max-age=100, max-age=200", TAG),
        VALIDATED,
    ),
    again("RFC 9111 4.2.1", "two equal max-ages are one", "Cache-Control: max-age=100, max-age=100", HIT),
    again(
        "RFC 9111 4.2.1",
        "two different max-ages on two lines are stale",
        ("Cache-Control: max-age=100", "Cache-Control: max-age=1", TAG),
        VALIDATED,
    ),
    again("RFC 9111 1.2.2", "a max-age of 2^31 is fresh", "Cache-Control: max-age=2147483648", HIT),
    again("RFC 9111 1.2.2", "a max-age beyond 2^31 is fresh", "Cache-Control: max-age=99999999999999999999", HIT),
    again("RFC 9111 1.2.2", "a max-age of 5000 digits is fresh", f"Cache-Control: max-age={'9' * 5000}", HIT),
    again("RFC 9111 1.2.2", "a max-age with leading zeros", "Cache-Control: max-age=0000000000000100", HIT),
    again("RFC 9111 4.2", "an answer is stale after its max-age", (FRESH, TAG), VALIDATED, wait=100.5),
    again("RFC 9111 4.2", "an answer is stale at the very end of its max-age", (FRESH, TAG), VALIDATED, wait=100),
    again("RFC 9111 4.2", "an answer is fresh shortly before the end of its max-age", (FRESH, TAG), HIT, wait=99),
    again("RFC 9111 4.2", "an answer is stale after its Expires", (DATE, "Expires: {now+50}", TAG), VALIDATED, wait=51),
    again("RFC 9111 4.2", "stale and without a validator it is fetched again", FRESH, MISS, wait=101),
]

AGE = [
    again("RFC 9111 4.2.3", "Age counts against max-age", (FRESH, "Age: 100", TAG), VALIDATED),
    again("RFC 9111 4.2.3", "an Age below max-age leaves the rest", (FRESH, "Age: 50"), HIT),
    again("RFC 9111 4.2.3", "an old Date counts against max-age", (FRESH, "Date: {now-200}", TAG), VALIDATED),
    again(
        "RFC 9111 4.2.3",
        "of Age and Date what is older counts: Age",
        (FRESH, "Date: {now-10}", "Age: 200", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 4.2.3",
        "of Age and Date what is older counts: Date",
        (FRESH, "Date: {now-200}", "Age: 1", TAG),
        VALIDATED,
    ),
    again("RFC 9111 4.2.3", "a Date in the future is no age", (FRESH, "Date: {now+1000}"), HIT),
    again("RFC 9111 4.2.3", "a Date that is none is no age", (FRESH, "Date: yesterday"), HIT),
    again("RFC 9111 4.2.3", "Age counts against Expires", (DATE, "Expires: {now+50}", "Age: 60", TAG), VALIDATED),
    again(
        "RFC 9111 4.2.3", "Age and what has passed since count together", (FRESH, "Age: 60", TAG), VALIDATED, wait=41
    ),
    again("RFC 9111 5.1", "of a list of Ages the first counts", (FRESH, "Age: 200, 1", TAG), VALIDATED),
    again("RFC 9111 5.1", "of two lines of Age the first counts", (FRESH, "Age: 1", "Age: 200"), HIT),
    again("RFC 9111 5.1", "an Age of words is passed over", (FRESH, "Age: old"), HIT),
    again("RFC 9111 5.1", "a negative Age is passed over", (FRESH, "Age: -200"), HIT),
    again("RFC 9111 5.1", "an Age with a fraction is passed over", (FRESH, "Age: 200.5"), HIT),
    again("RFC 9111 5.1", "an empty Age is passed over", (FRESH, "Age:"), HIT),
    again("RFC 9111 5.1", "an Age beyond all bounds is old", (FRESH, "Age: 99999999999999999999", TAG), VALIDATED),
    again("RFC 9111 5.1", "an Age of 2^31 is old", (FRESH, "Age: 2147483648", TAG), VALIDATED),
    again("RFC 9111 5.1", "the answer says its age", (FRESH, "Age: 50"), HIT, has=("Age: 60",), wait=10),
    again("RFC 9111 5.1", "an answer from the cache has one Age", FRESH, HIT, has=("Age: 7",), wait=7),
]

DIRECTIVES = [
    again("RFC 9111 5.2", "directives in capitals", "CACHE-CONTROL: MAX-AGE=100", HIT),
    again("RFC 9111 5.2", "a quoted max-age", 'Cache-Control: max-age="100"', HIT),
    again(
        "RFC 9111 5.2",
        "a blank before the sign makes max-age unreadable",
        ("Cache-Control: max-age =100", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9111 5.2",
        "a blank after the sign makes max-age unreadable",
        ("Cache-Control: max-age= 100", TAG),
        VALIDATED,
    ),
    again("RFC 9111 5.2", "empty members", "Cache-Control: , ,max-age=100,,", HIT),
    again("RFC 9111 5.2", "an empty field says nothing", ("Cache-Control:", "Expires: {now+50}"), HIT),
    again("RFC 9111 5.2", "blanks and tabs around members", "Cache-Control: \t max-age=100 \t , foo", HIT),
    again("RFC 9111 5.2.3", "unknown directives are passed over", "Cache-Control: foo, bar=1, max-age=100", HIT),
    again(
        "RFC 9111 5.2.3",
        "what stands in quotes is no directive",
        'Cache-Control: foo="no-store, max-age=0", max-age=100',
        HIT,
    ),
    again("RFC 9111 5.2.3", "a quoted quote ends nothing", 'Cache-Control: foo="a\\", no-store", max-age=100', HIT),
    again(
        "RFC 9111 5.2.3", "a quote that never ends hides nothing", 'Cache-Control: max-age=100, foo="a, no-store', MISS
    ),
    again(
        "RFC 9111 5.2.3",
        "a name that only begins like one is another",
        "Cache-Control: no-storehouse, max-age=100",
        HIT,
    ),
    again("RFC 9111 5.2", "directives on two lines", ("Cache-Control: foo", "Cache-Control: max-age=100"), HIT),
    again(
        "RFC 9111 5.2",
        "no-store on another line than max-age",
        ("Cache-Control: max-age=100", "Cache-Control: no-store"),
        MISS,
    ),
    again("RFC 9111 5.2.2.5", "no-store is not stored", "Cache-Control: no-store", MISS),
    again("RFC 9111 5.2.2.5", "no-store wins over max-age", "Cache-Control: no-store, max-age=100", MISS),
    again("RFC 9111 5.2.2.5", "no-store wins over public", "Cache-Control: public, no-store, s-maxage=100", MISS),
    again("RFC 9111 5.2.2.5", "no-store in capitals", "Cache-Control: No-Store, max-age=100", MISS),
    again("RFC 9111 5.2.2.5", "no-store with an argument", "Cache-Control: no-store=no, max-age=100", MISS),
    again("RFC 9111 5.2.2.7", "private is not stored", "Cache-Control: private, max-age=100", MISS),
    again("RFC 9111 5.2.2.7", "private wins over s-maxage", "Cache-Control: private, s-maxage=100", MISS),
    again(
        "RFC 9111 5.2.2.7",
        "private of a field is not stored either",
        'Cache-Control: private="x-a, x-b", max-age=100',
        MISS,
    ),
    again("RFC 9111 5.2.2.7", "private of a field without quotes", "Cache-Control: private=x-a, max-age=100", MISS),
    again("RFC 9111 5.2.2.4", "no-cache is asked for each time", ("Cache-Control: no-cache", TAG), VALIDATED),
    again("RFC 9111 5.2.2.4", "no-cache wins over max-age", ("Cache-Control: no-cache, max-age=100", TAG), VALIDATED),
    again(
        "RFC 9111 5.2.2.4",
        "no-cache of a field is asked for each time",
        ('Cache-Control: no-cache="x-a", max-age=100', TAG),
        VALIDATED,
    ),
    again("RFC 9111 5.2.2.4", "no-cache without a validator is not stored", "Cache-Control: no-cache", MISS),
    again("RFC 9111 5.2.2.4", "no-cache and Expires", ("Cache-Control: no-cache", "Expires: {now+50}", TAG), VALIDATED),
    again("RFC 9111 5.4", "Pragma: no-cache in an answer means nothing", (FRESH, "Pragma: no-cache"), HIT),
    again(
        "RFC 9111 5.2.2.3",
        "must-understand with a status that is known",
        "Cache-Control: must-understand, max-age=100",
        HIT,
    ),
    again(
        "RFC 9111 5.2.2.3",
        "must-understand lifts no-store",
        "Cache-Control: must-understand, no-store, max-age=100",
        HIT,
    ),
    again(
        "RFC 9111 5.2.2.3",
        "must-understand with an unknown status",
        "Cache-Control: must-understand, max-age=100",
        MISS,
        status=299,
    ),
    again(
        "RFC 9111 5.2.2.3",
        "must-understand with an argument lifts nothing",
        "Cache-Control: must-understand=x, no-store, max-age=100",
        MISS,
    ),
    again("RFC 9111 5.2.2.9", "public without a lifetime is not fresh", ("Cache-Control: public", TAG), VALIDATED),
    again(
        "RFC 9111 5.2.2.2",
        "must-revalidate is fresh while it is",
        ("Cache-Control: must-revalidate, max-age=100", TAG),
        HIT,
    ),
    again(
        "RFC 9111 5.2.2.8",
        "proxy-revalidate is fresh while it is",
        ("Cache-Control: proxy-revalidate, max-age=100", TAG),
        HIT,
    ),
]

TARGETED = [
    again(
        "RFC 9213 2.2",
        "CDN-Cache-Control wins over a max-age of 0",
        ("Cache-Control: max-age=0", "CDN-Cache-Control: max-age=100"),
        HIT,
    ),
    again(
        "RFC 9213 2.2",
        "CDN-Cache-Control wins over no-store",
        ("Cache-Control: no-store", "CDN-Cache-Control: max-age=100"),
        HIT,
    ),
    again(
        "RFC 9213 2.2", "CDN-Cache-Control wins over max-age", (FRESH, "CDN-Cache-Control: max-age=0", TAG), VALIDATED
    ),
    again("RFC 9213 2.2", "its no-store wins over max-age", (FRESH, "CDN-Cache-Control: no-store"), MISS),
    again("RFC 9213 2.2", "its private wins over max-age", (FRESH, "CDN-Cache-Control: private, max-age=100"), MISS),
    again("RFC 9213 2.2", "its no-cache wins over max-age", (FRESH, "CDN-Cache-Control: no-cache", TAG), VALIDATED),
    again(
        "RFC 9213 2.2",
        "Expires has no place beside it",
        ("Expires: {now+50}", "CDN-Cache-Control: max-age=0", TAG),
        VALIDATED,
    ),
    again(
        "RFC 9213 2.2",
        "Expires has no place beside it, were it without a lifetime",
        ("Expires: {now+50}", "CDN-Cache-Control: foo", TAG),
        VALIDATED,
    ),
    again("RFC 9213 2.1", "an empty one is passed over", (FRESH, "CDN-Cache-Control:"), HIT),
    again("RFC 9213 2.1", "one that is no dictionary is passed over", (FRESH, "CDN-Cache-Control: max-age=0, &"), HIT),
    again("RFC 9213 2.1", "one with an empty member is passed over", (FRESH, "CDN-Cache-Control: max-age=0,"), HIT),
    again("RFC 9213 2.1", "one in capitals is passed over", (FRESH, "CDN-Cache-Control: Max-Age=0"), HIT),
    again(
        "RFC 9213 2.1", "one with a blank before the sign is passed over", (FRESH, "CDN-Cache-Control: max-age =0"), HIT
    ),
    again(
        "RFC 9213 2.1",
        "a max-age that is a string is passed over",
        ('CDN-Cache-Control: max-age="100"', TAG),
        VALIDATED,
    ),
    again(
        "RFC 9213 2.1", "a max-age with a fraction is passed over", ("CDN-Cache-Control: max-age=100.5", TAG), VALIDATED
    ),
    again("RFC 9213 2.1", "parameters are passed over", "CDN-Cache-Control: max-age=100;a=b;c", HIT),
    again("RFC 9213 2.1", "a no-store that is false", "CDN-Cache-Control: no-store=?0, max-age=100", HIT),
    again("RFC 9213 2.1", "a no-store that is true", "CDN-Cache-Control: no-store=?1, max-age=100", MISS),
    again("RFC 9213 2.1", "the last of two max-ages counts", "CDN-Cache-Control: max-age=0, max-age=100", HIT),
    again(
        "RFC 9213 2.1",
        "it may stand on two lines",
        ("CDN-Cache-Control: foo=(1 2)", "CDN-Cache-Control: max-age=100"),
        HIT,
    ),
    again("RFC 9213 2.1", "its s-maxage wins over its max-age", "CDN-Cache-Control: s-maxage=100, max-age=0", HIT),
    again("RFC 9213 2.1", "Surrogate-Control is not ours", ("Surrogate-Control: max-age=100", TAG), VALIDATED),
]

REQUESTS = [
    again("RFC 9111 5.2.1.4", "no-cache asks again", (FRESH, TAG), VALIDATED, "Cache-Control: no-cache"),
    again("RFC 9111 5.2.1.4", "no-cache in capitals", (FRESH, TAG), VALIDATED, "Cache-Control: NO-CACHE"),
    again("RFC 9111 5.2.1.4", "no-cache fetches what has no validator", FRESH, MISS, "Cache-Control: no-cache"),
    again("RFC 9111 5.4", "Pragma: no-cache asks again", (FRESH, TAG), VALIDATED, "Pragma: no-cache"),
    again(
        "RFC 9111 5.4",
        "Pragma beside Cache-Control means nothing",
        (FRESH, TAG),
        HIT,
        "Pragma: no-cache",
        "Cache-Control: max-age=50",
    ),
    again("RFC 9111 5.4", "another Pragma means nothing", (FRESH, TAG), HIT, "Pragma: foo"),
    again("RFC 9111 5.2.1.1", "a max-age above the age", (FRESH, "Age: 10", TAG), HIT, "Cache-Control: max-age=50"),
    again(
        "RFC 9111 5.2.1.1",
        "a max-age below the age asks again",
        (FRESH, "Age: 10", TAG),
        VALIDATED,
        "Cache-Control: max-age=5",
    ),
    again(
        "RFC 9111 5.2.1.1", "a max-age of 0 asks again", (FRESH, "Age: 1", TAG), VALIDATED, "Cache-Control: max-age=0"
    ),
    again(
        "RFC 9111 5.2.1.1",
        "a max-age of words asks again",
        (FRESH, "Age: 1", TAG),
        VALIDATED,
        "Cache-Control: max-age=x",
    ),
    again("RFC 9111 5.2.1.3", "a min-fresh that is left", (FRESH, "Age: 10", TAG), HIT, "Cache-Control: min-fresh=50"),
    again(
        "RFC 9111 5.2.1.3",
        "a min-fresh that is not left asks again",
        (FRESH, "Age: 60", TAG),
        VALIDATED,
        "Cache-Control: min-fresh=50",
    ),
    again(
        "RFC 9111 5.2.1.3",
        "of two min-fresh the larger counts",
        (FRESH, "Age: 60", TAG),
        VALIDATED,
        "Cache-Control: min-fresh=1, min-fresh=50",
    ),
    again("RFC 9111 5.2.1.3", "a min-fresh of words is passed over", (FRESH, TAG), HIT, "Cache-Control: min-fresh=x"),
    again("RFC 9111 5.2.1.2", "max-stale takes what is stale", STALE, HIT, "Cache-Control: max-stale"),
    again("RFC 9111 5.2.1.2", "max-stale takes what is stale for as long", STALE, HIT, "Cache-Control: max-stale=1000"),
    again("RFC 9111 5.2.1.2", "max-stale takes nothing staler", STALE, VALIDATED, "Cache-Control: max-stale=10"),
    again(
        "RFC 9111 5.2.1.2",
        "of two max-stale the smaller counts",
        STALE,
        VALIDATED,
        "Cache-Control: max-stale, max-stale=10",
    ),
    again("RFC 9111 5.2.1.2", "a max-stale of words takes nothing", STALE, VALIDATED, "Cache-Control: max-stale=x"),
    again(
        "RFC 9111 5.2.1.1",
        "max-age with max-stale takes what is stale",
        STALE,
        HIT,
        "Cache-Control: max-age=500, max-stale=1000",
    ),
    again("RFC 9111 5.2.1.1", "max-age alone takes nothing stale", STALE, VALIDATED, "Cache-Control: max-age=500"),
    again(
        "RFC 9111 4.2.4",
        "must-revalidate wins over max-stale",
        ("Cache-Control: max-age=100, must-revalidate", *STALE[1:]),
        VALIDATED,
        "Cache-Control: max-stale",
    ),
    again(
        "RFC 9111 4.2.4",
        "proxy-revalidate wins over max-stale",
        ("Cache-Control: max-age=100, proxy-revalidate", *STALE[1:]),
        VALIDATED,
        "Cache-Control: max-stale",
    ),
    again(
        "RFC 9111 4.2.4",
        "s-maxage wins over max-stale",
        ("Cache-Control: s-maxage=100", *STALE[1:]),
        VALIDATED,
        "Cache-Control: max-stale",
    ),
    again(
        "RFC 9111 4.2.4",
        "no-cache wins over max-stale",
        ("Cache-Control: no-cache, max-age=100", TAG),
        VALIDATED,
        "Cache-Control: max-stale",
    ),
    again("RFC 9111 5.2.1.7", "only-if-cached gets what is fresh", FRESH, HIT, "Cache-Control: only-if-cached"),
    again(
        "RFC 9111 5.2.1.7", "only-if-cached gets 504 for what is stale", STALE, TIMEOUT, "Cache-Control: only-if-cached"
    ),
    again(
        "RFC 9111 5.2.1.7",
        "only-if-cached gets 504 for what is not there",
        "Cache-Control: no-store",
        TIMEOUT,
        "Cache-Control: only-if-cached",
    ),
    again(
        "RFC 9111 5.2.1.7",
        "only-if-cached with max-stale gets what is stale",
        STALE,
        HIT,
        "Cache-Control: only-if-cached, max-stale",
    ),
    again(
        "RFC 9111 5.2.1.7",
        "only-if-cached with no-cache gets 504",
        FRESH,
        TIMEOUT,
        "Cache-Control: only-if-cached, no-cache",
    ),
    again(
        "RFC 9111 5.2.1.5", "the answer to a no-store is not stored", FRESH, MISS, first=("Cache-Control: no-store",)
    ),
    again("RFC 9111 5.2.1.5", "a no-store may be given what is stored", FRESH, HIT, "Cache-Control: no-store"),
    again("RFC 9111 5.2.1.6", "no-transform changes nothing here", FRESH, HIT, "Cache-Control: no-transform"),
    again("RFC 9111 5.2.3", "unknown directives of a request are passed over", FRESH, HIT, "Cache-Control: foo=bar"),
]

STORING = [
    *(
        again("RFC 9110 15.1", f"{status} may have the route's lifetime", "X-A: b", HIT, kind="ttl", status=status)
        for status in (200, 203, 300, 301, 308, 404, 410)
    ),
    *(
        again("RFC 9110 15.1", f"{status} has no lifetime that nobody named", "X-A: b", MISS, kind="ttl", status=status)
        for status in (201, 302, 303, 307, 400, 401, 403, 405, 414, 429, 501)
    ),
    *(
        again("RFC 9111 3", f"{status} with max-age is stored", FRESH, HIT, status=status)
        for status in (201, 299, 302, 307, 400, 403, 404, 405, 410, 499)
    ),
    again("RFC 9111 3", "an error with max-age is stored", FRESH, HIT, status=501),
    again("RFC 9111 3", "a silent answer is not stored where the route names no lifetime", "X-A: b", MISS),
    again("RFC 9111 3", "a silent answer with a validator is asked for each time", TAG, VALIDATED),
    again("RFC 9111 3.5", "the answer to Authorization is not stored", FRESH, MISS, first=BASIC),
    again("RFC 9111 3.5", "nor with the route's own lifetime", "X-A: b", MISS, kind="ttl", first=BASIC),
    again("RFC 9111 3.5", "nor with Expires", "Expires: {now+50}", MISS, first=BASIC),
    again("RFC 9111 3.5", "public lifts that", "Cache-Control: public, max-age=100", HIT, *BASIC, first=BASIC),
    again("RFC 9111 3.5", "s-maxage lifts that", "Cache-Control: s-maxage=100", HIT, first=BASIC),
    again(
        "RFC 9111 3.5", "must-revalidate lifts that", "Cache-Control: must-revalidate, max-age=100", HIT, first=BASIC
    ),
    again(
        "RFC 9111 3.5", "proxy-revalidate does not", "Cache-Control: proxy-revalidate, max-age=100", MISS, first=BASIC
    ),
    again(
        "RFC 9111 3.5", "public with an argument does not", "Cache-Control: public=x, max-age=100", MISS, first=BASIC
    ),
    again("RFC 9111 3.5", "a shared route lifts that", FRESH, HIT, kind="shared", first=BASIC),
    again(
        "RFC 9111 3.5",
        "a shared route stores no private answer",
        "Cache-Control: private, max-age=100",
        MISS,
        kind="shared",
        first=BASIC,
    ),
    again("RFC 9111 3.5", "what was stored without Authorization is given with it", FRESH, HIT, *BASIC),
    again("RFC 9111 7.3", "an answer with Set-Cookie is not stored", (FRESH, "Set-Cookie: a=b"), MISS),
    again("RFC 9111 7.3", "nor on a shared route", (FRESH, "Set-Cookie: a=b"), MISS, kind="shared"),
    again(
        "RFC 9111 7.3",
        "public stores it with Set-Cookie",
        ("Cache-Control: public, max-age=100", "Set-Cookie: a=b"),
        HIT,
    ),
    again(
        "RFC 9111 7.3", "s-maxage stores it with Set-Cookie", ("Cache-Control: s-maxage=100", "Set-Cookie: a=b"), HIT
    ),
    again("RFC 9111 7.3", "a request with Cookie is no bar", FRESH, HIT, "Cookie: a=b", first=("Cookie: c=d",)),
]

ROUTE = [
    again("docs/cache.md", "ttl where the origin is silent", "X-A: b", HIT, kind="ttl"),
    again("docs/cache.md", "ttl leaves a max-age of 0 alone", ("Cache-Control: max-age=0", TAG), VALIDATED, kind="ttl"),
    again("docs/cache.md", "ttl leaves a longer max-age alone", FRESH, HIT, kind="ttl", wait=90),
    again("docs/cache.md", "ttl ends", ("X-A: b", TAG), VALIDATED, kind="ttl", wait=61),
    again("docs/cache.md", "ttl leaves Expires: 0 alone", ("Expires: 0", TAG), VALIDATED, kind="ttl"),
    again("docs/cache.md", "ttl leaves no-cache alone", ("Cache-Control: no-cache", TAG), VALIDATED, kind="ttl"),
    again("docs/cache.md", "ttl leaves no-store alone", "Cache-Control: no-store", MISS, kind="ttl"),
    again("docs/cache.md", "ttl counts from what Age says", ("Age: 61", TAG), VALIDATED, kind="ttl"),
    again("docs/cache.md", "a route of its own mind: max-age=0", "Cache-Control: max-age=0", HIT, kind="own"),
    again("docs/cache.md", "a route of its own mind: no-cache", "Cache-Control: no-cache", HIT, kind="own"),
    again("docs/cache.md", "a route of its own mind: Expires: 0", "Expires: 0", HIT, kind="own"),
    again(
        "docs/cache.md",
        "a route of its own mind: its ttl ends a longer max-age",
        (FRESH, TAG),
        VALIDATED,
        kind="own",
        wait=61,
    ),
    again("docs/cache.md", "a route of its own mind obeys no-store", "Cache-Control: no-store", MISS, kind="own"),
    again(
        "docs/cache.md",
        "a route of its own mind obeys private",
        "Cache-Control: private, max-age=100",
        MISS,
        kind="own",
    ),
    again("docs/cache.md", "a route of its own mind leaves errors alone", "X-A: b", MISS, kind="own", status=500),
    again(
        "RFC 9111 4.2.2",
        "a tenth of the age at the origin",
        (DATE, "Last-Modified: {now-1000}"),
        HIT,
        kind="heuristic",
        wait=99,
    ),
    again("RFC 9111 4.2.2", "and no more", (DATE, "Last-Modified: {now-1000}"), VALIDATED, kind="heuristic", wait=101),
    again(
        "RFC 9111 4.2.2",
        "a day at most",
        (DATE, "Last-Modified: {now-9999999}"),
        VALIDATED,
        kind="heuristic",
        wait=86401,
    ),
    again("RFC 9111 4.2.2", "no heuristics unless asked", (DATE, "Last-Modified: {now-1000}"), VALIDATED),
    again("RFC 9111 4.2.2", "no heuristics without Last-Modified", (DATE, TAG), VALIDATED, kind="heuristic"),
    again(
        "RFC 9111 4.2.2",
        "no heuristics beside max-age",
        ("Cache-Control: max-age=0", "Last-Modified: {now-1000}"),
        VALIDATED,
        kind="heuristic",
    ),
    again(
        "RFC 9111 4.2.2",
        "no heuristics for other statuses",
        (DATE, "Last-Modified: {now-1000}"),
        MISS,
        kind="heuristic",
        status=201,
    ),
    again(
        "RFC 9111 4.2.2",
        "but for other statuses that are public",
        (DATE, "Cache-Control: public", "Last-Modified: {now-1000}"),
        HIT,
        kind="heuristic",
        status=201,
    ),
    again(
        "RFC 9111 4.2.2",
        "a Last-Modified in the future is no lifetime",
        (DATE, "Last-Modified: {now+1000}"),
        VALIDATED,
        kind="heuristic",
    ),
]

STALENESS = [
    again(
        "RFC 5861 3",
        "stale-while-revalidate of the origin",
        ("Cache-Control: max-age=100, stale-while-revalidate=500", *STALE[1:]),
        REFRESHED,
    ),
    again(
        "RFC 5861 3",
        "which has its end",
        ("Cache-Control: max-age=100, stale-while-revalidate=50", *STALE[1:]),
        VALIDATED,
    ),
    again("RFC 5861 3", "stale-while-revalidate of the route", ("Age: 100", TAG), REFRESHED, kind="stale"),
    again("RFC 5861 3", "the route's has its end too", ("Age: 200", TAG), VALIDATED, kind="stale"),
    again(
        "RFC 5861 3",
        "the origin's wins over the route's",
        ("Cache-Control: max-age=60, stale-while-revalidate=0", "Age: 100", TAG),
        VALIDATED,
        kind="stale",
    ),
    again(
        "RFC 5861 3",
        "must-revalidate wins over the origin's",
        ("Cache-Control: max-age=100, must-revalidate, stale-while-revalidate=500", *STALE[1:]),
        VALIDATED,
    ),
    again(
        "RFC 5861 3",
        "must-revalidate wins over the route's",
        ("Cache-Control: max-age=60, must-revalidate", "Age: 100", TAG),
        VALIDATED,
        kind="stale",
    ),
    again(
        "RFC 5861 3",
        "proxy-revalidate wins over the route's",
        ("Cache-Control: max-age=60, proxy-revalidate", "Age: 100", TAG),
        VALIDATED,
        kind="stale",
    ),
    again(
        "RFC 9111 5.2.2.10",
        "s-maxage wins over the route's",
        ("Cache-Control: s-maxage=60", "Age: 100", TAG),
        VALIDATED,
        kind="stale",
    ),
    again(
        "RFC 5861 3",
        "s-maxage with stale-while-revalidate of its own",
        ("Cache-Control: s-maxage=100, stale-while-revalidate=500", *STALE[1:]),
        REFRESHED,
    ),
    again(
        "RFC 5861 3",
        "a stale-while-revalidate of words",
        ("Cache-Control: max-age=100, stale-while-revalidate=x", *STALE[1:]),
        VALIDATED,
    ),
    again(
        "RFC 5861 3",
        "no-cache of a request wins",
        ("Age: 100", TAG),
        VALIDATED,
        "Cache-Control: no-cache",
        kind="stale",
    ),
    again(
        "RFC 5861 3",
        "max-age of a request wins",
        ("Age: 100", TAG),
        VALIDATED,
        "Cache-Control: max-age=500",
        kind="stale",
    ),
]

RULES: list[Rule] = [
    *FRESHNESS,
    *AGE,
    *DIRECTIVES,
    *TARGETED,
    *REQUESTS,
    *STORING,
    *ROUTE,
    *STALENESS,
    *MORE,
]
