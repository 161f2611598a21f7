"""From the messages and the end of a call to what the client gets."""

from __future__ import annotations

import base64
import binascii
import json
from math import ceil
from typing import Any, Final
from urllib.parse import unquote

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError, rpc_error
from gateway.handlers.grpc.bindings import Binding
from gateway.handlers.grpc.schema import field_of
from gateway.http.grpc import CODES, code_of, read_trailers

#: characters of a service's own words that are passed on
WORDS_MAX: Final = 500
_RETRY: Final = error_details_pb2.RetryInfo.DESCRIPTOR.full_name


class ResponseEncoder:
    """Writes the answers of one upstream; `defaults` says whether fields that have none but their default are there."""

    __slots__ = ("_defaults", "_pool", "_upstream")

    def __init__(self, upstream: str, pool: DescriptorPool, defaults: bool) -> None:
        self._upstream = upstream
        self._pool = pool
        self._defaults = defaults

    def message(self, binding: Binding, data: bytes) -> Any:
        """A message of a method's output. Raises GatewayError."""
        try:
            return binding.method.answer(data)
        except DecodeError:
            raise self._bad("with a message that cannot be read") from None

    def json(self, binding: Binding, message: Message) -> bytes:
        """A message, or the field of it that is the answer, in one line. Raises GatewayError."""
        try:
            value = self._value(message, binding.response_body)
        except (json_format.SerializeToJsonError, TypeError, ValueError):
            raise self._bad("with a message that cannot be said in JSON") from None
        return _dumps(value)

    def _value(self, message: Any, name: str) -> Any:
        if not name:
            return self._dict(message, self._defaults)
        field = field_of(message.DESCRIPTOR, name)
        assert field is not None
        if field.message_type is not None and not field.is_repeated:
            return self._dict(getattr(message, field.name), self._defaults)
        return self._dict(message, True).get(field.json_name)

    def _dict(self, message: Message, defaults: bool) -> Any:
        return json_format.MessageToDict(
            message, always_print_fields_with_no_presence=defaults, descriptor_pool=self._pool
        )

    def failure(self, trailers: bytes) -> GatewayError | None:
        """The error that the end of a call says; None for one that went well."""
        fields = read_trailers(trailers)
        code = code_of(fields.get("grpc-status", ""))
        if code == 0:
            return None
        name, status = CODES[code]
        words = unquote(fields.get("grpc-message", ""))[:WORDS_MAX]
        details = self._details(fields.get("grpc-status-details-bin", ""))
        pause = next((each.get("retryDelay", "") for each in details if each["@type"].endswith(_RETRY)), "")
        headers = (("Retry-After", str(max(0, ceil(float(pause.rstrip("s")))))),) if pause else ()
        error = GatewayError(rpc_error(status), words, headers=headers)
        error.extensions = {"rpc": {"code": code, "status": name, "message": words}}
        if details:
            error.extensions["rpc"]["details"] = details
        return error

    def _details(self, text: str) -> list[dict[str, Any]]:
        """google.rpc.Status, as the trailers have it; none where it cannot be read."""
        if not text:
            return []
        try:
            status = status_pb2.Status.FromString(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
        except (binascii.Error, DecodeError):
            return []
        return [self._detail(each) for each in status.details]

    def _detail(self, packed: Any) -> dict[str, Any]:
        name = packed.type_url.rpartition("/")[2]
        for pool in (self._pool, Default()):
            try:
                found = message_factory.GetMessageClass(pool.FindMessageTypeByName(name)).FromString(packed.value)
                value: Any = json_format.MessageToDict(found, descriptor_pool=pool)
                value = value if isinstance(value, dict) else {"value": value}
            except (KeyError, DecodeError, json_format.SerializeToJsonError, TypeError, ValueError):
                continue  # not a type of this pool, or not what it says it is
            return {"@type": packed.type_url, **value}
        return {"@type": packed.type_url, "value": base64.b64encode(packed.value).decode()}

    def _bad(self, what: str) -> GatewayError:
        return GatewayError(UPSTREAM_BAD_ANSWER, f"The upstream {self._upstream} answered {what}.")

    def unfit(self) -> GatewayError:
        """The error for a call that ended well without the one message that it gives."""
        return self._bad("without a message, or with several")


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def error_line(error: GatewayError) -> bytes:
    """What stands at the end of a stream that failed after it had begun."""
    return _dumps({"error": (error.extensions or {}).get("rpc", {})})
