"""JSON Schemas that a configuration names or holds: read with all that they refer to, and held against their draft."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from gateway.config.diagnostics import closest_match
from gateway.config.options import Options
from gateway.config.reader import OptionReader, ScalarNode
from gateway.validation.draft07 import (
    DIALECT,
    FORMATS,
    KEYWORDS,
    LATER,
    META_2020,
    MORE_FORMATS,
    dialect,
    is_2020,
    schemas,
)

INLINE = "inline"


class JsonSchema(Options, frozen=True):
    """A schema that holds: draft-07, every reference found.

    `documents` are (address, JSON text) of it and of all that it refers to; `root` is the address of its own, `name`
    the file as it was written, or "inline".
    """

    name: str
    root: str
    documents: tuple[tuple[str, str], ...]
    where: str


class SchemaMistake(ValueError):
    """What is wrong with a schema, and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def read_schema(reader: OptionReader, key: str) -> JsonSchema | None:
    """The schema under a key, None without one; complains at the key's place when it cannot be used."""
    named, raw = reader.one(key), reader.raw(key)
    if named is None and not isinstance(raw, dict):
        return None
    at = named or reader.key(key)
    documents = _Documents(reader, at)
    try:
        if named is not None:
            root, name = documents.address(reader.absolute(named.value)), named.value
            documents.retrieve(root)
        else:
            title = raw.get("title")
            root, name = documents.address(reader.absolute(INLINE)), title if isinstance(title, str) else INLINE
            documents.add(root, json.dumps(raw, allow_nan=False))
        check(root, documents)
    except SchemaMistake as mistake:
        if not documents.unreadable:  # which was complained of
            at.complain(str(mistake), mistake.hint)
        return None
    except ValueError:  # for a number that JSON does not have, of which was complained
        return None
    return JsonSchema(name, root, tuple(documents.texts.items()), at.where)


def check(root: str, documents: "_Documents") -> None:
    """Raises SchemaMistake for what is no schema, or refers to what there is not."""
    import jsonschema_rs

    schema = documents.retrieve(root)
    kind = jsonschema_rs.Draft202012Validator if is_2020(schema) else jsonschema_rs.Draft7Validator
    try:
        kind(schema, base_uri=root, retriever=documents.retrieve, validate_formats=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        if documents.mistake is not None:
            raise documents.mistake from None
        message = getattr(error, "message", str(error))
        raise SchemaMistake(f"the schema cannot be used: {message}", _reference_hint(message)) from None


def faults_of_schema(schema: Any, draft: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a schema: (the way to it, words), each once."""
    found = _meta(draft).iter_errors(schema)
    yield from dict.fromkeys((tuple(error.instance_path), error.message) for error in found)


@cache
def _meta(draft: str) -> Any:
    """The validator of schemas themselves; that of 2020-12 takes milliseconds to build."""
    import jsonschema_rs

    if draft == "2020-12":
        return jsonschema_rs.Draft202012Validator({"$ref": META_2020}, validate_formats=True)
    return jsonschema_rs.Draft7Validator({"$ref": f"http://{DIALECT}#"}, validate_formats=True)


def _is_schema(schema: Any, address: str, draft: str) -> None:
    """Hold a document against its draft itself."""
    for path, message in faults_of_schema(schema, draft):
        place = "".join(f"/{step}" for step in path)
        raise SchemaMistake(f"{_name(address)} is no JSON Schema: {message} (at {place or 'its root'})")


def _reference_hint(message: str) -> str:
    is_reference = "ointer" in message or "Resource" in message
    return "a $ref is looked for in the file, and relative to it" if is_reference else ""


def _name(address: str) -> str:
    """A document for people."""
    path = unquote(urlsplit(address).path)
    return "the schema" if path.endswith("/" + INLINE) else path.rpartition("/")[2]


class _Documents:
    """What has been read for one schema, by address; each file joins the files of the configuration."""

    def __init__(self, reader: OptionReader, at: ScalarNode) -> None:
        self._reader = reader
        self._at = at
        self.texts: dict[str, str] = {}
        self._draft = ""
        self.unreadable = False
        self.mistake: SchemaMistake | None = None

    def address(self, path: str) -> str:
        """The address of a file."""
        return "file://" + quote(path)

    def add(self, address: str, text: str) -> Any:
        """Take a document in, and give its value. Raises SchemaMistake."""
        schema = _parsed(text, _name(address))
        if not isinstance(schema, dict | bool):
            raise SchemaMistake(f"{_name(address)} is no JSON Schema: it is neither an object nor true or false")
        # What is read first is what all others belong to.
        self._draft = self._draft or ("2020-12" if is_2020(schema) else "draft-07")
        _is_schema(schema, address, self._draft)
        self.texts[address] = text
        for one in schemas(schema):
            self._look_at(one, _name(address))
        return schema

    def retrieve(self, address: str) -> Any:
        """The document at an address; raises SchemaMistake, which `mistake` keeps, since others wrap it."""
        try:
            return self._retrieve(address)
        except SchemaMistake as mistake:
            self.mistake = self.mistake or mistake
            raise

    def _retrieve(self, address: str) -> Any:
        if address in self.texts:
            return json.loads(self.texts[address])
        parts = urlsplit(address)
        if parts.scheme != "file":
            # SECURITY: nothing is fetched, whatever a schema says (tests/unit/config/test_validate.py).
            hint = "references are files relative to this one; an `$id` in the schema changes what they are relative to"
            raise SchemaMistake(f"a $ref leads to {address}, which is no file", hint)
        _, data = self._reader.contents(replace(self._at, value=unquote(parts.path)))
        if data is None:
            self.unreadable = True
            raise SchemaMistake(f"{_name(address)} cannot be read")
        try:
            return self.add(address, data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise SchemaMistake(f"{_name(address)} is not UTF-8") from None

    def _look_at(self, schema: dict[str, Any], name: str) -> None:
        said = schema.get("$schema")
        if isinstance(said, str) and (found := dialect(said)) != self._draft:
            hint = "write all in draft-07, with $schema http://json-schema.org/draft-07/schema#, or all in 2020-12"
            raise SchemaMistake(f"{name} is written in JSON Schema {found}; {self._draft} is what is read here", hint)
        for key in sorted(LATER & schema.keys()) if self._draft == "draft-07" else ():
            self._at.warn(f"{name}: `{key}` is of a later draft than 07, in which it means nothing")
        for key in sorted(schema.keys() - KEYWORDS):
            if meant := closest_match(key, KEYWORDS, cutoff=0.8):
                self._at.warn(f"{name}: `{key}` means nothing; did you mean `{meant}`?")
        kind = schema.get("format")
        if isinstance(kind, str) and kind not in FORMATS | MORE_FORMATS:
            self._at.warn(f"{name}: the format {kind!r} is not known, so it is not checked")


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except SchemaMistake as mistake:
        raise SchemaMistake(f"{name} {mistake}") from None
    except json.JSONDecodeError as error:
        raise SchemaMistake(f"{name} is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except (RecursionError, ValueError) as error:
        raise SchemaMistake(f"{name} is not JSON that can be read: {type(error).__name__}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise SchemaMistake(f"has the member {next(n for n in names if names.count(n) > 1)!r} twice in one object")
    return found


def _no_constant(word: str) -> Callable[[], Any]:
    raise SchemaMistake(f"is not JSON: it has {word}")
