"""Edits of header fields of requests on their way up and of answers on their way back: rename, remove, set and add.

`preset: security` puts on every answer the fields that browsers are safer with, each only where neither the upstream
nor the rules themselves say anything of it.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from types import MappingProxyType

from gateway._fast.headers import Edit
from gateway.config.header_edits_model import HeaderEdit, HeaderRules, Pairs
from gateway.contracts import OnRequest, OnResponse, Steps
from gateway.exchange import Exchange, Headers, Response
from gateway.http import template as templates

NOTHING = HeaderEdit((), (), ())
_URL_FIELDS = frozenset({"location", "content-location"})
#: Only what suits any site: the rest of a Content-Security-Policy is the application's to write, and a
#: Cross-Origin-Resource-Policy would keep from pages of other origins what `cors` lets them have.
PRESET = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "frame-ancestors 'none'"),
)
#: only over https: a browser must ignore it elsewhere (RFC 6797 section 7.2)
STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def compile(spec: HeaderRules) -> Steps:
    """The steps for both ways: `rename`, then `remove`, `set` (the one value it has from here on) and `add`."""
    edits = _response_step(spec.response)
    if spec.preset == "security":
        edits = _secured(spec.response, edits)
    return Steps(on_request=_request_step(spec.request), on_response=edits)


def _request_step(edit: HeaderEdit) -> OnRequest | None:
    if edit == NOTHING:
        return None
    if edit.rename:
        rename, rest = _renaming(edit.rename), _request_step(HeaderEdit(edit.set, edit.add, edit.remove))

        def on_request(exchange: Exchange) -> None:
            rename(exchange.edit_headers())
            if rest is not None:
                rest(exchange)

        return on_request
    apply, fields = Edit(_gone(edit)).apply, Fields(edit.set + edit.add)
    if fields.constant is not None:
        constant = fields.constant
        return lambda exchange: apply(exchange.edit_headers(), constant)
    return lambda exchange: apply(exchange.edit_headers(), fields.render(exchange))


def _response_step(edit: HeaderEdit) -> OnResponse | None:
    if edit == NOTHING:
        return None
    if edit.rename:
        rename, rest = _renaming(edit.rename), _response_step(HeaderEdit(edit.set, edit.add, edit.remove))

        def on_response(exchange: Exchange, response: Response) -> None:
            rename(response.headers)
            if rest is not None:
                rest(exchange, response)

        return on_response
    apply, fields = Edit(_gone(edit)).apply, Fields(edit.set + edit.add)
    if fields.constant is not None:
        constant = fields.constant
        return lambda exchange, response: apply(response.headers, constant)
    return lambda exchange, response: apply(response.headers, fields.render(exchange))


def _renaming(pairs: Pairs) -> Callable[[Headers], None]:
    """A function that renames fields where they stand; they take the place of those that had the new name before."""
    names = MappingProxyType({old.lower(): new for old, new in pairs})

    def rename(headers: Headers) -> None:
        there = {name.lower() for name, _ in headers}
        replaced = {new.lower() for old, new in names.items() if old in there}
        if not replaced:
            return
        kept = [field for field in headers if field[0].lower() not in replaced]
        # NOTE: fields that stay are the same objects: what the client sent is told by that from what was set here.
        headers[:] = [(names[lower], field[1]) if (lower := field[0].lower()) in names else field for field in kept]

    return rename


def _secured(edit: HeaderEdit, edits: OnResponse | None) -> OnResponse:
    """What the upstream left unsaid is filled in, then the rules apply; what these name is theirs to say."""
    said = _gone(edit).union(name.lower() for name, _ in edit.add)
    plain = tuple((name.lower(), (name, value)) for name, value in PRESET if not _is_said(name.lower(), said))
    secure = plain if STRICT_TRANSPORT[0].lower() in said else (*plain, (STRICT_TRANSPORT[0].lower(), STRICT_TRANSPORT))

    def on_response(exchange: Exchange, response: Response) -> None:
        there = {name.lower() for name, _ in response.headers}
        for name, field in secure if exchange.scheme == "https" else plain:
            if not _is_said(name, there):
                response.headers.append(field)
        if edits is not None:
            edits(exchange, response)

    return on_response


def _is_said(name: str, said: Set[str]) -> bool:
    """Who allows some frames by the older field must not have them forbidden by the newer one, which would win."""
    return name in said or (name == "content-security-policy" and "x-frame-options" in said)


def _gone(edit: HeaderEdit) -> frozenset[str]:
    """The names to take out, in lower case: what is set replaces every value there is."""
    return frozenset(name.lower() for name in (*edit.remove, *(name for name, _ in edit.set)))


class Fields:
    """Header fields whose values are templates; `constant` is the ready tuple where none has a variable."""

    __slots__ = ("_templates", "constant")

    def __init__(self, pairs: Pairs) -> None:
        self._templates = tuple(
            (name, templates.compile(value, "url" if name.lower() in _URL_FIELDS else "header"))
            for name, value in pairs
        )
        ready = tuple((name, template.text) for name, template in self._templates)
        self.constant = ready if all(template.is_constant for _, template in self._templates) else None

    def render(self, exchange: Exchange) -> Headers:
        """The fields for one request."""
        return [(name, template.render(exchange)) for name, template in self._templates]
