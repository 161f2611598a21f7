"""Limits of code that answers in a worker: how many calls at once, how long, and that its faults stay inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

import gevent

from gateway.errors import FUNCTION_BUSY, FUNCTION_FAILED, FUNCTION_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Response

log = logging.getLogger("gateway")


class CallLimits:
    """`most` calls at a time in each worker, each at most `timeout` seconds long until it answers."""

    __slots__ = ("_at_work", "most", "name", "timeout")

    def __init__(self, name: str, timeout: float, most: int) -> None:
        """`name` is what the log calls it."""
        self.name = name
        self.timeout = timeout
        self.most = most
        self._at_work = 0

    def call(self, exchange: Exchange, action: Callable[[], Response]) -> Response:
        """What `action` gives. Raises GatewayError: busy, too late, failed; and what `action` raises of that kind.

        An answer that streams is at work until its body is closed.
        NOTE: what computes without waiting for anything cannot be interrupted, and nothing else is served meanwhile.
        """
        if self._at_work >= self.most:
            words = f"The function does {self.most} requests at a time."
            raise GatewayError(FUNCTION_BUSY, words, headers=(("Retry-After", "1"),))
        self._at_work += 1
        response: Response | None = None
        late = gevent.Timeout(max(min(self.timeout, exchange.deadline - monotonic()), 0.001))
        late.start()
        try:
            response = action()
        except gevent.Timeout as error:
            if error is not late:
                raise self.failed(exchange.request_id, error) from error
            raise GatewayError(FUNCTION_TIMEOUT, "The function did not end in time.") from None
        except GatewayError:
            raise
        except (Exception, SystemExit) as error:
            raise self.failed(exchange.request_id, error) from error
        finally:
            late.close()
            if response is None or isinstance(response.body, bytes):
                self.leave()
        if not isinstance(response.body, bytes):
            response.body = GuardedBody(response.body, self, exchange.request_id)
        return response

    def leave(self) -> None:
        """A call is over."""
        self._at_work -= 1

    def failed(self, request_id: str, error: BaseException) -> GatewayError:
        """The error that is told for one of the code's own, which is logged."""
        log.error("%s failed in request %s", self.name, request_id, exc_info=error)
        return GatewayError(FUNCTION_FAILED, "The failure is in the gateway's log under this request id.")


class GuardedBody(Iterator[bytes]):
    """A body that the code goes on making: its faults stay inside, and its call is over when it is closed."""

    __slots__ = ("_body", "_bounds", "_is_over", "_next", "_request_id")

    def __init__(self, body: Iterable[bytes], bounds: CallLimits, request_id: str) -> None:
        self._body = body
        self._next = iter(body).__next__
        self._bounds = bounds
        self._request_id = request_id
        self._is_over = False

    def __next__(self) -> bytes:
        try:
            return self._next()
        except (StopIteration, GatewayError):
            raise
        except (Exception, SystemExit, gevent.Timeout) as error:
            raise self._bounds.failed(self._request_id, error) from error

    def close(self) -> None:
        """Close the body. Safe to call twice."""
        if not self._is_over:
            self._is_over = True
            try:
                close = getattr(self._body, "close", None)
                if close is not None:
                    close()
            finally:
                self._bounds.leave()
