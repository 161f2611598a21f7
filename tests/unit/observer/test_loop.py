"""The observer's turns: what fails, what is late, what follows the configuration, and whose socket it is."""

import logging
import os
import time
import types
from itertools import pairwise

import gevent
import pytest

from gateway.config import reload
from gateway.config.document import loads
from gateway.observability.collector import loop as loop_module
from gateway.observability.collector.component import CollectorContext
from gateway.observability.collector.config_watcher import ConfigWatcher
from gateway.observability.collector.history import History
from gateway.observability.collector.http import SOCKET, PeerCheck, make_app
from gateway.observability.collector.loop import Loop
from gateway.observability.metrics.self_metrics import SelfMetrics
from gateway.observability.metrics.worker_stats import REGION, VitalsRegion
from gateway.state import SharedMemory
from tests.support.greenlets import until
from tests.unit.observer.made import figures, route

CONFIG = "version: 1\nroutes: [{name: NAME, match: {path: /}, respond: {status: 200}}]\n"


class Part:
    """Keeps what it was told; fails when it is asked to."""

    def __init__(self):
        self.ticks, self.documents, self.closed, self.fails = [], [], False, False

    def configure(self, document):
        self.documents.append(document)

    def tick(self, now, shown):
        if self.fails:
            raise ValueError("out of order")
        self.ticks.append(now)

    def resources(self):
        return {}

    def metrics(self):
        return ()

    def close(self):
        self.closed = True


@pytest.fixture
def page():
    made = SharedMemory.create({REGION: VitalsRegion.size(4)}, workers_max=4)
    yield made
    os.close(made.fd)


@pytest.fixture
def made(page, tmp_path):
    document = loads(CONFIG.replace("NAME", "one"))
    generation = reload.publish_first(document, page, tmp_path)
    looks = types.SimpleNamespace(configure=lambda document: None)
    world = CollectorContext(page, tmp_path, looks, History(), SelfMetrics(page, tmp_path))
    parts = [Part(), Part()]
    counts = iter(range(1_000_000))
    door = PeerCheck(tmp_path, make_app(parts))
    loop = Loop(
        world,
        parts,
        ConfigWatcher(page, tmp_path, document, generation),
        lambda: figures({"a": route(next(counts))}),
        door,
    )
    yield types.SimpleNamespace(loop=loop, parts=parts, world=world, door=door, folder=tmp_path, page=page)
    door.close()


def ticks(made):
    return [len(part.ticks) for part in made.parts]


def run(made, condition, has_master=lambda: True):
    """The loop in a greenlet, until a condition holds; then to its end."""
    running = gevent.spawn(made.loop.run, has_master)
    until(condition)
    made.loop.end()
    running.join(5)
    assert running.ready()


def test_one_turn_a_second_and_an_end(made):
    run(made, lambda: ticks(made)[0] >= 4)
    first, *_, fourth = made.parts[0].ticks[:4]
    assert 3 * 0.5 < fourth - first < 3 * 1.9, "either may be late"
    assert all(part.closed for part in made.parts)
    assert not (made.folder / SOCKET).exists()


def test_what_is_late_is_left_out(made, monkeypatch):
    monkeypatch.setattr(loop_module, "EVERY", 0.1)
    began = []

    def slow_once(now, shown):
        began.append(time.monotonic())
        gevent.sleep(0.45 if len(began) == 1 else 0.0)

    made.parts[0].tick = slow_once
    run(made, lambda: len(began) >= 5)
    gaps = [later - earlier for earlier, later in pairwise(began)]
    assert gaps[0] > 0.45
    assert sum(gaps[1:4]) > 0.15, "no turns are made up for"


def test_it_ends_with_its_master(made):
    has_master = iter([True, False])
    running = gevent.spawn(made.loop.run, lambda: next(has_master))
    running.join(5)
    assert running.ready()
    assert ticks(made) == [1, 1]


def test_a_part_that_fails_is_told_of_and_the_others_go_on(made, caplog):
    made.door.take()
    made.parts[0].fails = True
    for second in range(5):
        made.loop.turn(1000.0 + second)
    assert ticks(made) == [0, 5]
    assert caplog.text.count("a part of the observer failed: Part") == 1


def test_the_history_and_the_vitals_come_before_the_parts(made):
    made.door.take()
    seen = []
    made.parts[0].tick = lambda now, shown: seen.append((made.world.history.now, made.world.own.figures.config_age))
    made.loop._configure()
    made.loop.turn(2_000_000_000.0)
    assert seen[0][0] == 2_000_000_000.0
    assert seen[0][1] > 0


def test_another_configuration_is_taken_and_a_refused_one_told(made, caplog):
    made.door.take()
    made.loop._configure()
    reload.publish_first(loads(CONFIG.replace("NAME", "two")), made.page, made.folder)
    made.loop.turn(1000.0)
    assert [document.routes[0].name for document in made.parts[1].documents] == ["one", "two"]
    made.page.generation.add(1)
    (made.folder / f"plan-{made.page.generation.load()}.pickle").write_bytes(b"torn")
    with caplog.at_level(logging.ERROR):
        made.loop.turn(1001.0)
        made.loop.turn(1002.0)
    assert caplog.text.count("goes on without taking configuration") == 1
    assert ticks(made) == [3, 3]


def test_of_two_the_newer_one_observes_and_the_older_takes_over(made):
    made.door.take()
    newer = PeerCheck(made.folder, make_app([]))
    newer.take()
    made.loop.turn(1000.0)
    assert ticks(made) == [0, 0]
    newer.close()
    made.loop.turn(1001.0)
    assert ticks(made) == [1, 1]


def test_a_socket_that_the_dead_left_is_taken(made):
    other = PeerCheck(made.folder, make_app([]))
    other.take()
    other.close_server()  # as if killed: the name stays
    assert (made.folder / SOCKET).exists()
    assert made.door.is_mine()
    assert (made.folder / SOCKET).stat().st_mode & 0o777 == 0o600
