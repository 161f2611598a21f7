"""Kills writers of the page and of the store in mid-write, again and again, and checks after each round what must hold.

usage: kill_arena.py DIRECTORY KILLS SEED; prints its counts as JSON, ends with a traceback when something is broken.
A small process of its own, so that a fork takes little.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
import zlib
from itertools import count
from pathlib import Path

from gateway._fast.atomics import Cell, Memory
from gateway.state import MemoryStore, SharedMemory
from gateway.state.memory_store import CAPACITY_MIN

ROUND = 4  # writers that run at the same time
SLOTS = 5
STUCK = 30  # seconds after which a lock that nobody gives back counts as one


def sealed(body):
    return zlib.crc32(body).to_bytes(4, "big") + body


def is_whole(value):
    return value is None or zlib.crc32(value[4:]).to_bytes(4, "big") == value[:4]


def version_of(number):
    return f"{number % 256:02x}" * 8


class Arena:
    def __init__(self, directory, kills, seed):
        self.random = random.Random(seed)
        self.kills = kills
        self.page = SharedMemory.create({"intents": 16 * kills}, workers_max=SLOTS)
        self.memory = Memory(self.page.region("intents"))
        self.store = MemoryStore(Path(directory), capacity=CAPACITY_MIN)
        self.lost = self.store_lost = 0  # additions that their writers did not live to make

    def intents(self, number):
        """Two words of a writer's own: what it was about to add to the page's counter and to the store's."""
        return Cell(self.memory, 16 * number), Cell(self.memory, 16 * number + 8)

    def write_page(self, number):
        intent, _ = self.intents(number)
        slot = self.page.claim_slot(os.getpid())
        for turn in count():
            intent.add(1)
            slot.requests.add(1)
            slot.run_plan(turn, version_of(turn))
            slot.connections.add(1 if turn % 2 else -1)
            self.page.try_lead(self.page.sweep_leader, os.getpid(), time.monotonic(), 0.001)
            if turn % 100 == 99:
                slot.release()
                slot = self.page.claim_slot(os.getpid())

    def write_store(self, number):
        _, intent = self.intents(number)
        choose = random.Random(number)
        while True:
            intent.add(1)
            self.store.incr(b"count", 1, None)
            key = b"v%d" % choose.randrange(300)
            body = choose.randbytes(choose.choice([0, 10, 1000, 5000, 100_000]))
            self.store.set(key, sealed(body), choose.choice([None, 0.001, 0.1, 60]))
            self.store.compare_and_set(key, sealed(body), sealed(body[:10]), 60)
            self.store.delete(b"v%d" % choose.randrange(300))
            self.store.sweep(5)

    def read_store(self, number):
        _, intent = self.intents(number)
        choose = random.Random(number)
        while True:
            if not is_whole(self.store.get(b"v%d" % choose.randrange(300))):
                os._exit(3)
            for key in self.store.scan(b"v%d" % choose.randrange(30)):
                if not is_whole(self.store.get(key)):
                    os._exit(3)
            self.store.incr(b"count", 0, None)
            self.store.incr(b"seen", 1, 0.001)
            intent.add(0)

    def start(self, number):
        child = os.fork()
        if not child:
            signal.alarm(STUCK)  # outlives no broken arena
            try:
                (self.write_page, self.write_store, self.write_store, self.read_store)[number % ROUND](number)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(4)
        return child

    def run(self):
        for first in range(0, self.kills, ROUND):
            signal.alarm(STUCK)
            numbers = range(first, min(first + ROUND, self.kills))
            children = [self.start(number) for number in numbers]
            if self.random.random() < 0.7:  # else they are killed while they begin
                self.wait_for_work(numbers)
            self.random.shuffle(children)
            for child in children:
                end = time.perf_counter() + self.random.random() * 0.002
                while time.perf_counter() < end:
                    self.check_workers()
                os.kill(child, signal.SIGKILL)
            for child in children:
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
                if self.random.random() < 0.5:  # else the slot of the dead must be found out
                    self.page.free_slot(child)
            self.check_page(first + ROUND)
            self.check_store(first + ROUND, thorough=first % (25 * ROUND) == 0)
        signal.alarm(0)

    def wait_for_work(self, numbers):
        waiting = [self.intents(number)[number % ROUND != 0] for number in numbers if number % ROUND != 3]
        while not all(cell.load() for cell in waiting):
            os.sched_yield()

    def check_workers(self):
        for worker in self.page.workers():
            assert worker.version == worker.version[:2] * 8, worker
            assert worker.requests >= 0, worker
            assert worker.connections in (-1, 0, 1), worker

    def check_page(self, done):
        meant = sum(self.intents(number)[0].load() for number in range(0, done, ROUND))
        self.lost = meant - self.page.requests_total()
        assert 0 <= self.lost <= done // ROUND, f"{self.lost} additions lost by {done // ROUND} killed writers"
        assert self.page.workers() == []
        slot = self.page.claim_slot(os.getpid())
        assert [worker.requests for worker in self.page.workers()] == [0]
        slot.release()
        later = time.monotonic() + 1
        assert self.page.try_lead(self.page.sweep_leader, os.getpid(), later, 0.001)
        self.page.resign(self.page.sweep_leader, os.getpid())

    def check_store(self, done, *, thorough):
        meant = sum(self.intents(number)[1].load() for number in range(done) if number % ROUND in (1, 2))
        self.store_lost = meant - int(self.store.get(b"count") or 0)
        assert 0 <= self.store_lost <= done // 2, f"{self.store_lost} additions lost by {done // 2} killed writers"
        self.store.set(b"alive", b"%d" % done, 60)  # the lock is free
        assert self.store.get(b"alive") == b"%d" % done
        if thorough:
            assert all(is_whole(self.store.get(key)) for key in self.store.scan(b"v"))
            env = self.store._opened()._env
            with env.begin() as txn:
                entries, ends = (dict(txn.cursor(env.open_db(name, txn=txn))) for name in (b"entries", b"ends"))
            assert {raw[:8] + key for key, raw in entries.items() if raw[:8] != bytes(8)} == set(ends)


if __name__ == "__main__":
    arena = Arena(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    arena.run()
    print(json.dumps({"kills": arena.kills, "lost": arena.lost, "store_lost": arena.store_lost}))
