"""A small shop as Protocol Buffers describe it, made by hand, and a real gRPC server that has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
from google.api import annotations_pb2, httpbody_pb2
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    field_mask_pb2,
    message_factory,
    timestamp_pb2,
    wrappers_pb2,
)
from google.rpc import error_details_pb2, status_pb2

KNOWN = (timestamp_pb2, wrappers_pb2, field_mask_pb2, any_pb2, annotations_pb2, httpbody_pb2)
TYPES = {"double": 1, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12}
SERVICE = "shop.v1.Orders"


def field(message: Any, number: int, spec: str, oneof: int | None = None) -> None:
    """Add a field written like `repeated string tags`, `Color color` or `.google.protobuf.Timestamp at`."""
    *_, kind, name = spec.split()
    made = message.field.add(name=name, number=number, label=3 if spec.startswith("repeated ") else 1)
    if oneof is not None:
        made.oneof_index = oneof
    if kind in TYPES:
        made.type = TYPES[kind]
    else:
        made.type, made.type_name = (14 if kind == "Color" else 11), kind if kind[0] == "." else f".shop.v1.{kind}"


def rule(method: Any, spec: str) -> None:
    """Add google.api.http written like `POST /v1/orders body=* ; GET /v1/x`."""
    http = method.options.Extensions[annotations_pb2.http]
    for index, part in enumerate(spec.split(";")):
        kind, path, *more = part.split()
        one = http if index == 0 else http.additional_bindings.add()
        if kind.lower() in ("get", "put", "post", "delete", "patch"):
            setattr(one, kind.lower(), path)
        else:
            one.custom.kind, one.custom.path = kind, path
        for name, _, value in (each.partition("=") for each in more):
            setattr(one, name, value)


MESSAGES = {
    "Item": ("string sku", "int32 count"),
    "Order": (
        "string id", "string name", "int64 total", "repeated string tags", "Item item", "repeated Item items",
        "Color color", ".google.protobuf.Timestamp at", "bool paid", "bytes raw", ".google.protobuf.Int32Value limit",
        "double weight", "repeated Color colors", ".google.protobuf.FieldMask mask", "uint64 version",
        ".google.protobuf.Any extra", ".google.protobuf.BoolValue gift",
    ),
    "Asked": ("string id", "Order order", "string metadata", "int64 left"),
}  # fmt: skip

METHODS = (
    (
        "Get", "Order", "Asked",
        "GET /v1/orders/{id} ; GET /v1/{name=shelves/*/orders/*} ; GET /v1/orders/{id}/raw response_body=order",
    ),
    (
        "Create", "Order", "Asked",
        "POST /v1/orders body=* ; POST /v1/orders/{id}/items body=item ; PUT /v1/orders/{id}/tags body=tags",
    ),
    ("Cancel", "Order", "Asked", "POST /v1/orders/{id}:cancel body=*"),
    ("Find", "Order", "Asked", "GET /v1/orders ; SEARCH /v1/orders"),
    ("Fail", "Order", "Asked", "GET /v1/orders/fail/{total}"),
    ("Slow", "Order", "Asked", "GET /v1/orders/slow/{id}"),
    ("Watch", "Order", "stream Asked", "GET /v1/orders/watch/{total}"),
    ("Page", "Order", ".google.api.HttpBody", "GET /v1/orders/page/{id}"),
    ("Blob", "Order", "Asked", "POST /v1/orders/blob/{total} body=*"),
)  # fmt: skip


def file() -> Any:
    """The file that describes the shop."""
    made = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop.v1", syntax="proto3")
    made.dependency.extend(module.DESCRIPTOR.name for module in KNOWN)
    color = made.enum_type.add(name="Color")
    for number, name in enumerate(("COLOR_UNSPECIFIED", "RED", "BLUE")):
        color.value.add(name=name, number=number)
    for name, fields in MESSAGES.items():
        message = made.message_type.add(name=name)
        for number, spec in enumerate(fields, 1):
            field(message, number, spec)
    service = made.service.add(name="Orders")
    for name, takes, gives, http in METHODS:
        method = service.method.add(name=name, input_type=f".shop.v1.{takes.removeprefix('stream ')}")
        method.client_streaming, method.server_streaming = takes.startswith("stream "), gives.startswith("stream ")
        kind = gives.removeprefix("stream ")
        method.output_type = kind if kind[0] == "." else f".shop.v1.{kind}"
        rule(method, http)
    return made


def descriptor_set(*files: Any) -> bytes:
    """What protoc would write with --include_imports, but for the files that everybody has."""
    return descriptor_pb2.FileDescriptorSet(file=files or [file()]).SerializeToString()


class Shop:
    """The server, on a port of its own."""

    def __init__(self, *, reflection: bool = False, port: int = 0) -> None:
        self.pool = descriptor_pool.DescriptorPool()
        for module in (*_imports(), *KNOWN):
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        self.pool.AddSerializedFile(file().SerializeToString())
        self.order, self.asked = (self._class(f"shop.v1.{name}") for name in ("Order", "Asked"))
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        handlers = {}
        for name, _, gives, _ in METHODS:
            make = grpc.unary_stream_rpc_method_handler if "stream" in gives else grpc.unary_unary_rpc_method_handler
            handler = getattr(self, name.lower(), self.echo)
            handlers[name] = make(handler, self.order.FromString, lambda message: message.SerializeToString())
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        if reflection:
            from grpc_reflection.v1alpha import reflection as service

            service.enable_server_reflection((SERVICE, service.SERVICE_NAME), self.server, self.pool)
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()
        self.url = f"grpc://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End it."""
        self.server.stop(0).wait()

    def _class(self, name: str) -> Any:
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def echo(self, order: Any, context: Any) -> Any:
        """What was asked, with the metadata and the milliseconds that are left."""
        context.send_initial_metadata((("x-shop", "open"), ("x-raw-bin", b"\x00\x01")))
        told = ";".join(sorted(f"{key}={value!r}" for key, value in context.invocation_metadata()))
        return self.asked(id=order.id, order=order, metadata=told, left=int(context.time_remaining() * 1000))

    def fail(self, order: Any, context: Any) -> Any:
        """The code is the order's total."""
        status = status_pb2.Status(code=order.total, message="no such order: 5 %")
        for detail in (
            error_details_pb2.ErrorInfo(reason="GONE", domain="shop"),
            error_details_pb2.RetryInfo(retry_delay={"seconds": 3}),
        ):
            status.details.add().Pack(detail)
        status.details.add(type_url="x/unknown.Kind", value=b"\x01")
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        code = next(each for each in grpc.StatusCode if each.value[0] == order.total)
        context.abort(code, status.message)

    def slow(self, order: Any, context: Any) -> Any:
        """It answers once nobody waits any more."""
        gone = threading.Event()

        def over() -> None:
            self.cancelled.append(order.id)
            gone.set()

        self.begun.append(order.id)
        if not context.add_callback(over):  # it is over already
            over()
        gone.wait()
        return self.asked()

    def watch(self, order: Any, context: Any) -> Iterator[Any]:
        """So many messages; after a negative number an error, of 0 at once."""
        if order.total == 0:
            context.abort(grpc.StatusCode.NOT_FOUND, "nothing to watch")
        for number in range(abs(order.total)):
            yield self.asked(id=str(number))
        if order.total < 0:
            context.abort(grpc.StatusCode.DATA_LOSS, "it broke")

    def page(self, order: Any, context: Any) -> Any:
        """A page."""
        return httpbody_pb2.HttpBody(content_type="text/html", data=f"<b>{order.id}</b>".encode())

    def blob(self, order: Any, context: Any) -> Any:
        """An answer of so many bytes."""
        return self.asked(metadata="x" * order.total)


def _imports() -> tuple[Any, ...]:
    from google.api import http_pb2

    return (descriptor_pb2, http_pb2)
