"""Telling whoever starts an upstream that it is needed: once for all workers of a host."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

from gateway.errors import GatewayError
from gateway.exchange import Headers

log = logging.getLogger("gateway")

#: seconds for the call
PATIENCE: Final = 10.0


class HookClient(Protocol):
    """One request; see gateway.upstream.client."""

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        """(status, headers, body). Raises GatewayError."""


class ActivationHook:
    """The hook of one upstream; `is_due` says, once in a while over all workers, that it is to be called."""

    __slots__ = ("_ask", "_is_due", "_method", "_name", "_url")

    def __init__(self, name: str, method: str, url: str, ask: HookClient | None, is_due: Callable[[], bool]) -> None:
        """Without `ask`, or with an empty `url`, nobody is told."""
        self._name = name
        self._method = method
        self._url = url
        self._ask = ask
        self._is_due = is_due

    def call(self) -> None:
        """Tell; what comes of it is logged, and no request hears of it."""
        if not self._url or self._ask is None or not self._is_due():
            return
        try:
            status = self._ask.request(self._method, self._url, timeout=PATIENCE)[0]
        except GatewayError as error:
            log.warning("waking %s failed: %s", self._name, error)
            return
        if 200 <= status < 300:
            log.info("%s was woken: status %d", self._name, status)
        else:
            log.warning("waking %s failed: status %d", self._name, status)
