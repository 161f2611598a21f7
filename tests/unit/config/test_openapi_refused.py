"""Every mistake of an OpenAPI document is one of the configuration, with its place in the document."""

import pytest

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from tests.unit.config.openapi_text import SHOP, refused, with_body, with_parameters, write


def changed(old, new):
    assert old in SHOP
    return SHOP.replace(old, new, 1)


PARAMETER = "{name: item-id, in: path, required: true, schema: {type: integer}}"


@pytest.mark.parametrize(
    ("shop", "place", "words"),
    [
        (changed("openapi: 3.0.3", 'swagger: "2.0"'), "1:10", "Swagger 2.0 is not understood (convert it"),
        (changed("openapi: 3.0.3", "openapi: 3.2.0"), "1:10", "OpenAPI 3.2.0 is not understood (3.0 and 3.1 are)"),
        (changed("openapi: 3.0.3\n", ""), "1:1", "`openapi` is missing"),
        (changed("paths:", "pathes:"), "1:1", "`paths` is missing"),
        (changed("createItem", "listItems"), "11:20", "the operation listItems is there twice, first at shop.yaml:6"),
        (changed("/items/{item-id}:", "/items/{id}:"), "16:3", "parameter {id} is not declared"),
        (changed("/items/{item-id}:", "items/{item-id}:"), "16:3", "a path begins with /"),
        (changed("/items/{item-id}:", "/items/{item-id}/{item-id}.json:"), "16:3", "a parameter is a whole segment"),
        (changed("/items/{item-id}:", "/items//{item-id}:"), "19:5", "the path has an empty segment"),
        (changed(PARAMETER, f"{PARAMETER}\n      - {PARAMETER}"), "19:9", "item-id in the path is there twice"),
        (with_parameters("{name: a, in: body}"), "8:11", "the parameter a needs `in`: query"),
        (with_parameters("{in: query, schema: {}}"), "8:11", "the parameter has no `name`"),
        (changed(", schema: {type: integer}}", "}"), "18:9", "neither `schema` nor `content`"),
        (changed("parameters: []", "parameters: {}"), "8:19", "expected a list, found a mapping"),
        (changed("#/components/schemas/Item", "#/components/schemas/Itme"), "14:53", 'shop.yaml has no "Itme" there'),
        (changed("#/components/schemas/Item", "item.yaml"), "14:53", 'the file "item.yaml" cannot be read'),
        (changed("#/components/schemas/Item", "http://a/b"), "14:53", "leads to http://a/b, which is no file"),
        (changed("#/components/schemas/Item", "http://[a/b"), "14:53", "leads to http://[a/b, which is no file"),
        (changed("https://{region}.example.com/v1/", "https://[{region}/v1/"), "3:11", "[{region}/v1/, is none"),
        (changed("type: string", "type: string, format: {}"), "28:38", "this is no JSON Schema: {} is not of type"),
        (changed("#/components/schemas/Item", "#Item"), "14:53", "is no JSON pointer"),
        (changed("type: string", "type: strin"), "28:22", 'no JSON Schema: "strin" is not'),
        (changed("maxLength: 5", "maxLength: -1"), "28:41", "-1 is less than the minimum of 0"),
        (changed("maxLength: 5", 'pattern: "("'), "28:39", '"(" is not a "regex"'),
        (changed("{type: integer, readOnly: true}", "7"), "27:13", "expected a schema, found the number 7"),
        (changed("    Item:\n", "    Item: {$ref: '#/components/schemas/Item'}\n    X:\n"), "23:18", "back to itself"),
        (changed("application/json:", "json:"), "14:19", "expected a media type"),
        (changed("        content:", "        kontent:"), "13:9", "the body has no `content`"),
        (changed("variables: {region: {default: eu}}", "x: y"), "3:11", "the variable {region} of the server is not"),
        (changed("  /items:", "  /items: &a\n    x: y\n  /items:"), "7:3", "the key is written twice"),
        (changed("      parameters: []", "      security: [{o: []}]"), "8:19", "there is no security scheme o"),
        ("openapi: [", "2:1", "YAML syntax"),
    ],
)
def test_mistakes_have_their_place_in_the_document(tmp_path, shop, place, words):
    found = refused(tmp_path, shop)
    assert [one for one in found if one.startswith(f"shop.yaml:{place}: ") and words in one], found
    assert len(found) == 1, found


