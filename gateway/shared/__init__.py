"""What the processes of one gateway share: the page, a key-value store, a private directory."""

from gateway.shared.memory import MemoryStore
from gateway.shared.page import Page, PageError
from gateway.shared.runtime import RuntimeDir
from gateway.shared.slot import Slot, Worker, WorkerState
from gateway.shared.store import Store, StoreError, StoreFullError, StoreUnavailableError

__all__ = [
    "MemoryStore",
    "Page",
    "PageError",
    "RuntimeDir",
    "Slot",
    "Store",
    "StoreError",
    "StoreFullError",
    "StoreUnavailableError",
    "Worker",
    "WorkerState",
]
