"""`cache` of a route."""

from collections.abc import Mapping

from gateway.auth.model import (
    Access,
    ApiKey,
    Method,
    Mtls,
    Provider,
    Session,
)
from gateway.cache.model import Cache
from gateway.config.reader import OptionReader
from gateway.config.variables import Known, check_template


def read_cache(holder: OptionReader, known: Known, methods: tuple[str, ...]) -> Cache | None:
    """The section; None where it is not written. `methods` are those of the route, () = any."""
    if "cache" not in holder:
        return None
    reader = holder.section("cache")
    if methods and not {"GET", "HEAD"} & set(methods):
        reader.complain("answers to GET and HEAD are kept, and the route takes neither")
    key = reader.section("key")
    for text in reader.texts("tags"):
        check_template(text, known)
    _check(reader, key, known)
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


def check_callers(
    section: OptionReader, access: Access | None, cache: Cache | None, providers: Mapping[str, Provider]
) -> None:
    """Complain where a route knows its callers by cookies alone: what is kept could not be told apart by them."""
    if cache is None or cache.shared or access is None:
        return
    used = [providers[name].method for name in access.use if name in providers]
    if used and len(used) == len(access.use) and all(map(_is_by_cookie, used)):
        section.complain(
            "the route knows its callers by a cookie only, and what browsers see is not kept for each of them",
            "write `shared: true` where one answer serves all of them, or leave the cache out",
            key="cache",
        )


def _is_by_cookie(method: Method) -> bool:
    """Whether a provider knows callers by nothing but a cookie."""
    if isinstance(method, Session | Mtls):
        return isinstance(method, Session)
    sources = (method.source,) if isinstance(method, ApiKey) else method.sources
    return bool(sources) and all(source.place == "cookie" for source in sources)


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
