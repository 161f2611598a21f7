"""Options of the cache, as values."""

from dataclasses import dataclass

from gateway.config.record import Options


@dataclass(frozen=True, slots=True)
class Cache(Options):
    """Times are seconds, `max_size` is bytes, `vary` and `key_headers` lower-case, `tags` templates.

    `key_query` None = every parameter counts.
    """

    ttl: float
    stale_while_revalidate: float
    stale_if_error: float
    vary: tuple[str, ...]
    max_size: int
    tags: tuple[str, ...]
    shared: bool
    respect_origin: bool
    heuristic: bool
    cookies: bool
    key_query: tuple[str, ...] | None
    key_ignore: tuple[str, ...]
    key_headers: tuple[str, ...]
    key_claims: tuple[str, ...]
    where: str
