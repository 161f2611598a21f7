"""`openapi` of a route: which routes the operations of a document become, and what they ask of requests."""

import io
import json

import pytest

from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.errors import GatewayError
from tests.exchanges import exchange
from tests.unit.config.openapi_text import SHOP, read, with_body, with_parameters, write


def by_name(document):
    return {route.name: route for route in document.routes}


def guard(document, name):
    plan = compile(document)
    (route,) = [one for one in plan.routes if one.name == name]
    (found,) = [step.steps.on_request for step in route.steps if step.name == "guard"]
    return found


NO_BODY = object()


def verdict(hook, method="GET", target="/a", body=NO_BODY, headers=(), params=None):
    data = None if body is NO_BODY else json.dumps(body).encode()
    fields = [*headers, *([("Content-Type", "application/json")] if data is not None else [])]
    made = exchange(method, target, fields, body_length=len(data or b""), params=params)
    made.body = None if data is None else io.BytesIO(data)
    try:
        hook(made)
    except GatewayError as error:
        faults = (error.extensions or {}).get("errors", ())
        return error.kind.slug, [fault["pointer"] for fault in faults]
    return "goes on", []


def test_each_operation_is_a_route(tmp_path):
    routes = by_name(read(tmp_path))
    assert {name: (one.match.methods, one.match.path) for name, one in routes.items()} == {
        "shop.listItems": (("GET",), "/v1/items"),
        "shop.createItem": (("POST",), "/v1/items"),
        "shop.get-items-item-id": (("GET",), "/v1/items/{item_id}"),
    }
    assert {one.rewrite for one in routes.values()} == {None}
    assert routes["shop.createItem"].where.endswith("shop.yaml:10")
    assert routes["shop.createItem"].validate.body.name == "Item"
    assert routes["shop.createItem"].validate.body.where.endswith("shop.yaml:24")


def test_paths_are_compared_decoded(tmp_path):
    shop = SHOP.replace("  /items:", "  /all%20items/caf%C3%A9:")
    routes = by_name(read(tmp_path, shop, more="name: s\nprefix: /p"))
    assert (routes["s.listItems"].match.path, routes["s.listItems"].rewrite.target) == (
        "/p/all items/café",
        "/v1/all%20items/caf%C3%A9",
    )
    with pytest.raises(ConfigError, match=r"shop.yaml:.*the path is compared decoded, and a%2Fb is not"):
        read(tmp_path, SHOP.replace("  /items:", "  /a%2Fb:"))


def test_a_prefix_stands_in_place_of_the_servers_path(tmp_path):
    routes = by_name(read(tmp_path, more="name: s\nprefix: /my/shop\nhosts: [api.example.com]"))
    assert routes["s.get-items-item-id"].match.path == "/my/shop/items/{item_id}"
    assert routes["s.get-items-item-id"].rewrite.target == "/v1/items/{item_id}"
    assert {one.match.hosts for one in routes.values()} == {("api.example.com",)}
    assert read(tmp_path, more="prefix: /v1/").routes[0].rewrite is None


def test_the_nearest_server_counts(tmp_path):
    shop = SHOP.replace("      operationId: listItems\n", "      operationId: listItems\n      servers: [{url: /v2}]\n")
    assert by_name(read(tmp_path, shop))["shop.listItems"].match.path == "/v2/items"


def test_keys_hold_for_all_operations_and_for_one(tmp_path):
    more = (
        "timeout: 5s\nvalidate: {max_body: 1KB}\noperations: {listItems: {timeout: 1s}}\nexclude: [get-items-item-id]"
    )
    routes = by_name(read(tmp_path, more=more))
    assert {name: one.timeout.total for name, one in routes.items()} == {"shop.listItems": 1, "shop.createItem": 5}
    assert {one.validate.max_body for one in routes.values()} == {1024}
    assert routes["shop.listItems"].timeout.where.endswith("gateway.yaml:8")


