"""What holds for code that answers in a worker: how many at once, how long, and that its faults stay inside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import gevent

from gateway.errors import FUNCTION_BUSY, FUNCTION_FAILED, FUNCTION_TIMEOUT, GatewayError
from gateway.exchange import Exchange

log = logging.getLogger("gateway")

T = TypeVar("T")


class Bounds:
    """`most` calls at a time in each worker, each at most `timeout` seconds long."""

    __slots__ = ("_at_work", "most", "name", "timeout")

    def __init__(self, name: str, timeout: float, most: int) -> None:
        """`name` is what the log calls it."""
        self.name = name
        self.timeout = timeout
        self.most = most
        self._at_work = 0

    def call(self, exchange: Exchange, action: Callable[[], T]) -> T:
        """What `action` gives. Raises GatewayError: busy, too late, failed; and what `action` raises of that kind.

        NOTE: what computes without waiting for anything cannot be interrupted, and nothing else is served meanwhile.
        """
        if self._at_work >= self.most:
            words = f"The function does {self.most} requests at a time."
            raise GatewayError(FUNCTION_BUSY, words, headers=(("Retry-After", "1"),))
        self._at_work += 1
        late = gevent.Timeout(max(min(self.timeout, exchange.deadline - monotonic()), 0.001))
        late.start()
        try:
            return action()
        except gevent.Timeout as error:
            if error is not late:
                raise self._failed(exchange, error) from error
            raise GatewayError(FUNCTION_TIMEOUT, "The function did not end in time.") from None
        except GatewayError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(exchange, error) from error
        finally:
            late.close()
            self._at_work -= 1

    def _failed(self, exchange: Exchange, error: BaseException) -> GatewayError:
        log.error("%s failed in request %s", self.name, exchange.request_id, exc_info=error)
        return GatewayError(FUNCTION_FAILED, "The failure is in the gateway's log under this request id.")
