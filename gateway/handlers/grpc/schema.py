"""Services and messages of Protocol Buffers by their descriptors, and the google.api.http rules of their methods.

It needs the packages of the extra `grpc`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from google.api import annotations_pb2, http_pb2, httpbody_pb2
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

#: files that descriptor sets may leave out, since everybody has them
_KNOWN: Final = {
    module.DESCRIPTOR.name: module.DESCRIPTOR
    for module in (
        *(any_pb2, descriptor_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2),
        *(annotations_pb2, http_pb2, httpbody_pb2),
    )
}
_PATTERNS: Final = ("get", "put", "post", "delete", "patch")


class SchemaError(ValueError):
    """Descriptors that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to call a method by HTTP; `body` is "", "*" or a field's name, `response_body` "" or a field's name."""

    verb: str
    path: str
    body: str
    response_body: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service; `path` is that of its calls."""

    name: str
    service: str
    path: str
    input: Descriptor
    output: Descriptor
    takes_stream: bool
    gives_stream: bool
    rules: tuple[Rule, ...]

    def request(self) -> Message:
        """A message of its input, to be filled."""
        return message_factory.GetMessageClass(self.input)()

    def answer(self, data: bytes) -> Message:
        """A message of its output. Raises DecodeError."""
        return message_factory.GetMessageClass(self.output).FromString(data)


class Schema:
    """What a set of files describes."""

    def __init__(self, files: Iterable[bytes]) -> None:
        """`files` are serialised FileDescriptorProtos, in any order. Raises SchemaError."""
        try:
            protos = [descriptor_pb2.FileDescriptorProto.FromString(data) for data in files]
        except DecodeError:
            raise SchemaError("it has a file that cannot be read") from None
        self.pool = descriptor_pool.DescriptorPool()
        by_name = {proto.name: proto for proto in protos}
        added: set[str] = set()
        for proto in protos:
            self._add(proto, by_name, added)
        self.methods = tuple(self._methods(protos))

    @classmethod
    def read(cls, data: bytes) -> Schema:
        """What a FileDescriptorSet describes. Raises SchemaError."""
        try:
            found = [each.SerializeToString() for each in descriptor_pb2.FileDescriptorSet.FromString(data).file]
        except DecodeError:
            found = []
        if not found:
            raise SchemaError("it is no descriptor set, as `protoc --include_imports --descriptor_set_out` writes it")
        return cls(found)

    @cached_property
    def services(self) -> frozenset[str]:
        """The full names of the services."""
        return frozenset(method.service for method in self.methods)

    def _add(self, proto: Any, by_name: dict[str, Any], added: set[str]) -> None:
        if proto.name in added:
            return
        added.add(proto.name)
        for name in proto.dependency:
            if name in by_name:
                self._add(by_name[name], by_name, added)
            elif name not in added and name in _KNOWN:
                self._add(_proto_of(_KNOWN[name]), by_name, added)
            elif name not in added:
                raise SchemaError(f"{proto.name} imports {name}, which is not there: write it with --include_imports")
        try:
            self.pool.AddSerializedFile(proto.SerializeToString())
        except (TypeError, ValueError) as error:
            raise SchemaError(f"{proto.name} cannot be used: {error}") from None

    def _methods(self, protos: Iterable[Any]) -> Iterator[Method]:
        for proto in protos:
            for service in proto.service:
                name = f"{proto.package}.{service.name}" if proto.package else service.name
                found = self.pool.FindServiceByName(name)
                for each in service.method:
                    method = found.methods_by_name[each.name]
                    yield Method(
                        name=each.name,
                        service=name,
                        path=f"/{name}/{each.name}",
                        input=method.input_type,
                        output=method.output_type,
                        takes_stream=each.client_streaming,
                        gives_stream=each.server_streaming,
                        rules=tuple(_rules(each.options.Extensions[annotations_pb2.http])),
                    )


def _proto_of(descriptor: Any) -> Any:
    proto = descriptor_pb2.FileDescriptorProto()
    descriptor.CopyToProto(proto)
    return proto


def _rules(rule: Any) -> Iterator[Rule]:
    kind = rule.WhichOneof("pattern")
    if kind in _PATTERNS:
        yield Rule(kind.upper(), getattr(rule, kind), rule.body, rule.response_body)
    elif kind == "custom":
        yield Rule(rule.custom.kind, rule.custom.path, rule.body, rule.response_body)
    for more in rule.additional_bindings:
        yield from _rules(more)


def field_at(message: Descriptor, path: str) -> FieldDescriptor | None:
    """The field that a path of names leads to, through messages that are there once; None for none."""
    *outer, last = path.split(".")
    for name in outer:
        field = field_of(message, name)
        if field is None or field.is_repeated or field.message_type is None:
            return None
        message = field.message_type
    return field_of(message, last)


def field_of(message: Descriptor, name: str) -> FieldDescriptor | None:
    """A field by its name, or by the one that it has in JSON."""
    found = message.fields_by_name.get(name)
    return found if found is not None else message.fields_by_camelcase_name.get(name)