def test_files_that_are_referred_to_are_the_configurations(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "item.yaml").write_text("Item: {type: object, properties: {kind: {$ref: kind.json}}}")
    (tmp_path / "parts" / "kind.json").write_text('{"enum": ["tea"]}')
    shop = SHOP.replace('"#/components/schemas/Item"', '"parts/item.yaml#/Item"')
    found = read(tmp_path, shop)
    assert {str(tmp_path / name) for name in ("shop.yaml", "parts/item.yaml", "parts/kind.json")} <= set(found.files)
    hook = guard(found, "shop.createItem")
    assert verdict(hook, "POST", "/", {"kind": "tea"})[0] == "goes on"
    assert verdict(hook, "POST", "/", {"kind": "car"}) == ("invalid-body", ["/kind"])
    (tmp_path / "parts" / "kind.json").write_text('{"enum": ["car"]}')
    assert load(tmp_path / "gateway.yaml").version != found.version


def test_what_is_excluded_may_be_what_no_route_can_be(tmp_path):
    shop = SHOP.replace("/items/{item-id}:", "/items/{item-id}.json:")
    more = "exclude: [get-items-item-id-json]"
    assert set(by_name(read(tmp_path, shop, more))) == {"shop.listItems", "shop.createItem"}


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1"])
def test_json_is_a_document_too(tmp_path, version):
    document = {"openapi": version, "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {}}}}
    (tmp_path / "shop.json").write_text(json.dumps(document))
    file = write(tmp_path)
    file.write_text(file.read_text().replace("shop.yaml", "shop.json"))
    assert [route.name for route in load(file).routes] == ["shop.get-a"]


@pytest.mark.parametrize(
    ("version", "schema", "good", "bad"),
    [
        ("3.0.3", "{type: string, nullable: true}", [None, "x"], [1]),
        ("3.0.3", "{type: number, minimum: 1, exclusiveMinimum: true}", [1.1], [1]),
        ("3.0.3", "{type: number, maximum: 1, exclusiveMaximum: false}", [1], [1.1]),
        ("3.0.3", "{type: integer, format: int32, example: x}", [7], ["x"]),
        ("3.0.3", "{type: object, required: [a, b], properties: {a: {readOnly: true}}}", [{"b": 1}], [{"a": 1}]),
        ("3.0.3", "{oneOf: [{$ref: '#/components/schemas/A'}, {type: string}], discriminator: {}}", [{"a": []}], [7]),
        ("3.0.3", "{$ref: '#/components/schemas/A'}", [{"a": [{"a": []}]}], [{"a": [{"a": 1}]}]),
        ("3.0.3", "{type: object, additionalProperties: {type: integer}}", [{"x": 1}], [{"x": "y"}]),
        ("3.1.0", "{type: [string, 'null']}", [None, "x"], [1]),
        ("3.1.0", "{exclusiveMinimum: 1}", [1.1], [1]),
        ("3.1.0", "{prefixItems: [{type: string}], items: false}", [["a"]], [["a", "b"], [1]]),
        ("3.1.0", "{$ref: '#/components/schemas/A', maxProperties: 1}", [{"a": []}], [{"a": [], "b": 1}, {"a": 1}]),
        ("3.1.0", "{allOf: [{properties: {a: {}}}], unevaluatedProperties: false}", [{"a": 1}], [{"b": 1}]),
        ("3.1.0", "{type: object, required: [a], properties: {a: {$ref: '#/x', readOnly: true}}}", [{}], [{"a": 1}]),
        ("3.1.0", "{contains: {const: 7}, minContains: 2}", [[7, 7]], [[7]]),
        ("3.1.0", "{dependentRequired: {a: [b]}}", [{"a": 1, "b": 1}], [{"a": 1}]),
    ],
)
def test_bodies_are_held_against_their_schemas(tmp_path, version, schema, good, bad):
    a = "{type: object, properties: {a: {type: array, items: {$ref: '#/components/schemas/A'}}}}"
    document = read(tmp_path, with_body(schema, version, components=f"{{schemas: {{A: {a}}}}}\nx: {{type: array}}"))
    assert document.warnings == ()
    hook = guard(document, "shop.a")
    assert [verdict(hook, "POST", "/a", value)[0] for value in good] == ["goes on"] * len(good)
    assert [verdict(hook, "POST", "/a", value)[0] for value in bad] == ["invalid-body"] * len(bad)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("name: a, schema: {type: array, items: {type: integer}}", ["a=1&a=2", "", "a=1"], ["a=x"]),
        ("name: a, explode: false, schema: {type: array, items: {type: integer}}", ["a=1,2"], ["a=1,x", "a=1&a=2"]),
        ("name: a, style: spaceDelimited, schema: {type: array, items: {enum: [b, c]}}", ["a=b%20c"], ["a=b,c"]),
        (
            "name: a, style: pipeDelimited, schema: {type: array, items: {enum: [b, c]}}",
            ["a=b|c", "a=b%7Cc"],
            ["a=d|c"],
        ),
        ("name: a, style: deepObject, schema: {$ref: '#/components/schemas/O'}", ["a[n]=7", ""], ["a[n]=x", "a=7"]),
        ("name: a, schema: {$ref: '#/components/schemas/O'}", ["n=7&z=1", "z=1"], ["n=x"]),
        ("name: a, explode: false, schema: {$ref: '#/components/schemas/O'}", ["a=n,7"], ["a=n,x", "a=n"]),
        ("name: a, required: true, schema: {type: boolean}", ["a=true"], ["", "a=yes", "a"]),
        ("name: a, allowEmptyValue: true, schema: {type: integer}", ["a", "a=7", ""], ["a=x"]),
        ("name: a, schema: {allOf: [{type: integer}, {minimum: 3}]}", ["a=3"], ["a=2", "a=x"]),
        ("name: a, content: {application/json: {schema: {type: array, minItems: 1}}}", ["a=[1]"], ["a=[]", "a=["]),
    ],
)
def test_queries_are_written_in_many_styles(tmp_path, version, parameter, good, bad):
    components = "{schemas: {O: {type: object, properties: {n: {type: integer}}}}}"
    shop = with_parameters(f"{{in: query, {parameter}}}", version=version, components=components)
    hook = guard(read(tmp_path, shop), "shop.a")
    assert [verdict(hook, target=f"/a?{query}")[0] for query in good] == ["goes on"] * len(good)
    assert [verdict(hook, target=f"/a?{query}")[0] for query in bad] == ["invalid-query"] * len(bad)


