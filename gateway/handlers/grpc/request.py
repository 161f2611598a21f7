"""From a request of HTTP to the message that a method takes, as google.api.http has it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import EncodeError, Message

from gateway.errors import (
    INVALID_PARAMETERS,
    INVALID_QUERY,
    MALFORMED_BODY,
    UNEXPECTED_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    GatewayError,
    Kind,
)
from gateway.exchange import Exchange
from gateway.handlers.grpc.bindings import WHOLE, Binding, is_text
from gateway.handlers.grpc.schema import field_of
from gateway.http.body import read_whole, too_large
from gateway.http.json_reader import JsonReader

DEPTH: Final = 32
HTTP_BODY: Final = "google.api.HttpBody"
_READER: Final = JsonReader(DEPTH, 1_000_000)
_BOOLEANS: Final = {"true": True, "false": False}
#: what setting a field raises, by the kind of mistake
_MISTAKES: Final = (json_format.ParseError, ValueError, TypeError, OverflowError)


def serialized(exchange: Exchange, binding: Binding, values: dict[str, str], pool: DescriptorPool, most: int) -> bytes:
    """The message, of at most `most` bytes; `values` are the path's. Raises GatewayError."""
    message = binding.method.request()
    _take_body(exchange, binding, message, pool, most)
    _take_query(exchange, binding, values, message, pool)
    for name, text in values.items():
        _set(message, name, [text], pool, INVALID_PARAMETERS)
    try:
        data: bytes = message.SerializeToString()
    except EncodeError as error:
        raise GatewayError(MALFORMED_BODY, f"The message cannot be made: {str(error)[:300]}.") from None
    if len(data) > most:
        raise too_large(most)
    return data


def _take_body(exchange: Exchange, binding: Binding, message: Message, pool: DescriptorPool, most: int) -> None:
    data = read_whole(exchange, most)
    if not data:
        return
    if not binding.body:
        raise GatewayError(UNEXPECTED_BODY, "This method takes no body.")
    kind = next((value for name, value in exchange.headers if name.lower() == "content-type"), "")
    target: Any = message
    field = None if binding.body == WHOLE else field_of(binding.method.input, binding.body)
    if field is not None and field.message_type is not None and not field.is_repeated:
        target = getattr(message, field.name)
    if target.DESCRIPTOR.full_name == HTTP_BODY:
        target.content_type, target.data = kind, data
        return
    if kind and not _is_json(kind):
        raise GatewayError(UNSUPPORTED_MEDIA_TYPE, "The body must be JSON.")
    value = _READER.read(data)
    _parse(value if field is None else {field.json_name: value}, message, pool, MALFORMED_BODY, "The body")


def _is_json(kind: str) -> bool:
    name = kind.partition(";")[0].strip().lower()
    return name == "application/json" or name.endswith("+json")


def _take_query(
    exchange: Exchange, binding: Binding, values: dict[str, str], message: Message, pool: DescriptorPool
) -> None:
    if not exchange.query:
        return
    given: dict[str, list[str]] = {}
    for name, text in parse_qsl(exchange.query, keep_blank_values=True):
        given.setdefault(name, []).append(text)
    if given and binding.body == WHOLE:
        raise GatewayError(INVALID_QUERY, "This method takes its body alone, and no query.")
    for name, texts in given.items():
        if name in values or (binding.body and name.partition(".")[0] == binding.body):
            raise GatewayError(INVALID_QUERY, f"The field {name[:100]} is not the query's to say.")
        _set(message, name, texts, pool, INVALID_QUERY)


def _set(message: Any, path: str, texts: list[str], pool: DescriptorPool, kind: Kind) -> None:
    """Set the field at a path of names to texts. Raises GatewayError of `kind`."""
    *outer, last = path.split(".")
    if len(outer) >= DEPTH:
        raise GatewayError(kind, f"There is no field {path[:100]}.")
    for name in outer:
        field = field_of(message.DESCRIPTOR, name)
        if field is None or field.is_repeated or field.message_type is None or is_text(field.message_type):
            raise GatewayError(kind, f"There is no field {path[:100]}.")
        message = getattr(message, field.name)
    field = field_of(message.DESCRIPTOR, last)
    if field is None:
        raise GatewayError(kind, f"There is no field {path[:100]}.")
    if not is_text(field.message_type):
        raise GatewayError(kind, f"The field {path[:100]} is no single value.")
    if len(texts) > 1 and not field.is_repeated:
        raise GatewayError(kind, f"The field {path[:100]} is said twice.")
    found = [_converted(field, text) for text in texts]
    message.ClearField(field.name)
    _parse({field.json_name: found if field.is_repeated else found[0]}, message, pool, kind, f"The field {path[:100]}")


def _converted(field: FieldDescriptor, text: str) -> object:
    """A text as JSON has it; what it cannot be is left to be refused."""
    name = field.message_type.full_name if field.message_type is not None else ""
    is_boolean = field.type == FieldDescriptor.TYPE_BOOL or name == "google.protobuf.BoolValue"
    return _BOOLEANS.get(text, text) if is_boolean else text


def _parse(value: Any, message: Message, pool: DescriptorPool, kind: Kind, what: str) -> None:
    if not isinstance(value, dict) and not message.DESCRIPTOR.full_name.startswith("google.protobuf."):
        raise GatewayError(kind, f"{what} does not fit: it is no JSON object.")
    try:
        json_format.ParseDict(value, message, descriptor_pool=pool, max_recursion_depth=DEPTH + 1)
    except _MISTAKES as error:
        words = str(error).partition("\n")[0].rstrip(".")
        raise GatewayError(kind, f"{what} does not fit: {words[:300]}.") from None
