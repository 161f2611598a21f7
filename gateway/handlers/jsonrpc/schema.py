"""`jsonrpc` and `graphql` of a route: services that are called in their own way behind REST."""

from gateway.config.schema_parts import (
    LINE,
    Schema,
    boolean,
    choice,
    either,
    file_name,
    integer,
    mapping,
    section,
    text,
)


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
    return {
        "jsonrpc": section("A method that is called by JSON-RPC.", keys, ("upstream", "path", "method")),
        "graphql": _graphql(),
    }


def _graphql() -> Schema:
    value = {"title": "a JSON value", "description": "A value; its texts may use variables."}
    name = text("a variable's name", "A variable of the operation.", r"^[_A-Za-z][_0-9A-Za-z]*$")
    code = text("a code such as NOT_FOUND", "What `extensions.code` of an error says.", LINE)
    bounds = {
        "depth": integer("Levels of fields.", 1, 1000, 12),
        "complexity": integer("Fields, those in a list times as many as are asked for.", 1, 1_000_000_000, 1000),
        "aliases": integer("Fields under another name.", 0, 10_000, 30),
        "introspection": boolean("Whether the schema may be asked for.", False),
        "persisted": file_name("A JSON file of documents by their SHA-256 in hex."),
        "only": boolean("Whether only those are run.", False),
    }
    keys = {
        "upstream": text("an upstream's name", "The upstream that is asked."),
        "path": text("a path such as /graphql", "Where it listens.", "^/"),
        "query": text("a document of GraphQL", "What is asked, or `file:` and the name of a file that has it."),
        "operation": text("an operation's name", "Which of several operations is run.", r"^[_A-Za-z][_0-9A-Za-z]*$"),
        "variables": mapping("Values for the operation's variables.", value, name),
        "select": text("a JMESPath expression", "What is taken out of the answer, such as data.search."),
        "errors": mapping("What statuses the service's codes stand for.", integer("A status.", 400, 599), code),
        "partial": boolean("Whether data beside errors is an answer, which is then marked.", True),
        "passthrough": section("Clients write the document themselves, within these bounds.", bounds),
    }
    return section("A query of GraphQL.", keys, ("upstream", "path"))
