"""The interface between the admin API and `auth`, and the reading of what clients of the API send."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

import falcon

from gateway.config.units import parse_duration
from gateway.errors import BAD_CHANGE, STORE_UNAVAILABLE, GatewayError
from gateway.state.store import TTL_MAX, Store, StoreError, StoreFullError

if TYPE_CHECKING:
    from gateway.auth.api_key.stored_keys import StoredKeys

log = logging.getLogger("gateway")

LARGEST: Final = 16 << 10  # bytes of JSON
TEXT_MAX: Final = 255


class RevocationAdmin(Protocol):
    """The part of gateway/auth/revocation_list.py that people use."""

    def revoke(
        self, *, provider: str, jti: str | None = None, sub: str | None = None, before: float | None = None, ttl: float
    ) -> None:
        """Refuse what fits, for `ttl` seconds."""

    def entries(self) -> Iterable[Any]:
        """What is refused."""

    def withdraw(self, entry_id: str) -> bool:
        """Take one back; whether it was there."""


class Identity(Protocol):
    """What one worker knows of callers (gateway/auth/runtime.py)."""

    @property
    def store(self) -> Store:
        """Where it is kept."""

    @property
    def stored_keys(self) -> StoredKeys:
        """The API keys in the store."""

    @property
    def revoked(self) -> RevocationAdmin:
        """What is refused before its time."""

    @property
    def clock(self) -> Callable[[], float]:
        """Unix time."""


@contextmanager
def store_trouble() -> Iterator[None]:
    """What the store cannot do now is a 503 of its own kind."""
    try:
        yield
    except StoreFullError as error:
        raise GatewayError(STORE_UNAVAILABLE, f"There is no room: {error}.", cause=error) from None
    except StoreError as error:
        log.error("the admin API: the store failed: %s", error)
        raise GatewayError(STORE_UNAVAILABLE, "The store cannot be reached now.", cause=error) from None


def read_object(req: falcon.Request, members: frozenset[str], example: str) -> dict[str, Any]:
    """The JSON object of a request, of these members only. Raises GatewayError BAD_CHANGE."""
    body = req.bounded_stream.read(LARGEST + 1)
    try:
        found = json.loads(body, parse_constant=_no_number) if len(body) <= LARGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise GatewayError(BAD_CHANGE, f"Send JSON like {example}.")
    unknown = next((name for name in found if name not in members), None)
    if unknown is not None:
        raise GatewayError(BAD_CHANGE, f"There is no member {unknown[:40]!r}; send JSON like {example}.")
    return found


def _no_number(name: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise ValueError(name)


def text(found: dict[str, Any], name: str) -> str | None:
    """A member that is a short text; None when it is not there. Raises GatewayError BAD_CHANGE."""
    value = found.get(name)
    if value is not None and not is_text(value):
        raise GatewayError(BAD_CHANGE, f"`{name}` is a text of 1 to {TEXT_MAX} printable characters.")
    return value


def is_text(value: object) -> bool:
    """Whether a value is a text that may be kept and logged."""
    return isinstance(value, str) and 0 < len(value) <= TEXT_MAX and value.isprintable()


def seconds(found: dict[str, Any], name: str) -> float | None:
    """A member that is a duration as in the configuration; None when it is not there. Raises GatewayError."""
    value = found.get(name)
    if value is None:
        return None
    try:
        duration = parse_duration(value) if isinstance(value, str) else 0.0
    except ValueError:
        duration = 0.0
    if not 0 < duration <= TTL_MAX:
        raise GatewayError(BAD_CHANGE, f'`{name}` is a duration such as "1h" or "90d", at most {TTL_MAX / 86400:.0f}d.')
    return duration


def stamp(when: float | None) -> str | None:
    """A Unix time as people read it."""
    return None if when is None else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def answer(resp: falcon.Response, body: Any, status: int = 200) -> None:
    """JSON."""
    resp.status = status
    resp.content_type = falcon.MEDIA_JSON
    resp.data = json.dumps(body, ensure_ascii=False).encode()
