"""`activate` of upstreams."""

from urllib.parse import urlsplit

from gateway.config.reader import OptionReader, ScalarNode
from gateway.upstream.activation_model import Activate


def read_activate(holder: OptionReader) -> Activate | None:
    """The section, None where it is not written."""
    if "activate" not in holder:
        return None
    reader = holder.section("activate")
    wake = reader.section("wake")
    url = wake.one("url")
    if url is not None:
        _check_url(url, wake.flag("insecure"))
    return Activate(
        hold=reader.duration("hold"),
        queue=reader.integer("queue"),
        wake=wake.text("url"),
        method=wake.text("method"),
        every=wake.duration("every"),
        insecure=wake.flag("insecure"),
        where=reader.where,
    )


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