def test_header_fields_and_cookies(tmp_path):
    shop = with_parameters(
        "{in: header, name: X-N, required: true, schema: {type: integer}}",
        "{in: header, name: X-O, explode: true, schema: {type: object, properties: {n: {type: integer}}}}",
        "{in: header, name: Authorization, required: true, schema: {type: integer}}",
        "{in: cookie, name: c, required: true, schema: {$ref: '#/components/schemas/C'}}",
        "{in: cookie, name: d, schema: {type: boolean}}",
        components="{schemas: {C: {type: integer, minimum: 3}}}",
    )
    hook = guard(read(tmp_path, shop), "shop.a")

    def ask(*headers):
        return verdict(hook, headers=headers)

    assert ask(("x-n", "7"), ("X-O", "n=7,m=x"), ("Cookie", "a=b; c=3; d=true")) == ("goes on", [])
    assert ask(("x-n", "7"), ("Cookie", "a=b"), ("Cookie", "c=3")) == ("goes on", [])
    assert ask(("x-n", "x"), ("X-O", "n=x"), ("Cookie", "c=2; d=1")) == (
        "invalid-headers",
        ["/X-N", "/X-O/n", "/cookie/c", "/cookie/d"],
    )
    assert ask(("x-n", "7"), ("Cookie", "c=3; c=4")) == ("invalid-headers", ["/cookie"])
    assert ask(("x-n", "7"), ("Cookie", "d=true")) == ("invalid-headers", ["/cookie"])
    assert ask(("x-n", "7")) == ("invalid-headers", [""])


def test_the_path_is_typed_where_that_means_the_same(tmp_path):
    shop = SHOP.replace("{type: integer}}\n    get", "{type: string, format: uuid}}\n    get")
    assert by_name(read(tmp_path, shop))["shop.get-items-item-id"].match.path == "/v1/items/{item_id:uuid}"
    hook = guard(read(tmp_path), "shop.get-items-item-id")
    assert verdict(hook, params={"item_id": "7"})[0] == "goes on"
    assert verdict(hook, params={"item_id": "07"}) == ("invalid-parameters", ["/item_id"])


def test_unknown_query_parameters_are_refused_only_when_strict(tmp_path):
    shop = with_parameters("{in: query, name: a, schema: {}}").replace(
        "components: {}", "components: {securitySchemes: {k: {type: apiKey, in: query, name: key}}}"
    )
    assert verdict(guard(read(tmp_path, shop), "shop.a"), target="/a?x=1")[0] == "goes on"
    hook = guard(read(tmp_path, shop, "strict: true"), "shop.a")
    assert verdict(hook, target="/a?a=1&key=2")[0] == "goes on"
    assert verdict(hook, target="/a?x=1")[0] == "invalid-query"
    hook = guard(read(tmp_path, more="strict: true"), "shop.listItems")
    assert verdict(hook, target="/a?x=1")[0] == "invalid-query"


