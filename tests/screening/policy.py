"""What the screening finds in one value, whatever a route then does about it."""

from __future__ import annotations

from gateway.errors import GatewayError
from gateway.validation.waf.body import xml_fields
from gateway.validation.waf.detect import TEXT, attacks


def find(text: str) -> str:
    """The rule, "" for none; an XML document is read as one."""
    if "<!DOCTYPE" in text:
        found: list[str] = []
        try:
            xml_fields(text.encode("utf-8", "replace"), lambda: found.append("xml-doctype"))
        except GatewayError:
            pass  # no XML: a text like any other
        if found:
            return found[0]
    verdict = attacks(text, TEXT)
    return verdict[0][1] if verdict else ""
