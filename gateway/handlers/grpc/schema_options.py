"""`grpc` of a route: methods that are called by gRPC behind plain HTTP."""

from gateway.config.schema_parts import Schema, boolean, file_name, listing, quantity, section, text


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    service = text("a service's full name such as shop.v1.Orders", "A service.", r"^[A-Za-z_][A-Za-z0-9_.]*$")
    keys = {
        "upstream": text("an upstream's name", "The upstream that is called; its targets are grpc:// or grpcs://."),
        "descriptors": file_name("A descriptor set, as `protoc --include_imports --descriptor_set_out` writes it."),
        "reflection": boolean("Whether the upstream itself is asked for its descriptors.", False),
        "services": listing("The services that may be called; all of them when not written.", service, least=1),
        "max_message": quantity("size", "The largest message, in both directions.", "4MB"),
        "defaults": boolean("Whether answers have the fields that are at their default.", False),
    }
    return {"grpc": section("Methods that are called by gRPC, by their google.api.http rules.", keys, ("upstream",))}
