"""The buckets of all rate limits of this host: the region "limits" of the page.

One for each key of each limit, 16 bytes each (gateway._fast.token_bucket).  What they owe outlives a reload, the
death of a worker and an upgrade in place (USR2).  Their number is that of the page's first master.
"""

from __future__ import annotations

import logging
import mmap
from typing import Final

from gateway._fast.atomics import Memory
from gateway._fast.token_bucket import Buckets
from gateway.state.shared_memory import SharedMemory, SharedMemoryError

log = logging.getLogger("gateway")

REGION: Final = "limits"
CAPACITY: Final = 65_536  # buckets that owe something at the same time, with some room: 1 MB
CAPACITY_MAX: Final = 1 << 24  # 256 MB


def region_size(capacity: int = CAPACITY) -> int:
    """Bytes of a region for so many buckets; memory is used only for what keys were hashed to."""
    if not 0 < capacity <= CAPACITY_MAX:
        raise ValueError(f"{capacity} buckets: there may be 1 to {CAPACITY_MAX}")
    return Buckets.bytes_for(capacity)


def buckets_of(page: SharedMemory, capacity: int = CAPACITY) -> Buckets:
    """The buckets of a page; before the first fork.

    A page that another version made (USR2) may have none, or others: then this master and its workers get `capacity`
    of their own, which is logged, and until the old master is gone each of the two admits what the limits say.
    """
    try:
        return _opened(page.region(REGION))
    except (SharedMemoryError, ValueError) as error:
        log.warning(
            "%s: limits begin anew, and until the old master has ended both it and this one admit what they say", error
        )
        return private(capacity)


def private(capacity: int = CAPACITY) -> Buckets:
    """Buckets for this process and those it forks, for a gateway without a page."""
    return _opened(memoryview(mmap.mmap(-1, region_size(capacity))))


def _opened(region: memoryview) -> Buckets:
    return Buckets(Memory(region), 0, len(region))
