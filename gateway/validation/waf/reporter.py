"""Reports of requests that look like an attack: never what was sent, and never a line for each."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

log = logging.getLogger("gateway")

#: seconds between two lines of one route; those of requests that were let in and of refused ones are counted apart
BETWEEN_LINES: Final = 1.0
_LONGEST_NAME: Final = 64


class WafReporter:
    """The lines of one route, one a second at most; what is left out is counted."""

    __slots__ = ("_lines_from", "_route", "_unsaid", "_words")

    def __init__(self, route: str, words: str) -> None:
        self._route = route
        self._words = words
        self._lines_from = 0.0
        self._unsaid = 0

    def tell(self, request_id: str, rule: str, part: str, field: str) -> None:
        """One request more. SECURITY: the sender chose `field`: it is quoted (tests/unit/screening/test_telling.py)."""
        now = monotonic()
        if now < self._lines_from:
            self._unsaid += 1
            return
        more = f", and {self._unsaid} more in this worker since the last line" if self._unsaid else ""
        words = "request %s on the route %s %s: %s in the %s, field %s%s"
        log.warning(words, request_id, self._route, self._words, rule, part, shown(field), more)
        self._lines_from, self._unsaid = now + BETWEEN_LINES, 0


def shown(field: str) -> str:
    """A field's name on one line of ASCII, cut where it is long."""
    return ascii(field if len(field) <= _LONGEST_NAME else f"{field[:_LONGEST_NAME]}...")
