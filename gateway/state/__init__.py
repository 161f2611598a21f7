"""What the processes of one gateway share: the page, a key-value store, a private directory."""

from gateway.state.memory_store import MemoryStore
from gateway.state.runtime_dir import RuntimeDir
from gateway.state.shared_memory import Page, PageError
from gateway.state.store import (
    Store,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from gateway.state.worker_slots import Slot, Worker, WorkerState

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
