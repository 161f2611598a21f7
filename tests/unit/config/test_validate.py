"""`validate` of a route: what is read, and what is refused with its place."""

import json

import pytest

from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.validation.schema import Schema

HEAD = """\
version: 1
upstreams: {app: {targets: [http://127.0.0.1:9000]}}
routes:
  - name: r
    match: {path: "/a/{id:int}", methods: [POST]}
    upstream: app
    validate: """


def read(folder, validate, server="", **files):
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)
    file = folder / "gateway.yaml"
    file.write_text(HEAD.replace("upstreams", f"{server}\nupstreams", 1) + validate + "\n")
    return load(file)


def complaints(folder, validate, **files):
    with pytest.raises(ConfigError) as caught:
        read(folder, validate, **files)
    return [str(each).replace(f"{folder}/", "") for each in caught.value.complaints]


def test_what_is_not_written_has_its_default(tmp_path):
    found = read(tmp_path, "{body: {type: object}}").routes[0].validate
    assert found.content_types == ("application/json", "application/*+json")
    assert (found.max_body, found.depth, found.members, found.ratio) == (None, 32, 10_000, 100)
    assert found.query is found.headers is found.params is None
    assert found.body.name == "inline"
    assert found.where.endswith("gateway.yaml:8")
    assert read(tmp_path, "{max_body: 1KB}").routes[0].validate.content_types == ()


def test_utf8_is_utf_8(tmp_path):
    found = read(tmp_path, "{content_type: [text/plain], charset: [UTF8, latin1]}").routes[0].validate
    assert found.charsets == ("utf-8", "latin1")
    assert read(tmp_path, "{body: {type: object}, charset: [utf8]}").routes[0].validate.charsets == ("utf-8",)