def test_bodies_that_are_no_json_are_held_against_their_type(tmp_path):
    validate = read(tmp_path, with_body("{}", kind='"Text/Plain; charset=utf-8"')).routes[0].validate
    assert (validate.content_types, validate.body) == (("text/plain",), None)
    assert read(tmp_path, with_body("{}", kind='"*/*"')).routes[0].validate is None


def test_json_beside_other_types_is_held_against_its_schema(tmp_path):
    both = with_body("{type: object}").replace("{application/json:", "{text/plain: {}, application/json:")
    hook = guard(read(tmp_path, both), "shop.a")
    assert verdict(hook, "POST", "/a", {})[0] == "goes on"
    assert verdict(hook, "POST", "/a", [])[0] == "invalid-body"
    text = exchange("POST", "/a", [("Content-Type", "text/plain; charset=latin-1")], body_length=1)
    text.body = io.BytesIO(b"x")
    assert hook(text) is None


def test_a_body_may_be_missing_unless_it_is_required(tmp_path):
    must = with_body("{type: object}")
    assert verdict(guard(read(tmp_path, must), "shop.a"), "POST") == ("missing-body", [])
    may = guard(read(tmp_path, must.replace("required: true, content", "content")), "shop.a")
    assert verdict(may, "POST") == ("goes on", [])
    assert verdict(may, "POST", "/a", [])[0] == "invalid-body"


def test_arrays_and_objects_in_the_path(tmp_path):
    shop = with_parameters(
        "{in: path, name: a, required: true, schema: {type: array, items: {type: integer}}}",
        "{in: path, name: o, required: true, explode: true, schema: {type: object, properties: {n: {type: integer}}}}",
    ).replace("/a:", "/{a}/{o}:")
    hook = guard(read(tmp_path, shop), "shop.a")
    assert verdict(hook, params={"a": "1,2", "o": "n=3"})[0] == "goes on"
    assert verdict(hook, params={"a": "1,x", "o": "n=y"}) == ("invalid-parameters", ["/a/1", "/o/n"])


SECURE = SHOP.replace("      parameters: []\n", "      security: [{o: [items:read]}]\n").replace(
    "components:\n", "components:\n  securitySchemes: {o: {type: oauth2, flows: {}}}\n"
)
AUTH = "\nauth: {staff: {api_key: {from: header:K, keys: ''}}}"


@pytest.mark.parametrize(
    ("more", "scopes"),
    [
        ("auth: staff", ("items:read",)),
        ("auth: {use: staff}", ("items:read",)),
        ("auth: {use: staff, scopes: [b]}", ("b",)),
    ],
)
def test_security_adds_scopes_to_auth(tmp_path, more, scopes):
    file = write(tmp_path, SECURE, more)
    file.write_text(file.read_text().replace("version: 1", "version: 1" + AUTH))
    document = load(file)
    assert by_name(document)["shop.listItems"].access.scopes == scopes
    assert document.warnings == ()


def test_security_without_auth_is_warned_of(tmp_path):
    document = read(tmp_path, SECURE)
    assert by_name(document)["shop.listItems"].access is None
    (warning,) = map(str, document.warnings)
    assert "gateway.yaml:4:14" in warning and "everybody gets in, though `security` is declared by listItems" in warning
    assert read(tmp_path, SECURE, "exclude: [listItems]").warnings == ()


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("{in: cookie, name: c, schema: {type: array}}", "an array in style form in the cookie is not looked into"),
        ("{in: query, name: c, schema: {type: string, const: x}}", "`const` means nothing in a schema of OpenAPI 3.0"),
        ("{in: query, name: c, schema: {nullable: true}}", "`nullable` has no effect without `type`"),
        ("{in: query, name: c, schema: {format: colour}}", "the format 'colour' is not known"),
    ],
)
def test_what_would_mean_nothing_is_warned_of(tmp_path, parameter, words):
    (warning,) = map(str, read(tmp_path, with_parameters(parameter)).warnings)
    assert words in warning and "shop.yaml:8:" in warning
