"""A worker as far as reloading goes, patched by gevent like the real one.

    python -m gevent.monkey reload_worker.py PAGE_FD FOLDER FIRST

FIRST is the pickled document that the master started with.  Once it has booted it prints "ready", and then for each
line of input the routes it serves and how many milliseconds of work at most held its hub since the last line.
"""

import logging
import os
import pickle
import sys
import time
from functools import partial
from pathlib import Path

import gevent
from gevent.fileobject import FileObject

from gateway.config.compile import compile
from gateway.config.reload import Reloader
from gateway.config.resources import RuntimeResources
from gateway.config.store import Store
from gateway.state import SharedMemory, WorkerState
from gateway.upstream.pool.registry import Pools

late = 0.0


def turn() -> None:
    global late
    last = time.process_time()  # not the clock: others use this machine too
    while True:
        gevent.sleep(0.001)
        now = time.process_time()
        late = max(late, now - last)
        last = now


def main(fd: str, folder: str, first: str) -> None:
    global late
    logging.basicConfig(level=logging.INFO, format=f"{os.getpid()} %(message)s")
    page = SharedMemory.attach(int(fd))
    slot = page.claim_slot(os.getpid())
    store = Store(partial(compile, resources=RuntimeResources(Pools())))
    store.adopt(pickle.loads(Path(first).read_bytes()), 1)
    reloader = Reloader(page, slot, Path(folder), store, lambda: gevent.sleep(0))
    reloader.boot()
    slot.state.store(WorkerState.SERVING)
    for loop in (reloader.follow_forever, reloader.lead_forever, turn):
        gevent.spawn(loop)
    print("ready", flush=True)
    for _ in FileObject(0, "r"):
        routes = sorted(route.name for route in store.current.routes)
        print(*routes, f"{late * 1000:.0f}", flush=True)
        late = 0.0


main(*sys.argv[1:])
