"""guard: the step behind which a body may be read.  Size, kind and content of a request, before the upstream has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from gateway.contracts import Steps
from gateway.errors import (
    BODY_TOO_LARGE,
    INVALID_BODY,
    INVALID_HEADERS,
    INVALID_PARAMETERS,
    INVALID_QUERY,
    MISSING_BODY,
    UNEXPECTED_BODY,
    GatewayError,
    Kind,
)
from gateway.exchange import Exchange

if TYPE_CHECKING:
    from gateway.validation.multipart import FormRules
    from gateway.validation.schema import Schema

#: methods for whose bodies HTTP has no meaning (RFC 9110 section 9.3)
BODILESS: Final = frozenset(("GET", "HEAD", "DELETE", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class ValidationRules:
    """What a route asks of its requests. Bytes and counts; an empty sequence and a None ask for nothing."""

    max_body: int
    methods: Sequence[str] = ()
    content_types: Sequence[str] = ()
    charsets: Sequence[str] = ()
    produces: Sequence[str] = ()
    form: FormRules | None = None
    #: what a body of JSON must be; None: not looked at
    body: Schema | None = None
    body_required: bool = True
    depth: int = 32
    members: int = 10_000
    ratio: int = 100
    query: Schema | None = None
    headers: Schema | None = None
    params: Schema | None = None
    #: path parameter -> its type in the path's template
    kinds: tuple[tuple[str, str], ...] = ()
    #: whether the route has `validate`
    is_written: bool = False


Check = Callable[[Exchange], None]


def compile(rules: ValidationRules) -> Steps:
    """The step of a route: what costs least is looked at first, and the body last."""
    checks = [_size(rules.max_body)] if not rules.is_written else [_expected(rules)]
    checks += _kinds(rules)
    if rules.params is not None:
        checks.append(_params(rules.params, rules.kinds))
    if rules.query is not None:
        checks.append(_query(rules.query))
    if rules.headers is not None:
        checks.append(_headers(rules.headers))
    if rules.form is not None:
        checks.append(_form(rules.form))
    if rules.body is not None:
        checks.append(_body(rules, rules.body))
    if len(checks) == 1:
        return Steps(on_request=checks[0])
    in_order = tuple(checks)

    def on_request(exchange: Exchange) -> None:
        for check in in_order:
            check(exchange)

    return Steps(on_request=on_request)


def _kinds(rules: ValidationRules) -> list[Check]:
    """What the client takes, and what the body says it is; JSON has one charset."""
    if not (rules.produces or rules.content_types or rules.charsets):
        return []
    from gateway.validation import content_type as kinds

    found = [kinds.accept(tuple(rules.produces))] if rules.produces else []
    is_json = rules.body is not None and not _is_mixed(rules)
    charsets = ("utf-8",) if is_json else tuple(rules.charsets)
    if rules.content_types or charsets:
        found.append(kinds.content_type(tuple(rules.content_types), charsets))
    return found


def _is_bodiless(methods: Sequence[str]) -> bool:
    """Whether a route has only methods that have no body mostly: then bodies are asked for on purpose."""
    return bool(methods) and BODILESS.issuperset(methods)


def _size(most: int) -> Check:
    """What was announced; the server bounds what was not."""

    def on_request(exchange: Exchange) -> None:
        if exchange.body_length > most:
            raise GatewayError(BODY_TOO_LARGE, f"The body has {exchange.body_length} bytes; {most} are taken.")

    return on_request


def _expected(rules: ValidationRules) -> Check:
    """Whether there may be a body, and how large; one of unknown length is counted on its way."""
    from gateway.http.body import SizeLimitedBody

    most = rules.max_body
    always = bool(rules.content_types) and _is_bodiless(rules.methods)

    def on_request(exchange: Exchange) -> None:
        length = exchange.body_length
        if not length:
            return
        if exchange.method in BODILESS and not always:
            raise GatewayError(UNEXPECTED_BODY, f"The route takes no body with {exchange.method}.")
        if length > most:
            raise GatewayError(BODY_TOO_LARGE, f"The body has {length} bytes; {most} are taken.")
        if length < 0 and exchange.body is not None:
            exchange.body = SizeLimitedBody(exchange.body, most)

    return on_request


def _form(rules: FormRules) -> Check:
    """Forms with files are looked at on their way; the rest of the route's types is not."""
    from gateway.http.decompress import refuse_coded
    from gateway.http.media_type import parse
    from gateway.validation.multipart import ValidatedForm

    def on_request(exchange: Exchange) -> None:
        body = exchange.body
        if not exchange.body_length or body is None:
            return
        found = parse(exchange.header("content-type") or "")
        if found is None or found[0] != "multipart/form-data":
            return
        refuse_coded(exchange.header("content-encoding"))
        exchange.body = ValidatedForm(body, exchange.body_length, found[1].get("boundary", ""), rules)

    return on_request


