"""Routes whose upstreams speak gRPC and that have no `grpc`: calls of clients pass as they are made."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from gateway.config.model import Route
from gateway.config.reader import OptionReader, ScalarNode
from gateway.upstream.options import Upstream
from gateway.upstream.split_options import passed

#: what reads or changes the content of requests and answers, which here is messages under way
_OF_CONTENT: Final = ("validate", "transform", "idempotency", "cache", "compress")


def read_passing(section: OptionReader, route: Route, upstreams: Mapping[str, Upstream], *, has_http2: bool) -> Route:
    """The route, as it is where its upstreams speak gRPC: without what `defaults` ask of contents.

    `upstreams` are those without a mistake; `has_http2`: clients may speak HTTP/2.
    """
    named = [text for text in passed(section) if text.value in upstreams]
    speaking = [text for text in named if upstreams[text.value].is_grpc]
    if not speaking:
        return route
    _check_mixed(named, upstreams)
    if not has_http2:
        speaking[0].complain(
            f"the upstream {speaking[0].shown} speaks gRPC, which clients do over HTTP/2 only",
            "write `http2: true` under `server.tls`, or call it by `grpc`",
        )
    for key in _OF_CONTENT:
        if key in section and section.one(key) is None:
            section.complain(f"`{key}` has no effect on calls of gRPC: messages pass as they come", key=key)
    sanitize = route.sanitize
    if sanitize is not None:
        sanitize = replace(sanitize, parts=tuple(part for part in sanitize.parts if part != "body"))
    return replace(route, passes_grpc=True, compress=None, sanitize=sanitize)


def _check_mixed(named: list[ScalarNode], upstreams: Mapping[str, Upstream]) -> None:
    """One request goes to all of them, or to any: they speak one protocol."""
    for text in named:
        upstream = upstreams[text.value]
        if not upstream.is_grpc and (upstream.targets or upstream.discovery):
            text.complain(f"the upstream {text.shown} does not speak gRPC, and others of the route do")
