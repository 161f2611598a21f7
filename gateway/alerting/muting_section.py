"""`inhibit` and `silences`: which alerts nobody is told of."""

import re
from collections.abc import Collection, Iterator, Mapping

from gateway.alerting.options import DAYS
from gateway.alerting.silences import Inhibition, MaintenanceWindow, Matchers
from gateway.config.diagnostics import among
from gateway.config.reader import OptionReader

Known = Mapping[str, Collection[str]]
"""What there is by kind: `name` and `severity` of alerts, and the names of their `labels`."""


def _matchers(reader: OptionReader, key: str, known: Known) -> Matchers:
    found = []
    for name, text in reader.pairs(key):
        if name.value not in known["labels"]:
            name.complain(f"no alert has the label {name.shown}", among(name.value, known["labels"]))
        names = known.get(name.value, ())
        if name.value in ("name", "severity") and "*" not in text.value and text.value not in names:
            text.complain(f"no alert has the {name.value} {text.shown}", among(text.value, names))
        found.append((name.value, text.value))
    if key in reader and not found:
        reader.complain("it matches every alert", "name something; `name: '*'` is every alert", key=key)
    return tuple(found)


def read_inhibitions(reader: OptionReader, known: Known) -> Iterator[Inhibition]:
    """Those of one file."""
    for section in reader.sections("inhibit"):
        when, mute = (_matchers(section, key, known) for key in ("if", "mute"))
        yield Inhibition(when, mute)


def read_windows(reader: OptionReader, known: Known) -> Iterator[MaintenanceWindow]:
    """The windows of maintenance of one file."""
    for section in reader.sections("silences"):
        days = tuple(DAYS.index(text.value) for text in section.texts("days") if text.value in DAYS)
        start, end = (_minute(section.text(key)) for key in ("from", "to"))
        if start == end and "from" in section and "to" in section:
            section.complain("the window has no length", key="to")
        matchers = _matchers(section, "matchers", known)
        yield MaintenanceWindow(matchers, days or tuple(range(7)), start, end, section.text("comment"))


def _minute(text: str) -> int:
    found = re.fullmatch(r"(\d\d):(\d\d)", text)
    return int(found[1]) * 60 + int(found[2]) if found else 0
