"""Identity of a process: its pid and start time in one word, so that a recycled pid is told apart."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_PID_BITS = 22  # Linux: pid_max is at most 2**22
_PID_MASK = (1 << _PID_BITS) - 1


def identity(pid: int) -> int:
    """The word that names this very process; positive, below 2**63.  Raises ProcessLookupError when there is none."""
    started = _started(pid)
    if started is None:
        raise ProcessLookupError(f"no process {pid}")
    return started << _PID_BITS | pid


def pid_of(word: int) -> int:
    """The pid in an identity word."""
    return word & _PID_MASK


def is_alive(word: int) -> bool:
    """Whether the process of an identity word still runs (a zombie does not)."""
    started = _started(pid_of(word))
    return started is not None and started in (0, word >> _PID_BITS)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 when it is gone."""
    return memory_of(pid)[0]


def memory_of(pid: int) -> tuple[int, int]:
    """(resident, of it neither of files nor shared memory) bytes of a process; zeros when it is gone."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(resident) * page, (int(resident) - int(shared)) * page


def _started(pid: int) -> int | None:
    """Start time in clock ticks since boot (proc(5), field 22); None when gone, 0 when it may not be seen."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0 if _is_hidden(pid) else None
    fields = text[text.rindex(b")") + 2 :].split()  # NOTE: the name before it may hold spaces and parentheses
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _is_hidden(pid: int) -> bool:
    """Whether a process without a /proc entry exists all the same: `hidepid` hides those of other users."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
