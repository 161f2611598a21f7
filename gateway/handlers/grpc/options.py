"""Options of `grpc` of a route: methods that are called by gRPC."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway._fast.route import template
from gateway.config import schema_parts as schemas
from gateway.config.diagnostics import did_you_mean
from gateway.config.options import Options
from gateway.config.schema_parts import Schema
from gateway.upstream.grpc.requirements import NEEDS

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import RouteContext
    from gateway.handlers.grpc.schema import Schema as GrpcSchema


class Grpc(Options, frozen=True):
    """`descriptors` is the content of the descriptor set, b"" = the upstream is asked by reflection.

    `services` are full names, () = all; `most` is the bytes of the largest message; `defaults` says whether answers
    have the fields that are at their default; `file` is the descriptor set's name.
    """

    upstream: str
    descriptors: bytes
    file: str
    services: tuple[str, ...]
    most: int
    defaults: bool
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    service = schemas.text("a service's full name such as shop.v1.Orders", "A service.", r"^[A-Za-z_][A-Za-z0-9_.]*$")
    keys = {
        "upstream": schemas.text(
            "an upstream's name", "The upstream that is called; its targets are grpc:// or grpcs://."
        ),
        "descriptors": schemas.file_name(
            "A descriptor set, as `protoc --include_imports --descriptor_set_out` writes it."
        ),
        "reflection": schemas.boolean("Whether the upstream itself is asked for its descriptors.", False),
        "services": schemas.listing("The services that may be called; all of them when not written.", service, least=1),
        "max_message": schemas.quantity("size", "The largest message, in both directions.", "4MB"),
        "defaults": schemas.boolean("Whether answers have the fields that are at their default.", False),
    }
    return {
        "grpc": schemas.section("Methods that are called by gRPC, by their google.api.http rules.", keys, ("upstream",))
    }


def read_grpc(holder: OptionReader, context: RouteContext) -> Grpc | None:
    """The section, None where it is not written."""
    if "grpc" not in holder:
        return None
    reader = holder.section("grpc")
    if not _is_installed():
        reader.complain(*NEEDS)
        return None
    name, data = reader.one("descriptors"), None
    if reader.flag("reflection") and name is not None:
        reader.complain("a route has either `descriptors` or `reflection`, not both", key="reflection")
    elif name is not None:
        data = reader.contents(name)[1]
    elif not reader.flag("reflection"):
        reader.complain(
            "nobody says what can be called", "name a file under `descriptors`, or write `reflection: true`"
        )
    services = tuple(reader.texts("services"))
    if name is not None and data is not None:
        _check(reader, name, data, services, context)
    return Grpc(
        upstream=reader.text("upstream"),
        descriptors=data or b"",
        file=name.value if name is not None else "",
        services=tuple(each.value for each in services),
        most=reader.size("max_message"),
        defaults=reader.flag("defaults"),
        where=reader.where,
    )


def _is_installed() -> bool:
    """Whether the extra is there; nothing of it is loaded."""
    try:
        return None not in map(find_spec, ("h2", "google.protobuf", "google.api.annotations_pb2"))
    except ModuleNotFoundError:  # of what a name is within
        return False


def _check(
    reader: OptionReader, name: ScalarNode, data: bytes, services: tuple[ScalarNode, ...], context: RouteContext
) -> None:
    from gateway.handlers.grpc.schema import Schema as GrpcSchema
    from gateway.handlers.grpc.schema import SchemaError

    try:
        schema = GrpcSchema.read(data)
    except SchemaError as error:
        name.complain(f"the file {name.shown} cannot be used: {error}")
        return
    unknown = [each for each in services if each.value not in schema.services]
    for each in unknown:
        each.complain(f"the file {name.shown} has no service {each.shown}", did_you_mean(each.value, schema.services))
    if not unknown:
        _check_rules(reader, name, schema, tuple(each.value for each in services), context)


def _check_rules(
    reader: OptionReader, name: ScalarNode, schema: GrpcSchema, services: tuple[str, ...], context: RouteContext
) -> None:
    from gateway.handlers.grpc.bindings import bindings, member_at
    from gateway.handlers.grpc.schema import SchemaError

    try:
        table = bindings(schema, services)
        reached = member_at(table, template(context.path), context.methods)
    except SchemaError as error:
        name.complain(f"the file {name.shown} cannot be used: {error}")
        return
    except ValueError:  # the path's own mistake has been said
        return
    if not table:
        name.complain(f"no method in the file {name.shown} has a google.api.http rule")
    elif not reached:
        paths = ", ".join(dict.fromkeys(f"{each.verb} {each.template.text}" for each in table[:5]))
        reader.complain(f"no rule in the file {name.shown} fits the route's path {context.path}", f"it has {paths}")
    for each in reached:
        if each.method.takes_stream:
            method = f"{each.method.service}.{each.method.name}"
            name.complain(
                f"{method} takes a stream of messages, which a request of HTTP cannot be", "leave its rule out"
            )
