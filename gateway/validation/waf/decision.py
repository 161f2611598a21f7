"""Decision about what a scan found: the request is refused, or reported only."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import REQUEST_REJECTED, GatewayError
from gateway.exchange import Exchange
from gateway.validation.waf.detect import Found
from gateway.validation.waf.reporter import WafReporter, shown


@dataclass(frozen=True, slots=True)
class WafRules:
    """What a route screens: which rules block and which are told of, in which parts, but for which fields."""

    route: str
    blocks: frozenset[str]
    logs: frozenset[str]
    parts: tuple[str, ...]
    #: (part, field); header names in lower case, places in a body as JSON pointers or names of forms' fields
    excepted: frozenset[tuple[str, str]]
    #: bytes
    max_body: int


class Judge:
    """The verdicts of one route."""

    __slots__ = ("_blocked", "_logged", "_pointers", "_rules")

    def __init__(self, rules: WafRules) -> None:
        self._rules = rules
        self._blocked = WafReporter(rules.route, "was refused")
        self._logged = WafReporter(rules.route, "would have been refused")
        places = (field for part, field in rules.excepted if part == "body" and field.startswith("/"))
        self._pointers = tuple(tuple(place.split("/")) for place in sorted(places))

    def __call__(self, exchange: Exchange, part: str, field: str, found: tuple[Found, ...]) -> None:
        """Tell of what was found; raises GatewayError where a rule that blocks found it."""
        if self._is_excepted(part, field):
            return
        rules = self._rules
        for rule, name in found:
            if rule in rules.blocks:
                self._blocked.tell(exchange.request_id, name, part, field)
                raise _rejected(part, field)
        for rule, name in found:
            if rule in rules.logs:
                self._logged.tell(exchange.request_id, name, part, field)
                return

    def _is_excepted(self, part: str, field: str) -> bool:
        if (part, field.lower() if part == "headers" else field) in self._rules.excepted:
            return True
        return part == "body" and field.startswith("/") and any(is_within(place, field) for place in self._pointers)


def is_within(place: tuple[str, ...], pointer: str) -> bool:
    """Whether a pointer is at, or below, a place; * is any one step."""
    steps = pointer.split("/")
    return len(steps) >= len(place) and all(want in ("*", step) for want, step in zip(place, steps, strict=False))


def _rejected(part: str, field: str) -> GatewayError:
    """SECURITY: says where, so that an honest sender finds it; neither what nor by which rule."""
    words = f"It is in the {part}, in the field {shown(field)}." if field else f"It is in the {part}."
    error = GatewayError(REQUEST_REJECTED, words)
    error.extensions = {"part": part, "field": field[:256]}
    return error
