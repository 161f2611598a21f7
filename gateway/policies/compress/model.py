"""Options of compression, as values."""

from dataclasses import dataclass

from gateway.config.record import Options


@dataclass(frozen=True, slots=True)
class Compress(Options):
    """`algorithms` best first, none = off; `types` are media types or ranges; `min_size` is bytes."""

    algorithms: tuple[str, ...]
    min_size: int
    types: tuple[str, ...]
    where: str
