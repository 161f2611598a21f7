"""Options of idempotency, as values."""

from dataclasses import dataclass

from gateway.config.record import Options


@dataclass(frozen=True, slots=True)
class Idempotency(Options):
    """Requests that come again with their key. Seconds and bytes; `on_store_failure` is deny or allow."""

    is_required: bool
    ttl: float
    header: str
    methods: tuple[str, ...]
    wait: float
    max_body: int
    max_answer: int
    on_store_failure: str
    where: str
