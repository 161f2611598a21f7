"""headers: set, add and remove fields of the request on its way up and of the answer on its way back."""

from __future__ import annotations

from gateway import templates
from gateway._fast.fields import Edit
from gateway.config.model_headers import HeaderEdit, HeaderRules, Pairs
from gateway.contracts import OnRequest, OnResponse, Steps, Tools
from gateway.exchange import Exchange, Headers

NOTHING = HeaderEdit((), (), ())
_URL_FIELDS = frozenset({"location", "content-location"})


def compile(spec: HeaderRules, tools: Tools) -> Steps:
    """The steps for both ways. First `remove`, then `set` (the one value it has from here on), then `add`."""
    return Steps(on_request=_request_step(spec.request), on_response=_response_step(spec.response))


def _request_step(edit: HeaderEdit) -> OnRequest | None:
    if edit == NOTHING:
        return None
    apply, fields = Edit(_gone(edit)).apply, Fields(edit.set + edit.add)
    if fields.constant is not None:
        constant = fields.constant
        return lambda exchange: apply(exchange.edit_headers(), constant)
    return lambda exchange: apply(exchange.edit_headers(), fields.render(exchange))


def _response_step(edit: HeaderEdit) -> OnResponse | None:
    if edit == NOTHING:
        return None
    apply, fields = Edit(_gone(edit)).apply, Fields(edit.set + edit.add)
    if fields.constant is not None:
        constant = fields.constant
        return lambda exchange, response: apply(response.headers, constant)
    return lambda exchange, response: apply(response.headers, fields.render(exchange))


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
