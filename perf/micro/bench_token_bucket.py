"""Token buckets: what a limit costs a request, by whether its key is known, new, refused or without room."""

import mmap
from functools import partial
from itertools import count

from gateway._fast.atomics import Memory
from gateway._fast.token_bucket import Buckets
from perf.micro.run import Bench

LOOPS = 200_000
AT = 1_000_000_000
HOUR = 3_600_000_000_000


def table(capacity: int) -> Buckets:
    """Empty buckets; the memory is an anonymous map, as cheap or dear as the real page."""
    memory = mmap.mmap(-1, Buckets.bytes_for(capacity))
    return Buckets(Memory(memory), 0, len(memory))


def benches() -> list[Bench]:
    """What is run."""
    known, churned, busy, full = table(65_536), table(65_536), table(1_048_576), table(32)
    for key in range(1, 33):
        full.take(key, HOUR, HOUR, 1, AT)
    known.take(2, HOUR, HOUR, 1, AT)
    new, again = count(1), count(1)

    def churn() -> None:
        """One more of endlessly many keys, whose debts are short."""
        key = next(new)
        churned.take(key, 50, 100, 1, AT + key)

    def million() -> None:
        """One of a million keys, each known after the first round."""
        busy.take(next(again) * 7919 % 1_000_000 + 1, 1, HOUR, 1, AT)

    return [
        ("take, a known key", partial(known.take, 1, 1, HOUR, 1, AT), LOOPS),
        ("take, refused", partial(known.take, 2, HOUR, HOUR, 1, AT), LOOPS),
        ("give", partial(known.give, 1, 1, 1, AT), LOOPS),
        ("left", partial(known.left, 1, 1, HOUR, AT), LOOPS),
        ("take, always a new key", churn, LOOPS),
        ("take, one of 1,000,000 keys", million, LOOPS),
        ("take, no room in the block", partial(full.take, 99, 1, HOUR, 1, AT), LOOPS),
        ("left, an unknown key", partial(known.left, 3, 1, HOUR, AT), LOOPS),
        ("top 10 of 65,536", partial(churned.top, 10, AT), 100),
    ]
