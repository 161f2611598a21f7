"""Where the frames of a WebSocket stream end, slow and obvious (RFC 6455 section 5.2)."""

from __future__ import annotations

CLOSE = 8


def frames(stream: bytes) -> tuple[list[tuple[int, int]], bool]:
    """([(where it ends, opcode)] of every whole frame, whether a length was met that no frame has)."""
    found: list[tuple[int, int]] = []
    start = 0
    while len(stream) >= start + 2:
        first, second = stream[start], stream[start + 1]
        at = start + 2
        length = second & 127
        size = {126: 2, 127: 8}.get(length, 0)
        if len(stream) < at + size:
            break
        if size:
            length = int.from_bytes(stream[at : at + size], "big")
        if length >= 1 << 63:
            return found, True
        end = at + size + (4 if second & 128 else 0) + length
        if len(stream) < end:
            break
        found.append((end, first & 15))
        start = end
    return found, False


def is_between(stream: bytes) -> bool:
    """Whether the stream ends where a frame ends, or is empty."""
    found, lost = frames(stream)
    return not lost and len(stream) == (found[-1][0] if found else 0)


def is_closed(stream: bytes) -> bool:
    """Whether a whole Close frame is in it."""
    return any(opcode == CLOSE for _, opcode in frames(stream)[0])


def next_gap(stream: bytes, more: bytes) -> int:
    """How many bytes of `more` lie before the first place between two frames; all of them without one."""
    for size in range(len(more) + 1):
        if is_between(stream + more[:size]):
            return size
    return len(more)


def close_frame(code: int, key: bytes) -> bytes:
    """A Close frame without a reason, masked if there is a key."""
    payload = code.to_bytes(2, "big")
    if key:
        payload = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return bytes((0x88, (128 if key else 0) + 2)) + key + payload
