"""Elements of SVG and HTML as text; whatever is put into them is escaped."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is markup already and goes in as it is."""

    __slots__ = ()


EMPTY = Markup("")
VOID = frozenset({"meta", "link", "br"})


def tag(name: str, /, *inside: str, **attributes: object) -> Markup:
    """An element; `class_` is its class, a `_` within a name is a `-`, floats are cut to a tenth."""
    head = name + "".join(f' {_name(key)}="{escape(_value(value))}"' for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{join(*inside)}</{name}>")


def join(*parts: str) -> Markup:
    """Elements and texts one after another."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line of a class."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def label(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> Markup:
    """Words at a place, which is their `start`, `middle` or `end`."""
    return tag("text", words, x=x, y=y, class_=kind, text_anchor=anchor)


def _name(key: str) -> str:
    return key if key == "viewBox" else key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
