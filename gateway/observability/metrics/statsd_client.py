"""The `statsd` package's client, with what it has not: packets that are filled, drops that are counted, tags."""

from __future__ import annotations

import _socket
import re
from collections.abc import Mapping
from typing import Any, Final

from statsd.client.base import StatsClientBase

#: bytes of a UDP packet that fits any network of today (an Ethernet frame, IPv6, a tunnel or two)
PACKET: Final = 1432
#: packets of one flush: what does not fit is dropped
PACKETS: Final = 512

_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
_NOT_A_TAG: Final = re.compile(r"[^A-Za-z0-9_./:-]")


def statsd_name(text: str) -> str:
    """A part of a name: dots would divide it, colons and bars would end it."""
    return _NOT_A_NAME.sub("_", text) or "_"


class Client(StatsClientBase):  # type: ignore[misc]
    """Gathers values and sends them when told to. Never waits: what the kernel does not take is dropped and counted."""

    def __init__(self, prefix: str, *, tags: bool) -> None:
        self._prefix = prefix
        self._tags = tags
        self._labels: Mapping[str, str] = {}
        self._lines: list[bytes] = []
        self._socket: Any = None
        #: whether nobody listens at the address, as far as is known; of two packets the kernel refuses one
        self.is_refused = False
        self._is_taken = False
        self.sent = 0
        self.dropped = 0

    def connect(self, family: int, address: Any) -> None:
        """Send to this address from now on. Raises OSError, and goes on with the one before."""
        # NOTE: not gevent's: that one would wait for room in the kernel's buffer.
        made = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
        try:
            made.connect(address)  # so that a refusal is told
        except OSError:
            made.close()
            raise
        self.close()
        self._socket, self.is_refused = made, False

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def name(self, group: str, what: str, **labels: str) -> str:
        """`group.value.value.what`, or `group.what` with tags; the values that follow belong to it."""
        if self._tags:
            self._labels = labels
            return f"{group}.{what}"
        self._labels = {}
        return ".".join([group, *map(statsd_name, labels.values()), what])

    def duration(self, stat: str, seconds: float, share: float) -> None:
        """A duration that stands for others too: it is this share of them (up to 1).

        NOTE: not `timing`, which draws lots with a share; this one was chosen.
        """
        rate = f"|@{share:.9f}".rstrip("0") if share < 1 else ""
        self._after(self._prepare(stat, f"{seconds * 1000:.3f}|ms{rate}", 1))

    def flush(self) -> None:
        """Send what was gathered, in packets as full as they may be."""
        lines, self._lines = self._lines, []
        packets: list[list[bytes]] = []
        room = 0
        for line in lines:
            if len(line) + 1 > room:
                packets.append([])
                room = PACKET + 1
            packets[-1].append(line)
            room -= len(line) + 1
        for number, packet in enumerate(packets):
            self._send_packet(b"\n".join(packet) if number < PACKETS else None)

    def _send_packet(self, packet: bytes | None) -> None:
        if self._socket is None or packet is None or len(packet) > PACKET:
            self.dropped += 1
            return
        try:
            self._socket.send(packet)
            self.sent += 1
            self.is_refused = self.is_refused and not self._is_taken
            self._is_taken = True
        except OSError as error:  # refused (told of the packet before), no room, no route
            self.is_refused = self.is_refused or isinstance(error, ConnectionRefusedError)
            self._is_taken = False
            self.dropped += 1

    def _send(self, data: str) -> None:
        """The package's seam: one value."""
        if self._tags and self._labels:
            pairs = ",".join(f"{name}:{_NOT_A_TAG.sub('_', value)}" for name, value in self._labels.items())
            data = f"{data}|#{pairs}"
        self._lines.append(data.encode("ascii", "replace"))

    def pipeline(self) -> Client:
        """The package's seam: this one gathers already."""
        return self

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        """What is gathered is sent by `flush`."""
