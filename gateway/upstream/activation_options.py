"""Options of `activate` of upstreams, which are started when they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from gateway.config.options import Options, Schema, choice, flag, integer, nested, positive, read, schema_of, secret
from gateway.config.schema_parts import LINE

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode


class Wake(Options, frozen=True):
    """The `url` that is called by `method`, at most once in `every` seconds, "" = none; `insecure` allows http."""

    url: Annotated[
        str, secret("a URL such as https://scaler.internal/wake/shop", "What is called; kept secret.", LINE).must()
    ]
    method: Annotated[str, choice("How.", "POST", "GET", "PUT", default="POST")]
    every: Annotated[float, positive("At most once in this time, by all workers of the host.", "10s")]
    insecure: Annotated[bool, flag("Allows http.", False)]


class Activate(Options, frozen=True):
    """At most `queue` requests wait in each worker, each at most `hold` seconds; `wake` is who is told."""

    hold: Annotated[float, positive("How long a request may wait.", "20s")]
    queue: Annotated[int, integer("How many may wait, in each worker.", 1, 1_000_000, 1000)]
    wake: Annotated[Wake, nested(Wake, "Who is told that it is needed.")]
    where: str


def upstream_keys() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    return {"activate": schema_of(Activate, "Requests wait while no target is there.")}


def read_activate(holder: OptionReader) -> Activate | None:
    """The section, None where it is not written."""
    if "activate" not in holder:
        return None
    reader = holder.section("activate")
    wake = reader.section("wake")
    url = wake.one("url")
    if url is not None:
        _check_url(url, wake.flag("insecure"))
    return read(Activate, reader)


def _check_url(text: ScalarNode, insecure: bool) -> None:
    try:
        parts = urlsplit(text.value)
        is_sound = bool(parts.hostname) and parts.port != 0 and not parts.fragment and parts.username is None
    except ValueError:
        is_sound = False
    if not is_sound or parts.scheme not in ("http", "https"):
        # SECURITY: without what it is, for who knows it may call it (test_no_secret_is_told)
        text.complain("this is no URL that can be called", "such as https://scaler.internal/wake/shop")
    elif parts.scheme == "http" and not insecure:
        text.complain("this URL is not asked without TLS", "write `insecure: true` beside it if that is meant")
