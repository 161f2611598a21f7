"""Options of `cors`: who may call from pages of other origins, and its name on a route."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.config import schema_parts as schemas
from gateway.config.hosts import host_mistake, port_mistake
from gateway.config.methods import read_methods
from gateway.config.name_registry import check_new
from gateway.config.options import Options
from gateway.config.schema_parts import FIELD_NAME, OBJECT_NAME, OFF, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import Reading, RouteContext


class Cors(Options, frozen=True):
    """Who may call from a page of another origin. Origins are exact, "https://*.example.com", "*" or "re:<regex>".

    Empty `methods` allow those of the route, empty `headers` what the preflight asks for. `max_age` in seconds.
    """

    name: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    allows_credentials: bool
    allows_private_network: bool
    max_age: float
    where: str


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    return {"cors": schemas.mapping("Who may call from pages of other origins, by name.", _cors(), OBJECT_NAME)}


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`, that this module describes."""
    return {
        "cors": schemas.text(
            "a name under `cors`, or `off`", "Who may call from pages of other origins; nobody when not written."
        )
    }


def _cors() -> Schema:
    origin = schemas.text(
        "an origin such as https://app.example.com", "Exact, https://*.example.com, * or re:REGEX.", r"^.+$"
    )
    header = schemas.text("a header name (RFC 9110 token)", "A header name.", FIELD_NAME)
    keys = {
        "origins": schemas.listing("Whose pages may call; the whole origin must fit.", origin, least=1),
        "methods": schemas.listing(
            "Methods; those of the route when not written.", schemas.text("a method", "A method."), least=1
        ),
        "headers": schemas.listing("Request headers; those asked for when not written.", header, least=1),
        "expose": schemas.listing("Response headers that scripts may read.", header, least=1),
        "credentials": schemas.boolean("Allow cookies and the like.", False),
        "private_network": schemas.boolean(
            "Allow pages of public sites to reach a gateway in a private network.", False
        ),
        "max_age": schemas.quantity("duration", "How long browsers may remember what is allowed.", "10m"),
    }
    return schemas.section("Who may call from pages of other origins.", keys, ("origins",))


_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#\s@]+)")
_PORT = re.compile(r":[0-9]*\Z")
_PORTS = {"http": ":80", "https": ":443"}


def read_cors(reader: OptionReader) -> Iterator[tuple[ScalarNode, Cors]]:
    """Each entry with its name's place; `reader` stands on the file."""
    section = reader.section("cors")
    for name in section:
        if isinstance(section.raw(name), dict):
            yield section.key(name), _cors_reader(name, section.section(name))


def read_cors_name(holder: OptionReader, context: RouteContext) -> str | None:
    """`cors` of a route or of `defaults`."""
    if "cors" not in holder:
        return context.defaults.get("cors")
    name = holder.text("cors")
    return name if name != OFF else None


def _cors_reader(name: str, reader: OptionReader) -> Cors:
    allows_credentials = reader.flag("credentials")
    return Cors(
        name=name,
        origins=_origins(reader, allows_credentials),
        methods=_methods(reader),
        headers=_header_names(reader, "headers"),
        expose=_header_names(reader, "expose"),
        allows_credentials=allows_credentials,
        allows_private_network=reader.flag("private_network"),
        max_age=reader.duration("max_age"),
        where=reader.where,
    )


def _origins(reader: OptionReader, allows_credentials: bool) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts("origins"):
        origin = text.value if text.value.startswith("re:") else text.value.lower()
        if mistake := _origin_mistake(origin):
            text.complain(f"{text.shown} {mistake[0]}", mistake[1])
        elif origin in ("*", "null") and allows_credentials:
            hint = "pages of anybody could act in the name of whoever looks at them; name the origins"
            text.complain(f"with `credentials` the origins may not be {text.shown}", hint)
        elif origin in found:
            text.complain(f"{text.shown} is there twice")
        found[origin] = None
    return tuple(found)


def _origin_mistake(origin: str) -> tuple[str, str] | None:
    """What is wrong with an origin, and a hint."""
    if origin.startswith("re:"):
        return _pattern_mistake(origin.removeprefix("re:"))
    if origin in ("*", "null"):
        return None
    shape = _ORIGIN.match(origin)
    if shape is None:
        return "is not an origin", "such as https://app.example.com, https://*.example.com, * or re:REGEX"
    if shape.end() < len(origin):
        return "is not an origin: it ends after host and port", f"did you mean `{shape.group()}`?"
    scheme, authority = shape.groups()
    return _authority_mistake(scheme, authority)


def _authority_mistake(scheme: str, authority: str) -> tuple[str, str] | None:
    if scheme not in _PORTS:
        return ("has a wildcard, which only http and https have", "") if "*" in authority else None
    port = "".join(_PORT.findall(authority))
    host = authority.removesuffix(port)
    if port == _PORTS[scheme]:
        return "has its scheme's own port, which browsers leave out", f"did you mean `{scheme}://{host}`?"
    if mistake := host_mistake(host.removeprefix("*.")) or (port and port_mistake(port[1:])):
        return mistake, "a wildcard stands only in front: https://*.example.com" if "*" in host else ""
    return None


def _pattern_mistake(pattern: str) -> tuple[str, str] | None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}", ""
    return None if pattern else ("has no pattern", "")


def _methods(reader: OptionReader) -> tuple[str, ...]:
    if any(text.value == "*" for text in reader.texts("methods")):
        reader.complain('"*" is no method', "leave `methods` out to allow those of the route", key="methods")
        return ()
    return read_methods(reader)


def _header_names(reader: OptionReader, key: str) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for text in reader.texts(key):
        if text.value == "*" and (key == "headers" or reader.flag("credentials")):
            hint = "leave `headers` out to allow those asked for" if key == "headers" else "name the headers"
            text.complain('"*" is taken for a header of this name', hint)
        elif text.value.lower() in found:
            text.complain(f"{text.shown} is there twice; names are compared without case")
        found[text.value.lower()] = text.value
    return tuple(found.values())


def read(reading: Reading) -> dict[str, tuple[Cors, ...]]:
    """`cors` of a configuration."""
    found: dict[str, Cors] = {}
    for reader in reading.readers:
        for text, cors in read_cors(reader):
            check_new(text, found)
            found.setdefault(text.value, cors)
    return {"cors": tuple(found.values())}


def check(reading: Reading) -> None:
    """Complain about names of which there is no entry."""
    for holder in reading.holders():
        name = holder.one("cors")
        if name is not None and name.value != OFF:
            reading.names("cors").check(name, "there is no {} under `cors`")
