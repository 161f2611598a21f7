"""`cache` of a route."""

from gateway.cache.model import Cache
from gateway.config.reader import OptionReader
from gateway.config.reading import RouteContext
from gateway.config.variables import Known, check_template


def read_cache(holder: OptionReader, context: RouteContext) -> Cache | None:
    """The section; None where it is not written."""
    if "cache" not in holder:
        return None
    reader = holder.section("cache")
    if context.methods and not {"GET", "HEAD"} & set(context.methods):
        reader.complain("answers to GET and HEAD are kept, and the route takes neither")
    key = reader.section("key")
    for text in reader.texts("tags"):
        check_template(text, context.known)
    _check(reader, key, context.known)
    return Cache(
        ttl=reader.duration("ttl"),
        stale_while_revalidate=reader.duration("stale_while_revalidate"),
        stale_if_error=reader.duration("stale_if_error"),
        vary=_once(reader, "vary"),
        max_size=reader.size("max_size"),
        tags=tuple(text.value for text in reader.texts("tags")),
        shared=reader.flag("shared"),
        respect_origin=reader.raw("respect_origin") is not False,
        heuristic=reader.flag("heuristic"),
        cookies=reader.flag("cookies"),
        key_query=tuple(text.value for text in key.texts("query")) if "query" in key else None,
        key_ignore=tuple(text.value for text in key.texts("ignore")),
        key_headers=_once(key, "headers"),
        key_claims=tuple(text.value for text in key.texts("claims")),
        where=reader.where,
    )


def _check(reader: OptionReader, key: OptionReader, known: Known) -> None:
    if "query" in key and "ignore" in key:
        key.complain("`ignore` has no effect beside `query`", key="ignore")
    if "claims" in key and not known.has_caller:
        key.complain("claims cannot be known here", "the route has no `auth`", key="claims")
    if not reader.duration("ttl") and reader.raw("respect_origin") is False:
        reader.complain("without `ttl` nothing would be kept", "write `ttl`, or leave it out", key="respect_origin")


def _once(reader: OptionReader, key: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts(key):
        name = text.value.lower()
        if name == "*":
            text.complain("* is no header name")
        elif name in found:
            text.complain(f"{text.shown} is there twice")
        found[name] = None
    return tuple(found)
