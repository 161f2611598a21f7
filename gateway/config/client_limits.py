"""Limits of the server on clients, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Limits(Options):
    """What one client request may be: bytes, a count, seconds."""

    request_line: int
    headers: int
    header_size: int
    body: int
    header_timeout: float
    body_timeout: float
