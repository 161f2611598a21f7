"""`idempotency` of a route: requests that come again."""

from gateway.config.schema_parts import FIELD_NAME, Schema, boolean, choice, listing, quantity, section, text


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    keys = {
        "required": boolean("Whether a request without a key is refused.", False),
        "ttl": quantity("positive", "How long a key and its answer are remembered.", "24h"),
        "header": text("a header name (RFC 9110 token)", "Where the key stands.", FIELD_NAME, "Idempotency-Key"),
        "methods": listing(
            "Methods for which it holds; POST and PATCH when not written.",
            text("a method", "A method."),
            least=1,
        ),
        "wait": quantity("duration", "How long a request waits for the one that came first.", "0s"),
        "max_body": quantity("size", "The largest request with a key, which is read whole.", "1MB"),
        "max_answer": quantity("size", "The largest answer that is kept, less than 1MB.", "256KB"),
        "on_store_failure": choice("What becomes of requests while the store fails.", "deny", "allow", default="deny"),
    }
    return {"idempotency": section("Requests that come again with their key are carried out once.", keys)}
