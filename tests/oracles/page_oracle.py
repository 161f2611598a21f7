"""Cells, slow and obvious: the bytes are unpacked, changed and packed again."""

import struct


class Cell:
    def __init__(self, memory: bytearray, offset: int) -> None:
        if not 0 <= offset <= len(memory) - 8:
            raise IndexError(offset)
        if offset % 8:
            raise ValueError(offset)
        self.memory = memory
        self.offset = offset

    def load(self) -> int:
        (value,) = struct.unpack_from("<q", self.memory, self.offset)
        return int(value)

    def store(self, value: int) -> None:
        self.memory[self.offset : self.offset + 8] = (_checked(value) % 2**64).to_bytes(8, "little")

    def add(self, delta: int) -> int:
        total = (self.load() + _checked(delta)) % 2**64
        self.memory[self.offset : self.offset + 8] = total.to_bytes(8, "little")
        return self.load()

    def compare_and_set(self, old: int, value: int) -> bool:
        _checked(old), _checked(value)
        if self.load() != old:
            return False
        self.store(value)
        return True


def _checked(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise OverflowError(value)
    return value
