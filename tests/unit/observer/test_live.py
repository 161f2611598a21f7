"""Those who watch: each gets every event, and who does not take them is sent away."""

from __future__ import annotations

import gevent

from gateway.control.dashboard import events as live
from gateway.control.dashboard.events import BEHIND, MOST, EventStream, event


def watch(viewers, shows, taken, pause=None):
    """A viewer that takes its events, or stops after the first until `pause` is set."""
    for each in viewers.stream(shows, lambda: b"first"):
        taken.append(each)
        if pause is not None:
            pause.wait()


def test_all_who_look_at_it_get_an_event():
    viewers, near, far = EventStream(), [], []
    greenlets = [gevent.spawn(watch, viewers, "5m", near), gevent.spawn(watch, viewers, "1h", far)]
    gevent.sleep(0)
    assert viewers.shown == {"5m", "1h"} and len(viewers) == 2
    for number in range(3):
        viewers.send("5m", b"%d" % number)
        gevent.sleep(0)
    gevent.sleep(0)
    assert near == [b"first", b"0", b"1", b"2"] and far == [b"first"]
    viewers.close()
    gevent.joinall(greenlets, timeout=5)
    assert all(each.dead for each in greenlets) and not viewers.shown


def test_who_is_too_slow_is_sent_away_and_nothing_piles_up():
    viewers, slow, quick = EventStream(), [], []
    never = gevent.event.Event()
    stuck = gevent.spawn(watch, viewers, "5m", slow, never)
    well = gevent.spawn(watch, viewers, "5m", quick)
    gevent.sleep(0)
    for number in range(BEHIND + 1):
        viewers.send("5m", b"%d" % number)
        gevent.sleep(0)
    gevent.joinall([stuck], timeout=5)
    assert stuck.dead and slow == [b"first"]
    assert viewers.dropped == 1 and len(viewers) == 1
    assert len(quick) == BEHIND + 2
    viewers.close()
    gevent.joinall([well], timeout=5)


def test_there_is_a_sign_of_life_where_nothing_comes(monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT", 0.01)
    viewers = EventStream()
    events = viewers.stream("5m", lambda: b"first")
    assert [next(events) for _ in range(3)] == [b"first", b": nothing new\n\n", b": nothing new\n\n"]
    events.close()
    assert len(viewers) == 0


def test_there_is_a_most_of_them():
    viewers = EventStream()
    streams = [viewers.stream("5m", lambda: b"") for _ in range(MOST)]
    assert not viewers.is_full
    for stream in streams:
        next(stream)
    assert viewers.is_full
    streams[0].close()
    assert not viewers.is_full
    for stream in streams[1:]:
        stream.close()


def test_an_event_is_one_line_of_data():
    assert event(b'{"a": 1}') == b'data: {"a": 1}\n\n'
