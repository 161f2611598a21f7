"""Options of `observability.tracing`: what is told about single requests, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.config import schema_parts as schemas
from gateway.config.options import Options
from gateway.config.schema_parts import FIELD_NAME, LINE, Schema
from gateway.config.urls import url_mistake

if TYPE_CHECKING:
    from gateway.config.header_edits_model import Pairs
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import Reading


class Tracing(Options, frozen=True):
    """Traces and where they go: `otlp` is the full URL, `headers` go there too (they may hold secrets).

    `sample` is the share of traces that begin here; `slow` is seconds, 0.0 = never; `most` is requests per second that
    each worker keeps.
    """

    otlp: str
    headers: Pairs
    service: str
    sample: float
    slow: float
    b3: bool
    response_header: bool
    most: int
    where: str


def observability_keys() -> dict[str, Schema]:
    """The keys, by name."""
    header = schemas.text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    value = {**schemas.text("a string", "A value; kept secret.", LINE), "writeOnly": True}
    tracing = schemas.section(
        "Traces: the context of each request is read, written anew for the upstream, and some requests are told about.",
        {
            "otlp": schemas.text(
                "a URL such as http://127.0.0.1:4318",
                "Where spans are sent, by OTLP over HTTP; /v1/traces is added.",
                LINE,
            ),
            "headers": schemas.mapping("Headers that go along to `otlp`, such as a key.", value, header),
            "service": schemas.text("a name", "What the gateway is called in traces (service.name).", LINE, "gateway"),
            "sample": schemas.quantity(
                "share", "The share of traces kept of those that begin here; callers decide theirs.", "5%"
            ),
            "slow": schemas.quantity(
                "duration", "Requests that take this long are kept whoever decided; 0s is never.", "0s"
            ),
            "b3": schemas.boolean("Whether B3 headers of callers are read too, and written for upstreams.", False),
            "response_header": schemas.boolean("Whether clients are told the trace (`traceresponse`).", False),
            "max_per_second": schemas.integer("Most requests kept in each second by each worker.", 1, 100_000, 100),
        },
        ("otlp",),
    )
    timing = schemas.boolean("Whether clients are told where the time went (`Server-Timing`).", False)
    return {"tracing": tracing, "server_timing": timing}


#: where an OTLP receiver takes traces (OTLP 1.0, "OTLP/HTTP request")
_PATH = "/v1/traces"
_PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")


def read_tracing(observability: OptionReader) -> Tracing | None:
    """The section with its defaults, None where there is none."""
    if "tracing" not in observability:
        return None
    reader = observability.section("tracing")
    if not all(map(_is_installed, _PACKAGES)):
        reader.complain("traces need the OpenTelemetry SDK", "pip install 'gateway[otel]'")
    return Tracing(
        otlp=_otlp(reader.one("otlp")),
        headers=tuple((name.value, value.value) for name, value in reader.pairs("headers")),
        service=reader.text("service"),
        sample=reader.share("sample"),
        slow=reader.duration("slow"),
        b3=reader.flag("b3"),
        response_header=reader.flag("response_header"),
        most=reader.integer("max_per_second"),
        where=reader.where,
    )


def _otlp(text: ScalarNode | None) -> str:
    if text is None:
        return ""
    if mistake := url_mistake(text.value):
        text.complain(mistake.format(text.shown))
    url = text.value.rstrip("/")
    return url if url.endswith(_PATH) else url + _PATH


def _is_installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version  # PERF: for configurations that trace; 10 ms

    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def read(reading: Reading) -> dict[str, Any]:
    """`tracing` and `server_timing` of a configuration."""
    section = reading.section("observability")
    return {"tracing": read_tracing(section), "server_timing": section.flag("server_timing")}