def _judge(schema: Schema, value: Any, kind: Kind, what: str) -> None:
    faults = schema.faults(value)
    if faults:
        from gateway.validation.fault import problem_for

        raise problem_for(kind, what, faults)


def _params(schema: Schema, kinds: tuple[tuple[str, str], ...]) -> Check:
    from gateway.validation.fault import problem_for
    from gateway.validation.parameters import StyleError, param_object

    by_name, types, items = MappingProxyType(dict(kinds)), schema.types, schema.item_types

    def on_request(exchange: Exchange) -> None:
        try:
            value = param_object(exchange.params or {}, by_name, types, items)
        except StyleError as error:
            raise problem_for(INVALID_PARAMETERS, "The path", [error.fault]) from None
        _judge(schema, value, INVALID_PARAMETERS, "The path")

    return on_request


def _query(schema: Schema) -> Check:
    from gateway.validation.fault import problem_for
    from gateway.validation.parameters import StyleError, query_object

    types, items = schema.types, schema.item_types

    def on_request(exchange: Exchange) -> None:
        try:
            value = query_object(exchange.query, types, items)
        except StyleError as error:
            raise problem_for(INVALID_QUERY, "The query", [error.fault]) from None
        _judge(schema, value, INVALID_QUERY, "The query")

    return on_request


def _headers(schema: Schema) -> Check:
    from gateway.validation.parameters import header_object

    types, items = schema.types, schema.item_types
    spelled = MappingProxyType({name.lower(): name for name in sorted(schema.names)})

    def on_request(exchange: Exchange) -> None:
        _judge(schema, header_object(exchange.headers, spelled, types, items), INVALID_HEADERS, "The header")

    return on_request


def _is_mixed(rules: ValidationRules) -> bool:
    """Whether a body may be something else than JSON."""
    from gateway.http.media_type import JSON, is_allowed

    return not all(is_allowed(each, JSON) for each in rules.content_types)


def _body(rules: ValidationRules, schema: Schema) -> Check:
    from gateway.http.body import read_whole
    from gateway.http.decompress import decompress
    from gateway.http.json_reader import JsonReader
    from gateway.http.media_type import is_json

    read, fits = JsonReader(rules.depth, rules.members, schema.words).read, schema.fits
    most, ratio = rules.max_body, rules.ratio
    may_miss: frozenset[str] = frozenset() if _is_bodiless(rules.methods) else BODILESS
    is_required, is_mixed = rules.body_required, _is_mixed(rules)

    def on_request(exchange: Exchange) -> None:
        if is_mixed and exchange.body_length and not is_json(exchange):
            return
        data = read_whole(exchange, most)
        if not data:
            if exchange.method in may_miss or not is_required:
                return
            raise GatewayError(MISSING_BODY, "The route wants a body of JSON.")
        coding = exchange.header("content-encoding")
        if coding is not None:
            data = decompress(data, coding, most, ratio)
        value = read(data)
        if not fits(value):
            _judge(schema, value, INVALID_BODY, "The body")

    return on_request
