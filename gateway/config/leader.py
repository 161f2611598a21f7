"""One worker at a time, the one with the lease, reads the files for all.

It may be killed at any point: the next one sees that a wish is not served yet, and serves it.  What it does is
harmless when two do it, for a lease can be lost without its holder knowing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway.config import reader_process as child
from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.model import Document
from gateway.config.publish import PlanDirectory, ReloadResult, unpickled
from gateway.config.reader_process import parse_in_subprocess
from gateway.config.restart import needs_restart
from gateway.config.store import Pause, Store
from gateway.config.watch import Watcher, changed_since, digest, snapshot
from gateway.state import SharedMemory, WorkerSlot

if TYPE_CHECKING:
    from gateway.observability.audit.log import Audit

log = logging.getLogger("gateway")

Parse = Callable[[str, float, Callable[[], None]], bytes]

LEASE: Final = 1.5  # seconds until another worker leads in the place of one that is gone
LOOK_EVERY: Final = 0.5  # seconds between two looks at the files
_LOOK_AGAIN: Final = 0.01  # seconds


class LeaderLeaseHeld(Exception):
    """The lease is lost; what was done under it is dropped."""


class Leader:
    """What one worker does when it is its turn to lead."""

    def __init__(
        self,
        page: SharedMemory,
        slot: WorkerSlot,
        published: PlanDirectory,
        store: Store,
        pause: Pause | None,
        parse: Parse = parse_in_subprocess,
        audit: Audit | None = None,
    ) -> None:
        """`store` holds the plan that the master started with."""
        self._page, self._slot, self._published, self._store = page, slot, published, store
        self._pause = pause
        self._parse = parse
        self._audit = audit
        self._config = store.document.file
        self._started_with = store.document
        self._watcher: Watcher | None = None
        self._look_at = 0.0

    def lead(self) -> None:
        """One turn: serve a wish if there is one, else look at the files now and then."""
        if not self._may_lead() or not self._hold_lease():
            self._watcher = None
            return
        wanted = self._page.reload_wanted.load()
        if wanted > self._page.reload_done.load():
            self._serve(wanted)
        elif time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY
            self._watch()

    def resign(self) -> None:
        """Let another worker lead at once."""
        self._page.resign(self._page.reload_leader, os.getpid())

    def _may_lead(self) -> bool:
        """A worker that could not take the current plan leads only when there is none that did."""
        current = self._page.generation.load()
        return self._store.generation == current or not any(w.generation == current for w in self._page.workers())

    def _hold_lease(self) -> bool:
        return self._page.try_lead(self._page.reload_leader, os.getpid(), time.monotonic(), LEASE)

    def _keep_lease(self) -> None:
        if not self._hold_lease():
            raise LeaderLeaseHeld

    def _breathe(self) -> None:
        if self._pause is not None:
            self._pause()
        self._keep_lease()

    def _watch(self) -> None:
        files, patterns, known = self._watched()
        if self._watcher is None:
            self._watcher = Watcher(known)
        if self._watcher.has_changed(files, patterns):
            log.info("the configuration has changed on disk")
            self._page.reload_wanted.add(1)

    def _watched(self) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        """Files and patterns to watch, and the digest of what was read of them."""
        last = self._published.outcome()
        if last is None:
            return self._store.document.files, self._store.document.patterns, ""
        return last.files, last.patterns, last.look

    def _serve(self, wanted: int) -> None:
        """Read the files for all wishes up to `wanted`, and tell what came of it."""
        began = time.time_ns()
        files, patterns, _ = self._watched()
        before = snapshot(files, patterns)
        complaints: tuple[Diagnostic, ...] = ()
        try:
            pickled = self._parse(self._config, child.TIMEOUT, self._keep_lease)
            while self._store.is_changing:  # this worker is just following a leader before it
                time.sleep(_LOOK_AGAIN)
                self._keep_lease()
            with self._store.changing():
                document = unpickled(pickled, self._breathe)
                files, patterns = document.files, document.patterns
                self._apply(document, pickled)
        except LeaderLeaseHeld:
            return
        except ConfigError as error:
            complaints = error.complaints
            files = tuple(dict.fromkeys((*files, *error.files)))
        except Exception as error:
            log.exception("the reload failed")
            complaints = (Diagnostic(self._config, 0, 0, "", f"it could not be put to use: {error}"),)
        seen = digest(changed_since(before, began, files, patterns))
        self._watcher = Watcher(seen)
        current = self._page.generation.load()
        self._tell(ReloadResult(wanted, current, self._store.document.version, complaints, files, patterns, seen))

    def _apply(self, document: Document, pickled: bytes) -> None:
        """Compile beside what serves, publish, swap.  Raises ConfigError when the document cannot be used here."""
        store = self._store
        if complaints := needs_restart(self._started_with, document):
            raise ConfigError(complaints, document.files)
        if store.is_same(document) and store.generation == self._page.generation.load():
            log.info("plan %s serves on: the configuration says the same as before", document.version)
            return
        plan = store.compile(document, self._breathe)
        self._keep_lease()
        generation = self._published.publish(self._page, pickled)
        if generation is None:
            raise LeaderLeaseHeld
        # Before the swap, so that the old audit log tells that there is another one now.
        self._record("done", document.version, generation=generation, file=document.file)
        store.swap(plan, document, generation)
        self._slot.run_plan(generation, document.version)
        log.info("plan %s is generation %d: %d routes", document.version, generation, len(document.routes))

    def _record(self, outcome: str, version: str | None = None, **what: object) -> None:
        if self._audit is not None:
            versions = {"from": self._store.document.version, "to": version}
            self._audit.record("config.change", outcome, what={**versions, **what})

    def _tell(self, outcome: ReloadResult) -> None:
        """Write the outcome, log what is wrong, and let go whoever waits."""
        if outcome.complaints:
            self._record("refused", mistakes=[_place(each) for each in outcome.complaints])
            log.error("the configuration is refused, plan %s serves on", outcome.version)
        for complaint in outcome.complaints:
            log.error("%s", complaint)
        try:
            self._published.tell(outcome)
        finally:
            if self._page.reload_done.load() < outcome.wish:
                self._page.reload_done.store(outcome.wish)


def _place(complaint: Diagnostic) -> str:
    """SECURITY: where a mistake is and not what stands there (test_no_secret_is_told)."""
    return f"{complaint.file}:{complaint.line}: {complaint.path}"
