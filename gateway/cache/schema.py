"""`cache` of a route: answers that are kept."""

from gateway.config.schema_parts import FIELD_NAME, Schema, boolean, either, listing, quantity, section, text

TAGS_MAX = 16


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    field = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    name = text("a name", "A parameter's name.", r"^[^\x00-\x1f]+$")
    pattern = text(
        "a name, or the beginning of one and *", "A parameter's name; utm_* is all that begin so.", r"^[^*]+\*?$"
    )
    claim = text("a claim", "A claim; names inside one another are joined with dots.", r"^[^\x00-\x20\x7f]+$")
    key = {
        "query": listing("The only parameters that make another answer.", name),
        "ignore": listing("Parameters that make no other answer, such as utm_*.", pattern, least=1),
        "headers": listing("Request headers that make another answer.", field, least=1),
        "claims": listing("Claims of the caller that make another answer.", claim, least=1),
    }
    tag = text(
        "a tag", "A tag to purge by; may use {param}, {query.name}, {header.Name} and {claim.name}.", r"^[^\x00-\x1f]+$"
    )
    keys = {
        "ttl": quantity("duration", "How long an answer is fresh where the origin does not say.", "0s"),
        "stale_while_revalidate": quantity(
            "duration", "How long after that it is sent while it is fetched anew.", "0s"
        ),
        "stale_if_error": quantity("duration", "How long after that it is sent when the upstream fails.", "0s"),
        "vary": listing("Request headers that select the answer, beside those that the origin names.", field, least=1),
        "max_size": quantity("size", "Answers that are larger are not kept.", "1MB"),
        "tags": {**listing("What answers can be purged by.", tag, least=1), "maxItems": TAGS_MAX},
        "shared": boolean("One answer serves all callers.", False),
        "respect_origin": boolean("Whether what the origin says of freshness comes before the times here.", True),
        "heuristic": boolean("Whether Last-Modified stands in where nobody says how long an answer is fresh.", False),
        "cookies": boolean("Whether answers that set cookies are kept, cookies and all.", False),
        "key": section("What else makes an answer another one, or does not.", key),
    }
    return {"cache": section("How answers are kept (RFC 9111).", keys)}


def server() -> dict[str, Schema]:
    """The key of `server` that this module describes."""
    memory = either(
        "a size such as 64MB, or auto",
        "Memory for answers that are kept, of each worker; auto is 64MB, or less where there is little.",
        {"enum": ["auto"]},
        quantity("size", "A size."),
        default="auto",
    )
    return {"cache": section("What caches of routes may take.", {"memory": memory})}
