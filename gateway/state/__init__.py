"""State that the processes of one gateway share: the page, a key-value store, a private directory."""

from gateway.state.memory_store import MemoryStore
from gateway.state.runtime_dir import RuntimeDir
from gateway.state.shared_memory import SharedMemory, SharedMemoryError
from gateway.state.store import Store, StoreError, StoreFullError, StoreUnavailableError
from gateway.state.worker_slots import Worker, WorkerSlot, WorkerState

__all__ = [
    "MemoryStore",
    "RuntimeDir",
    "SharedMemory",
    "SharedMemoryError",
    "Store",
    "StoreError",
    "StoreFullError",
    "StoreUnavailableError",
    "Worker",
    "WorkerSlot",
    "WorkerState",
]
