"""A small service that speaks gRPC: the rate for what an item costs in another currency.

It needs grpcio, grpcio-reflection and googleapis-common-protos, which `make build` installs.
"""

from __future__ import annotations

from typing import Any

SERVICE = "pricing.v1.Prices"
#: what a euro is in other currencies
RATES = {"EUR": "1.00", "CHF": "0.93", "GBP": "0.84", "USD": "1.09"}


def start(port: int) -> Any | None:
    """The server on a port of 127.0.0.1; None where a package is missing. Raises OSError for a port that is taken."""
    try:
        from concurrent import futures

        import grpc
        from grpc_reflection.v1alpha import reflection
    except ImportError:
        return None
    pool, asked, price = _described()

    def convert(request: Any, context: Any) -> Any:
        currency = request.currency or "EUR"
        if currency not in RATES:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no rate for {currency}")
        return price(sku=request.sku.upper(), currency=currency, rate=RATES[currency])

    handler = grpc.unary_unary_rpc_method_handler(convert, asked.FromString, lambda answer: answer.SerializeToString())
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Get": handler}),))
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server, pool)
    try:
        server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as error:
        raise OSError(0, "the port is taken") from error
    server.start()
    return server


def _described() -> tuple[Any, Any, Any]:
    """(the pool, the class of what is asked, the class of the answer): what `protoc` would make of a .proto file."""
    from google.api import annotations_pb2, http_pb2
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="pricing.proto", package="pricing.v1", syntax="proto3")
    file.dependency.append(annotations_pb2.DESCRIPTOR.name)
    for name, fields in (("Asked", ("sku", "currency")), ("Price", ("sku", "currency", "rate"))):
        message = file.message_type.add(name=name)
        for number, each in enumerate(fields, 1):
            message.field.add(name=each, number=number, type=9, label=1)
    method = file.service.add(name="Prices").method.add(
        name="Get", input_type=".pricing.v1.Asked", output_type=".pricing.v1.Price"
    )
    method.options.Extensions[annotations_pb2.http].get = "/v1/prices/{sku}"
    pool = descriptor_pool.DescriptorPool()
    for module in (descriptor_pb2, http_pb2, annotations_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    asked, price = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"pricing.v1.{name}")) for name in ("Asked", "Price")
    )
    return pool, asked, price
