"""`tracing` and `server_timing` of the section `observability`."""

from gateway.config.schema_parts import FIELD_NAME, LINE, Schema, boolean, integer, mapping, quantity, section, text


def sections() -> dict[str, Schema]:
    """The keys, by name."""
    header = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    value = {**text("a string", "A value; kept secret.", LINE), "writeOnly": True}
    tracing = section(
        "Traces: the context of each request is read, written anew for the upstream, and some requests are told about.",
        {
            "otlp": text(
                "a URL such as http://127.0.0.1:4318",
                "Where spans are sent, by OTLP over HTTP; /v1/traces is added.",
                LINE,
            ),
            "headers": mapping("Headers that go along to `otlp`, such as a key.", value, header),
            "service": text("a name", "What the gateway is called in traces (service.name).", LINE, "gateway"),
            "sample": quantity(
                "share", "The share of traces kept of those that begin here; callers decide theirs.", "5%"
            ),
            "slow": quantity("duration", "Requests that take this long are kept whoever decided; 0s is never.", "0s"),
            "b3": boolean("Whether B3 headers of callers are read too, and written for upstreams.", False),
            "response_header": boolean("Whether clients are told the trace (`traceresponse`).", False),
            "max_per_second": integer("Most requests kept in each second by each worker.", 1, 100_000, 100),
        },
        ("otlp",),
    )
    timing = boolean("Whether clients are told where the time went (`Server-Timing`).", False)
    return {"tracing": tracing, "server_timing": timing}
