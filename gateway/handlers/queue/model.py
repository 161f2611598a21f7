"""Options of requests that are put into a stream, as values."""

from dataclasses import dataclass

from gateway.config.record import Options


@dataclass(frozen=True, slots=True)
class Enqueue(Options):
    """`stream` is its name; at most `most` entries, and `drops` whether the oldest make room or the request is refused.

    `headers` (lower case) go along with the body, which has at most `max_body` bytes.
    """

    stream: str
    most: int
    drops: bool
    headers: tuple[str, ...]
    max_body: int
    where: str
