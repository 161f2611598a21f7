"""Options of `cache`, of routes and of the server: answers that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from gateway.config import schema_parts as schemas
from gateway.config.options import Options, Schema, custom, duration, flag, nested, read, schema_of, size, texts
from gateway.config.variables import check_template

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext

TAGS_MAX = 16
_FIELD = schemas.text("a header name (RFC 9110 token)", "A header name; compared without case.", schemas.FIELD_NAME)
_NAME = schemas.text("a name", "A parameter's name.", r"^[^\x00-\x1f]+$")
_PATTERN = schemas.text(
    "a name, or the beginning of one and *", "A parameter's name; utm_* is all that begin so.", r"^[^*]+\*?$"
)
_CLAIM = schemas.text("a claim", "A claim; names inside one another are joined with dots.", r"^[^\x00-\x20\x7f]+$")
_TAG = schemas.text(
    "a tag", "A tag to purge by; may use {param}, {query.name}, {header.Name} and {claim.name}.", r"^[^\x00-\x1f]+$"
)
_QUERY = schemas.listing("The only parameters that make another answer.", _NAME)
_HEADERS = schemas.listing("Request headers that make another answer.", _FIELD, least=1)
_VARY = schemas.listing("Request headers that select the answer, beside those that the origin names.", _FIELD, least=1)


class Key(Options, frozen=True):
    """What makes an answer another one; `query` None = every parameter; `headers` are lower-case."""

    query: Annotated[tuple[str, ...] | None, custom(_QUERY, _written)]
    ignore: Annotated[tuple[str, ...], texts("Parameters that make no other answer, such as utm_*.", _PATTERN, least=1)]
    headers: Annotated[tuple[str, ...], custom(_HEADERS, _once)]
    claims: Annotated[tuple[str, ...], texts("Claims of the caller that make another answer.", _CLAIM, least=1)]


class Cache(Options, frozen=True):
    """Times are seconds, `max_size` is bytes, `vary` is lower-case, `tags` are templates."""

    ttl: Annotated[float, duration("How long an answer is fresh where the origin does not say.", "0s")]
    stale_while_revalidate: Annotated[float, duration("How long after that it is sent while it is fetched anew.", "0s")]
    stale_if_error: Annotated[float, duration("How long after that it is sent when the upstream fails.", "0s")]
    vary: Annotated[tuple[str, ...], custom(_VARY, _once)]
    max_size: Annotated[int, size("Answers that are larger are not kept.", "1MB")]
    tags: Annotated[tuple[str, ...], texts("What answers can be purged by.", _TAG, least=1, most=TAGS_MAX)]
    shared: Annotated[bool, flag("One answer serves all callers.", False)]
    respect_origin: Annotated[
        bool, flag("Whether what the origin says of freshness comes before the times here.", True)
    ]
    heuristic: Annotated[
        bool, flag("Whether Last-Modified stands in where nobody says how long an answer is fresh.", False)
    ]
    cookies: Annotated[bool, flag("Whether answers that set cookies are kept, cookies and all.", False)]
    key: Annotated[Key, nested(Key, "What else makes an answer another one, or does not.")]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    return {"cache": schema_of(Cache, "How answers are kept (RFC 9111).")}


def server_keys() -> dict[str, Schema]:
    """The keys of `server` that this module describes."""
    memory = schemas.either(
        "a size such as 64MB, or auto",
        "Memory for answers that are kept, of each worker; auto is 64MB, or less where there is little.",
        {"enum": ["auto"]},
        schemas.quantity("size", "A size."),
        default="auto",
    )
    return {"cache": schemas.section("What caches of routes may take.", {"memory": memory})}


def read_cache(holder: OptionReader, context: RouteContext) -> Cache | None:
    """The section; None where it is not written."""
    if "cache" not in holder:
        return None
    reader = holder.section("cache")
    if context.methods and not {"GET", "HEAD"} & set(context.methods):
        reader.complain("answers to GET and HEAD are kept, and the route takes neither")
    for tag in reader.texts("tags"):
        check_template(tag, context.known)
    key, spec = reader.section("key"), read(Cache, reader)
    if "query" in key and "ignore" in key:
        key.complain("`ignore` has no effect beside `query`", key="ignore")
    if "claims" in key and not context.has_caller:
        key.complain("claims cannot be known here", "the route has no `auth`", key="claims")
    if not spec.ttl and not spec.respect_origin:
        reader.complain("without `ttl` nothing would be kept", "write `ttl`, or leave it out", key="respect_origin")
    return spec


def _written(reader: OptionReader, key: str) -> tuple[str, ...] | None:
    return tuple(each.value for each in reader.texts(key)) if key in reader else None


def _once(reader: OptionReader, key: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for each in reader.texts(key):
        name = each.value.lower()
        if name == "*":
            each.complain("* is no header name")
        elif name in found:
            each.complain(f"{each.shown} is there twice")
        found[name] = None
    return tuple(found)