def test_two_operations_that_match_the_same(tmp_path):
    one = SHOP[SHOP.index("  /items/{item-id}") : SHOP.index("components:")]
    (found,) = refused(tmp_path, SHOP.replace(one, one + one.replace("item-id", "other")))
    assert found.startswith("shop.yaml:24:5: ")
    assert "GET /items/{other} matches the same requests as get-items-item-id at shop.yaml:19" in found


@pytest.mark.parametrize("schema", ["{$id: x}", "{$anchor: x}", "{$dynamicRef: '#x'}"])
def test_addresses_in_schemas(tmp_path, schema):
    (found,) = refused(tmp_path, with_body(schema, "3.1.0"))
    assert found.startswith("shop.yaml:7:") and "in a schema is not understood here" in found


def test_a_schema_of_another_draft(tmp_path):
    (found,) = refused(tmp_path, with_body("{$schema: 'http://json-schema.org/draft-07/schema#'}", "3.1.0"))
    assert found.startswith("shop.yaml:7:") and "not understood here; 2020-12 is" in found


def test_a_mistake_in_another_file_has_its_place_there(tmp_path):
    shop = changed("#/components/schemas/Item", "parts.yaml#/Item")
    (found,) = refused(tmp_path, shop, parts="Item:\n  type: objekt\n")
    assert found.startswith('parts.yaml:2:9: Item.type: this is no JSON Schema: "objekt" is not')


def test_all_mistakes_in_one_go(tmp_path):
    found = refused(tmp_path, changed("type: integer}}", "type: int}}").replace("type: string", "type: strin"))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ("exclude: [listItem]", "6:15", 'the document has no operation "listItem" (did you mean `listItems`?)'),
        ("operations: {creatItem: {}}", "6:18", "did you mean `createItem`?"),
        ("operations: {createItem: {timeot: 1s}}", "6:31", "unknown key (did you mean `timeout`?)"),
        ("operations: {createItem: {upstream: ap}}", "6:41", 'there is no upstream "ap" (did you mean `app`?)'),
        ("match: {path: /a}", "6:5", "`match` has no meaning beside `openapi`"),
        ("validate: {query: {}}", "6:16", "`query` comes from the document"),
        ("timeout: 5", "6:14", "a number needs its unit"),
        ("prefix: shop", "6:13", "expected a path such as /shop"),
        ("name: /a", "6:11", "expected a name"),
    ],
)
def test_mistakes_beside_it_have_their_place_in_the_configuration(tmp_path, more, place, words):
    found = refused(tmp_path, more=more)
    assert [one for one in found if one.startswith(f"gateway.yaml:{place}: ") and words in one], found
    assert len(found) == 1, found


@pytest.mark.parametrize("key", ["prefix: /a", "strict: true", "operations: {}", "exclude: [a]", "hosts: [a.b]"])
def test_keys_that_mean_nothing_without_a_document(tmp_path, key):
    file = tmp_path / "gateway.yaml"
    file.write_text(f"version: 1\nroutes: [{{name: a, match: {{path: /a}}, respond: {{status: 200}}, {key}}}]\n")
    with pytest.raises(ConfigError, match="has no meaning without `openapi`"):
        load(file)


def test_a_route_that_ties_with_one_of_a_document(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text() + "  - {name: mine, match: {path: /v1/items, methods: [GET]}, upstream: app}\n")
    with pytest.raises(ConfigError, match=r"gateway.yaml:6.*ties with the route shop.listItems \(.*shop.yaml:6\)"):
        load(path)


def test_parameters_are_held_against_their_schemas_too(tmp_path):
    (found,) = refused(tmp_path, with_parameters("{in: query, name: a, schema: {type: int}}"))
    assert found.startswith("shop.yaml:8:47: ") and "no JSON Schema" in found
