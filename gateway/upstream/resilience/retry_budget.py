"""Budget of second tries: a share of the requests of the last ten seconds, over all workers.

Pure on sums.  Whoever asks counts the try right after a yes, without letting another greenlet run in between; then the
share is passed by the number of workers at most.
"""

from __future__ import annotations

from typing import Final

#: milliseconds over which requests and tries are summed
WINDOW: Final = 10_000
#: retries a window may have however few requests there are, so that low traffic is helped too
FLOOR: Final = 3

#: shares are whole millionths: they compare exactly
_MILLION: Final = 1_000_000


def may_retry(requests: int, retries: int, share: int) -> bool:
    """Whether one more retry fits; `requests` are first tries, this one's included.

    Not "share and floor" but the greater of both: under load the floor vanishes, and a dying upstream gets the share.
    """
    return retries < FLOOR or (retries + 1) * _MILLION <= share * requests


def may_hedge(requests: int, hedges: int, share: int) -> bool:
    """Whether one more hedge fits. There is no floor: a hedge only saves time."""
    return (hedges + 1) * _MILLION <= share * requests
