"""What a browser would run of a text, found by parsing it with the standard library in each place it could stand."""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: a page around the text: content, and values of an attribute in quotes of both kinds and in none
PLACES = ("%s", '<a title="%s">', "<a title='%s'>", "<a title=x%s>")
_SCRIPT_URL = re.compile(r"^[\x00-\x20]*(java|vb)script:\S*\(", re.I)
_TARGETS = frozenset(("href", "src", "action", "data"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.runs = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Elements that run by themselves, handlers with a call, and script URLs."""
        self.runs |= tag in ("script", "iframe", "embed")
        for name, given in attrs:
            value = given or ""
            self.runs |= name in ("onload", "onerror", "onclick") and "(" in value
            self.runs |= name in _TARGETS and bool(_SCRIPT_URL.match(re.sub(r"[\t\n]", "", value)))


def runs(text: str) -> bool:
    """Whether a parser sees something that runs, in any place; it takes "==" for "=", which no browser does."""
    for place in PLACES:
        reader = _Reader()
        reader.feed(place % text)
        reader.close()
        if reader.runs:
            return True
    return False
