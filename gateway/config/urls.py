"""Addresses in the configuration: of identity providers, and of the store."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from gateway.config.hosts import host_mistake, port_mistake, split_port
from gateway.state.redis.address import parse

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode

_VISIBLE = re.compile(r"[\x21-\x7e]+")


def check_url(reader: OptionReader, text: ScalarNode) -> None:
    """Complain about an address that is none, and about plain http without `insecure: true` beside it."""
    url = _split(text.value)
    if url is None or url.scheme not in ("http", "https"):
        text.complain(f"{text.shown} is not a URL with https")
    elif "@" in url.netloc or url.fragment:
        text.complain("the address may hold no user, no password and no fragment")
    elif mistake := _authority_mistake(url.netloc):
        text.complain(f"the host in {text.shown} {mistake}")
    elif url.scheme == "http" and not reader.flag("insecure"):
        hint = "use https, or write `insecure: true` beside it"
        text.complain("over plain http anybody on the way could put their own keys in", hint)
    elif url.scheme == "https" and reader.flag("insecure"):
        reader.warn("`insecure` has no effect: the address is https", key="insecure")


def url_mistake(address: str) -> str:
    """What is wrong with an address that is asked by http or https, with {} where it is named; "" for nothing."""
    url = _split(address)
    if url is None or url.scheme not in ("http", "https") or not url.hostname:
        return "{} is no URL with http or https"
    if "@" in url.netloc or url.query or url.fragment:
        return "the address may hold no user, no password, no query and no fragment"
    mistake = _authority_mistake(url.netloc)
    return f"the host in {{}} {mistake}" if mistake else ""


def read_store(reader: OptionReader, text: ScalarNode) -> str:
    """The address of a store with its file made absolute. SECURITY: it may hold a password, so it is never shown."""
    if text.value == "memory":
        return text.value
    try:
        address = parse(text.value)
    except ValueError as error:
        text.complain(str(error))
        return text.value
    for host, _ in address.hosts:
        if mistake := host_mistake(f"[{host}]" if ":" in host else host):
            text.complain(f"a host of the store {mistake}")
    if not address.ca:
        return text.value
    path, _ = reader.contents(replace(text, value=address.ca))
    return f"{text.value.partition('?')[0]}?ca={quote(path)}"


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address) if _VISIBLE.fullmatch(address) else None
    except ValueError:
        return None


def _authority_mistake(authority: str) -> str:
    host, port = split_port(authority)
    if authority.endswith(":"):
        return "has no port after its colon"
    return host_mistake(host) or (port_mistake(port) if port else "")
