"""Violations in a part of a request, and the problem document that tells the client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors import GatewayError, Kind

#: most faults that one answer lists
MOST = 20
#: characters of the longest pointer: a client chooses the names in it, and may have chosen one of megabytes
LONGEST = 1000


class Violation(NamedTuple):
    """One mistake: `pointer` is the JSON pointer (RFC 6901) of the value that has it, "" for the whole."""

    pointer: str
    detail: str


def problem_for(kind: Kind, what: str, faults: Sequence[Violation]) -> GatewayError:
    """The error that lists the faults of `what` ("The body"), at most `MOST` of them, as RFC 9457 shows it."""
    listed = [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults[:MOST]]
    words = f"{what} does not fit the route's schema" + (
        f"; the first {MOST} faults are listed." if faults[MOST:] else "."
    )
    error = GatewayError(kind, words)
    error.extensions = {"errors": listed}
    return error


def pointer(path: Sequence[str | int]) -> str:
    """Steps into a value as a JSON pointer (RFC 6901 section 3); of a very long one those that lead to it."""
    found = ""
    for step in path:
        more = "/" + str(step).replace("~", "~0").replace("/", "~1")
        if len(found) + len(more) > LONGEST:
            break
        found += more
    return found
