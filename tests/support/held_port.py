"""A port that nobody listens on yet, and nobody else gets meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.ports import free_port
from tests.support.raw import Upstream, echo


@contextmanager
def held_port() -> Iterator[int]:
    """The number of the port."""
    yield free_port()


def listening(port: int) -> Upstream:
    """An upstream on the port that is held."""
    return Upstream(echo, port=port)
