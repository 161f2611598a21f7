"""Decision about another try after a failed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway import errors
from gateway.errors import Kind
from gateway.upstream.resilience.options import Retry

#: what `on` calls each failure of our own; those that are not here are final
_CONDITIONS: Final[dict[str, int | str]] = {
    errors.UPSTREAM_REFUSED.slug: "connect",
    errors.UPSTREAM_UNREACHABLE.slug: "connect",
    errors.UPSTREAM_DNS.slug: "connect",
    errors.UPSTREAM_TLS.slug: "connect",
    errors.UPSTREAM_CERTIFICATE.slug: "connect",
    errors.UPSTREAM_CONNECT_TIMEOUT.slug: "connect",
    errors.UPSTREAM_SATURATED.slug: "connect",
    errors.UPSTREAM_RESET.slug: "reset",
    errors.UPSTREAM_BAD_ANSWER.slug: 502,
    errors.UPSTREAM_READ_TIMEOUT.slug: 504,
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What is tried again; `budget` is a share in millionths, `backoff` seconds, `max_body` bytes."""

    attempts: int
    on: frozenset[int | str]
    methods: frozenset[str]
    budget: int
    backoff: float
    max_body: int

    @classmethod
    def of(cls, spec: Retry) -> RetryPolicy:
        """The rules of a section."""
        on, methods = frozenset(spec.on), frozenset(spec.methods)
        return cls(spec.attempts, on, methods, round(spec.budget * 1_000_000), spec.backoff, spec.max_body)


def should_retry(
    outcome: int | Kind, method: str, retries: int, was_sent: bool, is_whole: bool, rules: RetryPolicy
) -> bool:
    """Whether the rules want another try after `retries` retries, budget and deadline aside.

    outcome     a status, or the kind of a failure before an answer
    was_sent    whether a byte of the request reached the target: if not, even a POST has done nothing yet
                (RFC 9110 section 9.2.2), and its method does not matter
    is_whole    whether all that was read of the request's body is still here to be sent again
    """
    if retries >= rules.attempts or not is_whole:
        return False
    condition = outcome if isinstance(outcome, int) else _CONDITIONS.get(outcome.slug)
    return condition in rules.on and (not was_sent or method in rules.methods)
