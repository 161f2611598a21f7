"""`openapi` of a route: a document whose operations are routes."""

from typing import Final

from gateway.config.schema_parts import NAME, Schema, boolean, file_name, listing, mapping, section, text

#: keys that have a meaning beside `openapi` only
OWN_KEYS: Final = ("openapi", "prefix", "hosts", "operations", "exclude", "strict")


def sections(keys: dict[str, Schema]) -> dict[str, Schema]:
    """The keys of a route that this module describes; `keys` are those that any route may have."""
    name = text("an operation's name", "Its operationId; without one, made of method and path: get-items-id.", NAME)
    overrides = section("Keys of its route, in place of those beside `openapi`.", keys)
    host = text("a host name", "A host name.")
    return {
        "openapi": file_name("An OpenAPI document (3.0 or 3.1, YAML or JSON): each operation becomes a route."),
        "prefix": text("a path such as /shop", "Stands in place of the path of the document's server.", "^/"),
        "hosts": listing("Hosts of all its operations, `*.example.com` for all below.", host, least=1),
        "operations": mapping("What is different for some operations, by name.", overrides, name),
        "exclude": listing("Operations that become no routes.", name, least=1),
        "strict": boolean("Refuse query parameters that the document does not have.", False),
    }
