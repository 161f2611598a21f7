"""The observer takes the configuration that the workers run, by the number in the page."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Final

from gateway.config.model import Document
from gateway.config.publish import PlanDirectory
from gateway.state import SharedMemory

log = logging.getLogger("gateway")

TRY_AGAIN: Final = 5.0  # seconds


class ConfigWatcher:
    """The document that is published now; it was checked by who published it."""

    def __init__(self, page: SharedMemory, folder: Path, document: Document, generation: int) -> None:
        self._page = page
        self._published = PlanDirectory(folder)
        self.document = document
        self.generation = generation
        self._again_at = 0.0

    def has_changed(self) -> bool:
        """Take what is published, if it is another one; whether it was."""
        wanted = self._page.generation.load()
        if wanted == self.generation or time.monotonic() < self._again_at:
            return False
        try:
            document = self._published.plan(wanted)
        except FileNotFoundError:
            return False  # there is a newer one
        except Exception as error:
            self._again_at = time.monotonic() + TRY_AGAIN
            log.error("the observer goes on without taking configuration %d: %s", wanted, error)
            return False
        is_other = document.version != self.document.version
        self.document, self.generation = document, wanted
        return is_other
