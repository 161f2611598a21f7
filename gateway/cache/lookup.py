"""Decision about a request and what is stored for it (RFC 9111 section 4)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gateway.cache.request_directives import RequestDirectives
from gateway.cache.stored_response import StoredResponse, current_age


class Action(Enum):
    """What to do."""

    #: send what is stored
    FRESH = "fresh"
    #: send it, and fetch it again beside that
    REFRESH = "refresh"
    #: send it: the client takes it as it is
    STALE = "stale"
    #: ask the upstream whether it still holds
    VALIDATE = "validate"
    #: nothing is stored
    MISS = "miss"
    #: the client does not want the upstream to be asked: 504
    TIMEOUT = "timeout"


class Decision(NamedTuple):
    """`age` is whole seconds, `left` the seconds for which it stays fresh, negative once it is stale."""

    use: Action
    age: int = 0
    left: float = 0.0
    #: whether what is stored may be sent when the upstream fails
    on_error: bool = False


def verdict(asked: RequestDirectives, stored: StoredResponse | None, now: float) -> Decision:
    """What to do with `asked`, given what is selected for it."""
    control = asked.control
    if stored is None:
        return Decision(Action.TIMEOUT if control.only_if_cached else Action.MISS)
    age = current_age(stored, now)
    left = stored.lifetime - age
    use, on_error = _use(asked, stored, age, left)
    if use is Action.VALIDATE and control.only_if_cached:
        use = Action.TIMEOUT
    return Decision(use, int(age), left, on_error)


def _use(asked: RequestDirectives, stored: StoredResponse, age: float, left: float) -> tuple[Action, bool]:
    control = asked.control
    if control.no_cache or stored.no_cache:
        return Action.VALIDATE, False
    on_error = left > 0.0 or -left < _limit_on_error(asked, stored)
    is_too_old = control.max_age is not None and age > control.max_age
    if is_too_old or (control.min_fresh is not None and left < control.min_fresh):
        return Action.VALIDATE, on_error
    if left > 0.0:
        return Action.FRESH, on_error
    return _stale(asked, stored, -left), on_error


def _stale(asked: RequestDirectives, stored: StoredResponse, beyond: float) -> Action:
    """What to do `beyond` seconds after the lifetime; a max-age alone takes nothing stale (section 5.2.1.1)."""
    control = asked.control
    if control.max_age is not None and control.max_stale is None:
        return Action.VALIDATE
    if beyond < stored.stale_while_revalidate:
        return Action.REFRESH
    if control.max_stale is not None and beyond <= control.max_stale and not stored.is_strict:
        return Action.STALE
    return Action.VALIDATE


def _limit_on_error(asked: RequestDirectives, stored: StoredResponse) -> float:
    """Seconds past the lifetime; the client's own word counts where the origin does not forbid it (RFC 5861)."""
    wanted = asked.control.stale_if_error
    if wanted is None:
        return stored.stale_if_error
    return min(wanted, stored.stale_if_error) if stored.is_strict else wanted
