"""`observability.tracing`: what is told about single requests, and where."""

from typing import Any

from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import Reading
from gateway.config.urls import url_mistake
from gateway.observability.tracing.model import Tracing

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
