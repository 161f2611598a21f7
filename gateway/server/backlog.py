"""No connection may be lost between the last accept and the close of a listening socket.

Linux completes handshakes as long as the socket listens, and resets what nobody accepted when it is closed.  So the
last process to accept first has the kernel drop whatever comes for the socket (socket(7), SO_ATTACH_FILTER), then
accepts what is there, then closes it.  A dropped SYN is sent again after a second, and is refused then.
"""

from __future__ import annotations

import array
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
#: one instruction, BPF_RET | BPF_K: of every packet keep 0 bytes
_DROP_ALL: Final = array.array("B", struct.pack("HBBI", 0x06, 0, 0, 0))


def open(sock: Any) -> None:
    """Let new connections in, whatever another process did to the socket that is shared with it."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def shut(sock: Any, is_last: Callable[[], bool]) -> None:
    """Let no new connection come into the backlog, where the kernel can do that."""
    if sock.family == socket.AF_UNIX:  # its path is gone already, so nobody connects any more
        return
    program = struct.pack("HP", len(_DROP_ALL) // 8, _DROP_ALL.buffer_info()[0])
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    # NOTE: asked again: one who came in between may have opened the socket before it was shut, and never looks again.
    if not is_last():
        open(sock)
