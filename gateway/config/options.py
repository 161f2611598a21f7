"""Options, each declared once: from a field's kind follow its schema, its default, its reading and its wording.

    class Cache(Options, frozen=True):
        ttl: Annotated[float, duration("How long an answer is fresh.", "0s")]
        where: str

`schema_of(Cache, ...)` is what editors and the check know of it, `read(Cache, reader)` the value; checks between fields
are the feature's own.  Annotations are evaluated when a configuration is read or its schema asked for, not in workers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec import Struct

from gateway.config import schema_parts as parts

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader

T = TypeVar("T", bound="Options")
Schema = dict[str, Any]
Read = Callable[["OptionReader", str], Any]


class Options(Struct, frozen=True):
    """Base of all values of a configuration.

    PERF: a Struct, since making a hundred dataclasses takes 50 ms of each start (perf/scenarios/cold-start.toml).
    """


class Kind(NamedTuple):
    """What an option is: its schema, how its value is read from under its key, and the key if it is not the field's."""

    schema: Schema
    read: Read
    key: str = ""
    required: bool = False
    #: keys beside it, which only its reading looks at
    more: tuple[tuple[str, Schema], ...] = ()

    def with_keys(self, **more: Schema) -> Kind:
        """The same with further keys behind it that have no field of their own."""
        return self._replace(more=tuple(more.items()))

    def named(self, key: str) -> Kind:
        """The same under another key than the field's name."""
        return self._replace(key=key)

    def must(self) -> Kind:
        """The same, which has to be written."""
        return self._replace(required=True)


def kinds_of(options: Any) -> dict[str, Kind]:
    """The kinds of a class by field, in the order of its fields; fields without a kind are left out."""
    return _kinds_of(options)


@cache
def _kinds_of(options: type) -> dict[str, Kind]:
    module = vars(sys.modules[options.__module__])  # NOTE: never the class, whose fields may be named like kinds
    hints = get_annotations(options, globals=module, locals={}, eval_str=True)
    found = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: more[0] for name, more in found.items() if more and isinstance(more[0], Kind)}


def keys_of(options: type[Options]) -> dict[str, Schema]:
    """The schemas of a class's options, by key."""
    found: dict[str, Schema] = {}
    for name, kind in kinds_of(options).items():
        found |= {kind.key or name: kind.schema, **dict(kind.more)}
    return found


def schema_of(options: type[Options], description: str) -> Schema:
    """The schema of a mapping with a class's options."""
    required = tuple(kind.key or name for name, kind in kinds_of(options).items() if kind.required)
    return parts.section(description, keys_of(options), required)


def read(options: type[T], reader: OptionReader, **given: Any) -> T:
    """A value of the class from the mapping of a reader; fields that are `given` are not read, `where` is its place."""
    if "where" in options.__struct_fields__:
        given.setdefault("where", reader.where)
    for name, kind in kinds_of(options).items():
        if name not in given:
            given[name] = kind.read(reader, kind.key or name)
    return options(**given)


def integer(description: str, low: int, high: int, default: int | None = None) -> Kind:
    """A whole number from low to high."""
    return Kind(parts.integer(description, low, high, default), _integer)


def flag(description: str, default: bool | None = None) -> Kind:
    """Either true or false."""
    return Kind(parts.boolean(description, default), lambda reader, key: reader.flag(key))


def duration(description: str, default: str | None = None) -> Kind:
    """Seconds, of a text such as 250ms."""
    return Kind(parts.quantity("duration", description, default), _duration)


def positive(description: str, default: str | None = None) -> Kind:
    """Seconds, more than 0."""
    return Kind(parts.quantity("positive", description, default), _duration)


def size(description: str, default: str | None = None) -> Kind:
    """Bytes, of a text such as 64KB."""
    return Kind(parts.quantity("size", description, default), lambda reader, key: reader.size(key))


def share(description: str, default: str | None = None) -> Kind:
    """A share from 0 to 1, of a text such as 5%."""
    return Kind(parts.quantity("share", description, default), lambda reader, key: reader.share(key))


