"""Options of `idempotency`: requests that come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from gateway.config.options import Options, Schema, choice, duration, flag, positive, read, schema_of, size, text, texts
from gateway.config.schema_parts import FIELD_NAME
from gateway.config.schema_parts import text as text_schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext

METHODS: Final = ("POST", "PATCH")
#: bytes of the largest answer: with its header it must fit into one value of the store
MAX_ANSWER: Final = (1 << 20) - (64 << 10)
#: seconds of the longest time to remember
MAX_TTL: Final = 366 * 86400
_METHODS = "Methods for which it holds; POST and PATCH when not written."


class Idempotency(Options, frozen=True):
    """Requests that come again with their key. Seconds and bytes; `on_store_failure` is deny or allow."""

    is_required: Annotated[bool, flag("Whether a request without a key is refused.", False).named("required")]
    ttl: Annotated[float, positive("How long a key and its answer are remembered.", "24h")]
    header: Annotated[
        str, text("a header name (RFC 9110 token)", "Where the key stands.", FIELD_NAME, "Idempotency-Key")
    ]
    methods: Annotated[tuple[str, ...], texts(_METHODS, text_schema("a method", "A method."), least=1, default=METHODS)]
    wait: Annotated[float, duration("How long a request waits for the one that came first.", "0s")]
    max_body: Annotated[int, size("The largest request with a key, which is read whole.", "1MB")]
    max_answer: Annotated[int, size("The largest answer that is kept, less than 1MB.", "256KB")]
    on_store_failure: Annotated[
        str, choice("What becomes of requests while the store fails.", "deny", "allow", default="deny")
    ]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    return {"idempotency": schema_of(Idempotency, "Requests that come again with their key are carried out once.")}


def read_idempotency(holder: OptionReader, context: RouteContext) -> Idempotency | None:
    """The section, None where it is not written."""
    if "idempotency" not in holder:
        return None
    reader = holder.section("idempotency")
    spec = read(Idempotency, reader)
    if context.methods and not set(spec.methods) & set(context.methods):
        words = f"the route has none of the methods {', '.join(spec.methods)}"
        reader.complain(words, key="methods" if "methods" in reader else "")
    if spec.max_answer > MAX_ANSWER:
        reader.complain("no answer of more than 960KB can be kept", key="max_answer")
    if spec.ttl > MAX_TTL:
        reader.complain("nothing is remembered for longer than 366 days", key="ttl")
    return spec
