"""A worker as far as reloading goes, under gevent like the real one: reload_worker.py PAGE_FD FOLDER CONFIG.

It answers on standard input and output: for each line it prints the routes it serves, then for how many milliseconds
at most its hub was away since the last line.  Before the first one it boots and prints "ready".
"""

from gevent import monkey

monkey.patch_all()

import logging
import os
import sys
import time
from functools import partial
from pathlib import Path

import gevent
from gevent.fileobject import FileObject

from gateway.config.compile import Resources, compile
from gateway.config.model import Document
from gateway.config.reload import Reloader, first_document
from gateway.config.store import Store
from gateway.shared import Page, WorkerState
from gateway.upstreams.pools import Pools

late = 0.0


def turn() -> None:
    global late
    last = time.monotonic()
    while True:
        gevent.sleep(0.001)
        now = time.monotonic()
        late = max(late, now - last)
        last = now


def main(fd: str, folder: str, config: str) -> None:
    global late
    logging.basicConfig(level=logging.INFO, format=f"{os.getpid()} %(message)s")
    page = Page.attach(int(fd))
    slot = page.claim_slot(os.getpid())
    store = Store(partial(compile, resources=Resources(Pools())))
    store.adopt(first_document(config), 1)
    reloader = Reloader(page, slot, Path(folder), store, lambda: gevent.sleep(0))
    reloader.boot()
    slot.state.store(WorkerState.SERVING)
    for loop in (reloader.follow_forever, reloader.lead_forever, turn):
        gevent.spawn(loop)
    print("ready", flush=True)
    for _ in FileObject(0, "r"):
        routes = sorted(route.name for route in store.current.routes)
        assert isinstance(store.document, Document)
        print(*routes, f"{late * 1000:.0f}", flush=True)
        late = 0.0


main(*sys.argv[1:])
