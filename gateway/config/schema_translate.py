"""`jsonrpc` of a route: services that are called in their own way behind REST."""

from gateway.config.schema_parts import Schema, boolean, choice, either, integer, mapping, section, text


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    params = {"type": ["object", "array"], "title": "a mapping or a list", "description": "Texts may use variables."}
    code = text("a code of JSON-RPC such as -32004", "A code.", r"^-?[0-9]{1,9}$")
    keys = {
        "upstream": text("an upstream's name", "The upstream that is called."),
        "path": text("a path such as /rpc", "Where it listens.", "^/"),
        "method": text("a method's name", "What is called.", r"^[^\x00-\x1f]+$"),
        "params": either(
            "a mapping, a list, or `body`",
            "What it is called with; `body`: the client's.",
            {"enum": ["body"]},
            params,
        ),
        "notification": boolean("Whether no answer is waited for: the client gets 202.", False),
        "select": text("a JMESPath expression", "What is taken out of the result."),
        "errors": mapping("What statuses the service's codes stand for.", integer("A status.", 400, 599), code),
        "batch": integer("The most calls that a list in the client's body may ask for.", 1, 1000),
        "version": choice("The version of JSON-RPC.", "2.0", default="2.0"),
    }
    return {"jsonrpc": section("A method that is called by JSON-RPC.", keys, ("upstream", "path", "method"))}
