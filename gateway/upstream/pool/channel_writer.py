"""Writer to a channel that another greenlet reads: nobody who puts something in waits for it to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import gevent

from gateway._fast.channel import Channel

_WRITE: Final = 2
#: bytes that are handed to the kernel at a time, and from which on nobody should add more
PIECE: Final = 16384
FULL: Final = 65536


class ChannelWriter:
    """Bytes in their order; what the kernel does not take at once follows when it does.

    NOTE: not by the channel's own wait, of which there is one at a time: that of who reads.
    """

    __slots__ = ("_channel", "_data", "_moved", "_watcher", "is_broken")

    def __init__(self, channel: Channel, moved: Callable[[], None]) -> None:
        """`moved` is called when something went that had waited, and when nothing will go any more."""
        self._channel = channel
        self._moved = moved
        #: whether nothing goes any more
        self.is_broken = False
        self._data = bytearray()
        self._watcher: Any = None

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return len(self._data)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that what can wait should."""
        return len(self._data) >= FULL

    def put(self, data: bytes) -> None:
        """Send `data`, soon; nowhere once it is broken."""
        if self.is_broken:
            return
        self._data += data
        if self._watcher is None:
            self._push()
            if self._data:
                self._watcher = gevent.get_hub().loop.io(self._channel.fd, _WRITE)
                self._watcher.start(self._on_writable)

    def close(self) -> None:
        """Nothing is sent any more. Safe to call twice; to be called before the channel is closed."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()

    def _push(self) -> None:
        """Send what the kernel takes now."""
        data = self._data
        try:
            while data:
                taken = self._channel.leave(bytes(data[:PIECE]))
                if taken <= 0:
                    return
                del data[:taken]
        except OSError:
            data.clear()
            self.is_broken = True
            self._moved()

    def _on_writable(self) -> None:
        self._push()
        if not self._data:
            self.close()
        self._moved()
