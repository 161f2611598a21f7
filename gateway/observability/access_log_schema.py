"""Schema of `observability.access_log`."""

from gateway.config.schema_parts import LINE, Schema, choice, quantity, section, text


def keys() -> dict[str, Schema]:
    """The keys of `observability` that this module describes."""
    return {"access_log": access_log()}


def access_log() -> Schema:
    """The access log."""
    return section(
        "The access log.",
        {
            "format": choice("How a line looks.", "json", "combined", "off", default="json"),
            "to": text("stdout, stderr or a file name", "stdout, stderr or a file.", LINE, "stdout"),
            "sample": quantity("share", "The share of requests that is logged.", "100%"),
        },
    )
