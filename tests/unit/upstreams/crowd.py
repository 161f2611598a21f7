"""An upstream that takes so much at once and no more, on a virtual clock, with the gateway's queue before it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from gateway.upstream.resilience.adaptive_limit import ADMIT, QUEUE, AdaptiveLimit, WaitQueue, verdict


class Crowd:
    """`capacity` requests are worked on at once, each for a time that `service(dice)` draws; others wait in order.

    Seconds. answered: (end, waited in our queue, time at the upstream); refused: (start, time until the refusal).
    """

    def __init__(self, capacity: int, service: Callable[[random.Random], float], seed: int = 1) -> None:
        self.capacity = capacity
        self.service = service
        self.dice = random.Random(seed)
        self.now = 0.0
        self.inflight = self.busy = self.most_inflight = 0
        self.backlog: deque[list[float]] = deque()
        self.answered: list[tuple[float, float, float]] = []
        self.refused: list[tuple[float, float]] = []
        self._events: list = []
        self._number = count()

    def run(self, rate: float, until: float, limit: AdaptiveLimit | int, queue: int = 100) -> Crowd:
        """Requests come at random, `rate` a second, until then."""
        self.line: WaitQueue[list[float]] = WaitQueue(queue)
        self.limiter = limit if isinstance(limit, AdaptiveLimit) else None
        self.limit = limit.limit if isinstance(limit, AdaptiveLimit) else limit
        self.rate = rate
        self._at(self.now + self.dice.expovariate(rate), self._come)
        while self._events and self._events[0][0] <= until:
            self.now, _, act, what = heappop(self._events)
            act(*what)
        self._events = [event for event in self._events if event[2] == self._end]
        return self

    @property
    def ms(self) -> int:
        return int(self.now * 1000)

    def _at(self, time: float, act: Callable[..., None], *what: object) -> None:
        heappush(self._events, (time, next(self._number), act, what))

    def _come(self) -> None:
        self._at(self.now + self.dice.expovariate(self.rate), self._come)
        request = [self.now]
        answer = verdict(self.inflight, self.limit, len(self.line), self.line.size)
        if answer == ADMIT:
            self._send(request)
        elif answer == QUEUE:
            gone = self.line.join(request, self.ms)
            if gone is not None:
                self._refuse(gone)
            if len(self.line) == 1:
                self._tick()
        else:
            self._refuse(request)

    def _tick(self) -> None:
        for gone in self.line.expired(self.ms):
            self._refuse(gone)
        due = self.line.due(self.ms)
        if due is not None:
            self._at(max(self.now + 0.001, due / 1000), self._tick)

    def _refuse(self, request: list[float]) -> None:
        self.refused.append((request[0], self.now - request[0]))

    def _send(self, request: list[float]) -> None:
        self.inflight += 1
        self.most_inflight = max(self.most_inflight, self.inflight)
        request += [self.now, self.inflight]
        self.backlog.append(request)
        self._work()

    def _work(self) -> None:
        while self.backlog and self.busy < self.capacity:
            self.busy += 1
            self._at(self.now + self.service(self.dice), self._end, self.backlog.popleft())

    def _end(self, request: list[float]) -> None:
        self.busy -= 1
        self.inflight -= 1
        came, sent, inflight = request
        self.answered.append((self.now, sent - came, self.now - sent))
        if self.limiter is not None:
            self.limit = self.limiter.on_sample(self.now - sent, int(inflight), self.ms)
        self._work()
        while self.inflight < self.limit and (waiting := self.line.next(self.ms)) is not None:
            self._send(waiting)


def percentile(values: list[float], share: float) -> float:
    """The value that the share of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
