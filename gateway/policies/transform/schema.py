"""`transform` of a route: changes to queries and JSON bodies."""

from gateway.config.schema_parts import MEDIA_TYPE, Schema, listing, mapping, quantity, section, text

TYPES = ("application/json", "application/*+json")
"""What is transformed where nothing else is written."""


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    keys = {
        "query": _query(),
        "request": _body("Of the client's JSON."),
        "response": _body("Of the JSON in answers with a status from 200 to 299."),
    }
    return {"transform": section("Changes to the query and to JSON bodies.", keys)}


def _query() -> Schema:
    name = text("a parameter's name", "A name, decoded.", r"^[^\x00-\x1f]+$")
    value = text("a string", "A value; may use {param}, {query.name}, {header.Name} and {claim.name}.")
    keys = {
        "rename": mapping("Parameters to rename, and their new names; values stay.", name, name),
        "remove": listing("Parameters to remove.", name),
        "set": mapping("Parameters to set, in place of any there are.", value, name),
        "add": mapping("Parameters to add beside those there are.", value, name),
    }
    return section("Of the query that the upstream sees; all that is not named stays byte for byte.", keys)


def _body(description: str) -> Schema:
    path = text("a path such as user.name or items[*].price", "Where in the JSON.", r"^[^\x00-\x1f]+$")
    media_type = text("a media type such as application/json or application/*+json", "A type.", MEDIA_TYPE)
    free: Schema = {
        "type": "object",
        "title": "a mapping",
        "description": "Paths and their new values: any JSON, whose texts may use {param}, {query.name} and the like.",
    }
    keys = {
        "select": text("a JMESPath expression", "What it becomes, before all else."),
        "rename": mapping("Paths of members, and their new names.", text("a string", "A member's name."), path),
        "remove": listing("Paths of what is taken out.", path),
        "set": free,
    }
    body = {
        "json": section("The changes.", keys),
        "max_body": quantity("size", "The largest body that is transformed.", "1MB"),
        "content_types": listing("Types that are transformed; JSON when not written.", media_type, least=1),
    }
    return section(description, body, ("json",))