def test_files_that_are_referred_to_are_the_configurations(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.json").write_text('{"definitions": {"x": {"type": "string"}}}')
    files = {"item": {"properties": {"a": {"$ref": "b.json#/definitions/n"}}}}
    files["b"] = {"definitions": {"n": {"$ref": "deep/c.json#/definitions/x"}}}
    found = read(tmp_path, "{body: item.json}", **files)
    names = {str(tmp_path / name) for name in ("item.json", "b.json", "deep/c.json")}
    assert names <= set(found.files)
    assert {address for address, _ in found.routes[0].validate.body.documents} == {f"file://{name}" for name in names}
    (tmp_path / "deep" / "c.json").write_text('{"definitions": {"x": {"type": "number"}}}')
    assert load(tmp_path / "gateway.yaml").version != found.version


@pytest.mark.parametrize(
    ("validate", "files", "words"),
    [
        ("{body: no.json}", {}, 'validate.body: the file "no.json" cannot be read'),
        ("{body: a.json}", {"a": "{"}, "a.json is not JSON: Expecting property name"),
        ("{body: a.json}", {"a": '{"type": "object", "type": "array"}'}, "'type' twice"),
        ("{body: a.json}", {"a": '{"minimum": NaN}'}, "it has NaN"),
        ("{body: a.json}", {"a": "[1]"}, "neither an object nor true or false"),
        ("{body: a.json}", {"a": {"type": "strin"}}, "a.json is no JSON Schema"),
        ("{body: a.json}", {"a": {"properties": {"x": {"pattern": "("}}}}, "(at /properties/x/pattern)"),
        ("{query: {properties: {x: {minLength: -1}}}}", {}, "(at /properties/x/minLength)"),
        ("{body: a.json}", {"a": {"$ref": "#/definitions/x"}}, "Pointer '/definitions/x' does not exist"),
        ("{body: a.json}", {"a": {"$ref": "b.json"}}, 'b.json" cannot be read'),
        ("{body: a.json}", {"a": {"$ref": "b.json#/x"}, "b": {}}, "Pointer '/x' does not exist"),
        ("{body: a.json}", {"a": {"$ref": "b.json"}, "b": {"type": 3}}, "b.json is no JSON Schema"),
        (
            "{body: a.json}",
            {"a": {"$ref": "https://example.com/x.json"}},
            "https://example.com/x.json, which is no file",
        ),
        ("{body: a.json}", {"a": {"$id": "https://e.com/a", "items": {"$ref": "b"}}}, "leads to https://e.com/b"),
        (
            "{body: a.json}",
            {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}},
            "a.json is no",
        ),
        (
            "{body: a.json}",
            {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema", "items": {"$ref": "b.json"}}}
            | {"b": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            "b.json is written in JSON Schema draft-07; 2020-12 is what is read here",
        ),
        ("{body: a.json}", {"a": {"$schema": "https://json-schema.org/draft/2019-09/schema#"}}, "JSON Schema 2019-09;"),
        ("{body: a.json}", {"a": {"$schema": "http://json-schema.org/draft-04/schema#"}}, "JSON Schema draft-04;"),
        (
            "{body: a.json}",
            {"a": {"items": {"$ref": "b.json"}}, "b": {"$schema": "https://json-schema.org/draft/2020-12/schema"}},
            "b.json is written in JSON Schema 2020-12",
        ),
        ("{body: {minimum: .inf}}", {}, "is not a finite number"),
        ("{body: 7}", {}, "expected the name of a JSON Schema file, or a JSON Schema"),
        ("{content_type: [json]}", {}, "expected a media type such as"),
        ("{content_type: [a/b, A/B]}", {}, "is there twice"),
        ("{content_type: [text/xml], body: {}}", {}, "can only be held against JSON"),
        ("{limits: {depth: 3}, query: {}}", {}, "`limits` has no effect without `body`"),
        ("{body: {}, limits: {depth: 0}}", {}, "from 1 to 200"),
        ("{max_body: 64}", {}, "a number needs its unit"),
        ("{}", {}, "nothing is validated"),
        ("{bodi: x}", {}, "did you mean `body`?"),
        ("{openapi: x}", {}, "unknown key"),
    ],
)
def test_mistakes(tmp_path, validate, files, words):
    found = complaints(tmp_path, validate, **files)
    assert len(found) == 1, found
    assert words in found[0]
    assert found[0].startswith("gateway.yaml:8:")


def test_parameters_that_the_path_has_not(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(HEAD.replace("/{id:int}", "") + "{params: {type: object}}\n")
    with pytest.raises(ConfigError, match="the route's path has no parameters"):
        load(file)


def test_more_than_the_server_takes(tmp_path):
    with pytest.raises(ConfigError, match=r"gateway.yaml:8.*max_body.*no body has more than the 1048576 bytes"):
        read(tmp_path, "{max_body: 2MB}", server="server: {limits: {body: 1MB}}")
    compile(read(tmp_path, "{body: {}}", server="server: {limits: {body: 1KB}}"))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"prefixItems": [{}]}, "`prefixItems` is of a later draft than 07"),
        ({"items": {"format": "colour"}}, "the format 'colour' is not known"),
        ({"properties": {"a": {"typ": "string"}}}, "a.json: `typ` means nothing; did you mean `type`?"),
        ({"additionalPropertys": False}, "`additionalPropertys` means nothing; did you mean `additionalProperties`?"),
    ],
)
def test_what_would_mean_nothing_is_warned_of(tmp_path, schema, words):
    warnings = read(tmp_path, "{body: a.json}", a=schema).warnings
    assert len(warnings) == 1
    assert words in str(warnings[0])


def test_names_of_properties_are_no_keywords(tmp_path):
    assert read(tmp_path, "{body: a.json}", a={"x-types": 1, "example": 1, "nullable": True}).warnings == ()
    rules = {"properties": {"prefixItems": {"const": {"$schema": "x", "format": "y"}}}, "enum": [{"$schema": "z"}]}
    assert read(tmp_path, "{body: a.json}", a=rules).warnings == ()


def test_the_draft_2020_12_is_understood(tmp_path):
    rules = {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"$ref": "b.json"}]}
    document = read(tmp_path, "{body: a.json}", a=rules, b={"$defs": {"x": {"type": "string"}}, "$ref": "#/$defs/x"})
    assert document.warnings == ()
    spec = document.routes[0].validate.body
    schema = Schema(spec.name, spec.root, dict(spec.documents))
    assert schema.faults(["a"]) == []
    assert [fault.pointer for fault in schema.faults([1])] == ["/0"]
