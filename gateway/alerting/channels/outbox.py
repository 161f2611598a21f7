"""Notes on their way: tried again until they arrive, in bounded queues, one for each receiver.

A receiver that is down, slow or refusing holds up nobody else; the notes of one alert arrive in their order.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import gevent
from gevent.event import Event

from gateway.alerting.channels.sending import DeliveryError, send
from gateway.alerting.notification import Notification
from gateway.alerting.options import Channel

log = logging.getLogger("gateway")

#: notes that wait for one receiver
ROOM: Final = 256
#: seconds: the first pause is up to this, the longest up to that
PAUSE: Final = 1.0
PAUSE_MAX: Final = 60.0
#: seconds that one try may take in all
WITHIN: Final = 30.0
#: receivers that may be tried at once
LANES: Final = 64


@dataclass(slots=True)
class Delivery:
    """One note; `due` is on the monotonic clock."""

    note: Notification
    due: float
    tries: int = 0
    is_again: bool = False


class DeliveryQueue:
    """What waits for one receiver, and the greenlet that sends it while there is anything."""

    def __init__(self, outbox: Outbox, channel: Channel) -> None:
        self._outbox = outbox
        self._channel = channel
        self._waiting: list[Delivery] = []
        self._came = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unsent(self) -> list[tuple[str, Notification]]:
        """The notes that have not arrived, in their order, each behind the kind of the channel."""
        return [(self._channel.kind, each.note) for each in self._waiting]

    def put(self, note: Notification) -> None:
        """Take one more; what it makes superfluous goes."""
        self._make_room(note)
        self._add(Delivery(note, self._outbox.clock()))

    def again(self, note: Notification) -> None:
        """The same once more: brings up to date what waits of it, and never takes the room of another."""
        old = [each for each in self._waiting if (each.note.key, each.note.tier) == (note.key, note.tier)]
        old = [each for each in old if each.note.state != "resolved"]
        for each in old:
            each.note = note
        if not old and len(self._waiting) < ROOM // 2:
            self._add(Delivery(note, self._outbox.clock(), is_again=True))

    def _add(self, one: Delivery) -> None:
        self._waiting.append(one)
        self._came.set()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Stop trying."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _make_room(self, note: Notification) -> None:
        """The same message again replaces the older; of a full queue the oldest of the alert goes, else of all."""
        for each in self._waiting:
            old = each.note
            if (old.key, old.state, old.tier) == (note.key, note.state, note.tier):
                self._waiting.remove(each)
                return
        if len(self._waiting) >= ROOM:
            of_same = next((each for each in self._waiting if each.note.key == note.key), self._waiting[0])
            self._waiting.remove(of_same)
            self._outbox.count(self._channel, "dropped")
            log.error("alert %s: no room for more notes to %s, one is lost", of_same.note.key, self._channel.label)

    def _run(self) -> None:
        while self._waiting:
            one = self._next()
            pause = one.due - self._outbox.clock()
            if pause > 0:
                self._came.clear()
                self._came.wait(pause)
            else:
                self._try(one)
        self._greenlet = None

    def _next(self) -> Delivery:
        """What is due first; a note waits for those of the same alert that came before it."""
        firsts: dict[str, Delivery] = {}
        for each in self._waiting:
            firsts.setdefault(each.note.key, each)
        return min(firsts.values(), key=lambda each: each.due)

    def _try(self, one: Delivery) -> None:
        note, label = one.note, self._channel.label
        try:
            # NOTE: a library's own timeouts are for each read, and a receiver that drips is never late for one.
            with gevent.Timeout(WITHIN, DeliveryError("it takes too long")):
                said = self._outbox.send(self._channel, note)
        except DeliveryError as unsent:
            self._later(one, str(unsent))
        except Exception as error:  # a library's own trouble must not end the lane
            log.exception("alert %s: telling %s failed", note.key, label)
            self._later(one, type(error).__name__)
        else:
            if one in self._waiting:
                self._waiting.remove(one)
            self._outbox.count(self._channel, "sent")
            self._outbox.on_sent()
            level = logging.DEBUG if one.is_again else logging.INFO
            log.log(level, "alert %s is %s: tier %d was told by %s, %s", note.key, note.state, note.tier, label, said)

    def _later(self, one: Delivery, why: str) -> None:
        one.tries += 1
        longest = min(PAUSE_MAX, PAUSE * 2 ** min(one.tries - 1, 10))
        # at least half of it: many alerts at once must not come back at once, and none at the same instant
        one.due = self._outbox.clock() + longest * random.uniform(0.5, 1.0)
        self._outbox.count(self._channel, "failed")
        if one.tries == 1 or not one.tries % 10:
            words = "alert %s: %s could not be told (try %d): %s; it is tried again"
            log.warning(words, one.note.key, self._channel.label, one.tries, why)


class Outbox:
    """All lanes. `clock` is monotonic, seconds."""

    def __init__(
        self, send: Callable[[Channel, Notification], str] = send, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.send = send
        self.clock = clock
        #: called when a note has arrived, for who remembers which have not
        self.on_sent: Callable[[], None] = lambda: None
        self.counts: dict[tuple[str, str], int] = {}
        self._lanes: dict[Channel, DeliveryQueue] = {}

    def put(self, channel: Channel, note: Notification) -> None:
        """Have a note sent."""
        self._lane(channel).put(note)

    def again(self, channel: Channel, note: Notification) -> None:
        """Have one sent that the receiver knows; left out while much else waits for it."""
        self._lane(channel).again(note)

    def _lane(self, channel: Channel) -> DeliveryQueue:
        lane = self._lanes.get(channel)
        if lane is None:
            self._tidy()
            lane = self._lanes[channel] = DeliveryQueue(self, channel)
        return lane

    def count(self, channel: Channel, outcome: str) -> None:
        """One more note was sent, failed or was dropped."""
        key = channel.kind, outcome
        self.counts[key] = self.counts.get(key, 0) + 1

    @property
    def unsent(self) -> list[tuple[str, Notification]]:
        """The notes that have not arrived, each behind the kind of its channel, of which a tier has one."""
        return [each for lane in self._lanes.values() for each in lane.unsent]

    @property
    def waiting(self) -> int:
        """Notes that have not arrived."""
        return sum(map(len, self._lanes.values()))

    def close(self, patience: float) -> None:
        """Give what is on its way a moment, then stop."""
        until = self.clock() + patience
        while self.waiting and self.clock() < until:
            gevent.sleep(0.01)
        for lane in self._lanes.values():
            lane.close()
        if self.waiting:
            log.error("%d notes of alerts were not delivered when the observer ended", self.waiting)

    def _tidy(self) -> None:
        """Lanes of receivers that no configuration names any more go once they are empty."""
        if len(self._lanes) >= LANES:
            for channel in [channel for channel, lane in self._lanes.items() if not len(lane)]:
                del self._lanes[channel]