def positive_share(description: str, default: str | None, why: str) -> Kind:
    """A share above 0; `why` says what 0% would come to."""

    def read_share(reader: OptionReader, key: str) -> float:
        value = reader.share(key)
        if value == 0:
            reader.complain(f"`{key}: 0%`: {why}", key=key)
        return value

    return Kind(parts.quantity("share", description, default), read_share)


def text(title: str, description: str, pattern: str = "", default: str | None = None) -> Kind:
    """A string; `pattern` is what it must look like."""
    return Kind(parts.text(title, description, pattern, default), _text)


def secret(title: str, description: str, pattern: str = "", default: str | None = None) -> Kind:
    """A string that is shown to nobody."""
    return Kind({**parts.text(title, description, pattern, default), "writeOnly": True}, _text)


def choice(description: str, *options: str, default: str | None = None) -> Kind:
    """One of a few words."""
    return Kind(parts.choice(description, *options, default=default), _text)


def file_of(description: str, read_file: Read | None = None) -> Kind:
    """The absolute name of a file, "" = not written; complains of one that cannot be read."""
    return Kind(parts.file_name(description), read_file or (lambda reader, key: reader.file(key)))


def texts(description: str, item: Schema, *, least: int = 0, most: int = 0, default: tuple[str, ...] = ()) -> Kind:
    """Strings in a list; `default` is what an empty one, or none, stands for."""
    schema = parts.listing(description, item, least=least)
    schema = {**schema, "maxItems": most} if most else schema
    return Kind(schema, lambda reader, key: tuple(each.value for each in reader.texts(key)) or default)


def words(
    description: str, item: Schema, *, least: int = 0, default: tuple[str, ...] = (), may_repeat: bool = False
) -> Kind:
    """Strings in a list in lower case, each once; one that is there twice is a mistake unless it `may_repeat`."""

    def read_words(reader: OptionReader, key: str) -> tuple[str, ...]:
        if may_repeat:
            return tuple(dict.fromkeys(each.value.lower() for each in reader.texts(key))) or default
        return once(reader, key) or default

    return Kind(parts.listing(description, item, least=least), read_words)


def once(reader: OptionReader, key: str) -> tuple[str, ...]:
    """The strings of a list in lower case; complains of those that are there twice."""
    found: dict[str, None] = {}
    for each in reader.texts(key):
        name = each.value.lower()
        if name in found:
            each.complain(f"{each.shown} is there twice")
        found[name] = None
    return tuple(found)


def items(description: str, item: Schema, default: tuple[Any, ...], *, least: int = 1) -> Kind:
    """Strings and whole numbers in a list, each once; references that stand for nothing are left out."""

    def read_items(reader: OptionReader, key: str) -> tuple[Any, ...]:
        found = reader.raw(key)
        if not isinstance(found, list):
            return default
        return tuple(dict.fromkeys(each for each in found if type(each) in (int, str)))

    return Kind(parts.listing(description, item, least=least), read_items)


def pairs(description: str, value: Schema, names: Schema) -> Kind:
    """(name, value) of a mapping of strings."""
    schema = parts.mapping(description, value, names)
    return Kind(schema, lambda reader, key: tuple((name.value, each.value) for name, each in reader.pairs(key)))


def nested(options: type[Options], description: str) -> Kind:
    """A mapping with options of its own; all defaults where it is not written."""
    return Kind(schema_of(options, description), lambda reader, key: read(options, reader.section(key)))


def custom(schema: Schema, read_value: Read) -> Kind:
    """An option with a schema and a reading of its own."""
    return Kind(schema, read_value)


def only_checked(schema: Schema) -> Kind:
    """An option that others' checks look at; its value is whether it is written."""
    return Kind(schema, lambda reader, key: key in reader)


def _integer(reader: OptionReader, key: str) -> int:
    return reader.integer(key)


def _duration(reader: OptionReader, key: str) -> float:
    return reader.duration(key)


def _text(reader: OptionReader, key: str) -> str:
    return reader.text(key)


def texts_once(reader: OptionReader, key: str) -> tuple[str, ...]:
    """The strings in a list, each once."""
    return tuple(dict.fromkeys(text.value for text in reader.texts(key)))
