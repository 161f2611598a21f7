"""Which failed tries may be made again."""

import pytest

from gateway import errors
from gateway.errors import KINDS
from gateway.upstream.resilience.options import Retry
from gateway.upstream.resilience.retry import RetryPolicy, should_retry

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
RULES = RetryPolicy.of(Retry(2, ("connect", "reset", 502, 503, 504), METHODS, 0.2, 0.025, 65536, "x:1"))


def may(outcome, method="GET", retries=0, was_sent=True, is_whole=True, rules=RULES):
    return should_retry(outcome, method, retries, was_sent, is_whole, rules)


def only(*on):
    return RetryPolicy.of(Retry(2, on, METHODS, 0.2, 0.025, 0, "x:1"))


def test_rules():
    assert (RULES.attempts, RULES.budget, RULES.backoff, RULES.max_body) == (2, 200_000, 0.025, 65536)


@pytest.mark.parametrize(("status", "expected"), [(200, False), (404, False), (429, False), (500, False), (501, False),
                                                  (502, True), (503, True), (504, True)])  # fmt: skip
def test_listed_statuses(status, expected):
    assert may(status) == expected


@pytest.mark.parametrize("method", ["POST", "PATCH", "PURGE", "get"])
def test_a_method_that_is_not_listed_is_sent_once(method):
    assert not may(503, method)
    assert not may(errors.UPSTREAM_RESET, method)


def test_unless_it_is_listed():
    rules = RetryPolicy.of(Retry(1, (503,), ("POST",), 0.2, 0.025, 65536, "x:1"))
    assert may(503, "POST", rules=rules)
    assert not may(503, "GET", rules=rules)


def test_what_was_not_sent_may_be_sent_whatever_its_method():
    assert may(errors.UPSTREAM_REFUSED, "POST", was_sent=False)
    assert not may(errors.UPSTREAM_REFUSED, "POST", was_sent=False, rules=only("reset"))


def test_tries_after_the_first():
    assert [may(503, retries=n) for n in range(4)] == [True, True, False, False]


def test_a_body_that_is_gone_cannot_be_sent_again():
    assert not may(503, "PUT", is_whole=False)
    assert not may(errors.UPSTREAM_REFUSED, is_whole=False, was_sent=False)


@pytest.mark.parametrize(
    ("kind", "condition"),
    [(errors.UPSTREAM_REFUSED, "connect"), (errors.UPSTREAM_CONNECT_TIMEOUT, "connect"),
     (errors.UPSTREAM_DNS, "connect"), (errors.UPSTREAM_SATURATED, "connect"), (errors.UPSTREAM_TLS, "connect"),
     (errors.UPSTREAM_RESET, "reset"),
     (errors.UPSTREAM_BAD_ANSWER, 502), (errors.UPSTREAM_READ_TIMEOUT, 504)],
)  # fmt: skip
def test_what_our_own_failures_are_called(kind, condition):
    assert may(kind, rules=only(condition))
    assert not may(kind, rules=only(*{"connect", "reset", 502, 503, 504} - {condition}))


def test_what_is_not_retryable_never_is_and_the_rest_has_a_name():
    everything = only("connect", "reset", *range(200, 600))
    for kind in KINDS:
        if kind.source == "upstream":
            assert may(kind, rules=everything) == kind.retryable, kind.slug
        else:
            assert not may(kind, rules=everything), kind.slug
