"""`idempotency` of a route."""

from typing import Final

from gateway.config.reader import OptionReader
from gateway.config.reading import RouteContext
from gateway.policies.idempotency.model import Idempotency

METHODS: Final = ("POST", "PATCH")
#: bytes of the largest answer: with its header it must fit into one value of the store
MAX_ANSWER: Final = (1 << 20) - (64 << 10)
#: seconds of the longest time to remember
MAX_TTL: Final = 366 * 86400


def read_idempotency(holder: OptionReader, context: RouteContext) -> Idempotency | None:
    """The section, None where it is not written."""
    if "idempotency" not in holder:
        return None
    reader = holder.section("idempotency")
    methods = tuple(dict.fromkeys(text.value for text in reader.texts("methods"))) or METHODS
    if context.methods and not set(methods) & set(context.methods):
        words = f"the route has none of the methods {', '.join(methods)}"
        reader.complain(words, key="methods" if "methods" in reader else "")
    if reader.size("max_answer") > MAX_ANSWER:
        reader.complain("no answer of more than 960KB can be kept", key="max_answer")
    if reader.duration("ttl") > MAX_TTL:
        reader.complain("nothing is remembered for longer than 366 days", key="ttl")
    return Idempotency(
        is_required=reader.flag("required"),
        ttl=reader.duration("ttl"),
        header=reader.text("header"),
        methods=methods,
        wait=reader.duration("wait"),
        max_body=reader.size("max_body"),
        max_answer=reader.size("max_answer"),
        on_store_failure=reader.text("on_store_failure"),
        where=reader.where,
    )
