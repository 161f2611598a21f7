"""Signals with their arguments, and numbers with their units, as an expression has them."""

from __future__ import annotations

import re
from typing import Final

from gateway.alerting.rules.signals import LONGEST, SIGNALS, Signal, Unit
from gateway.alerting.rules.terms import Call, Quantity
from gateway.config.diagnostics import among, did_you_mean
from gateway.config.units import DURATION_UNITS, RATE_UNITS, SIZE_UNITS

_ARGUMENT: Final = re.compile(r'\s*(?:(?P<key>[A-Za-z_]+)\s*=\s*)?(?P<value>"[^"]*"|[^\s,()"]+)\s*')
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class ExpressionError(ValueError):
    """What is wrong with an expression, and at which character (from 0)."""

    def __init__(self, column: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.column, self.message, self.hint = column, message, hint


def quantity(word: str, column: int) -> Quantity:
    """A number with its unit. Raises ExpressionError."""
    found = _NUMBER.match(word)
    assert found is not None
    number, unit = float(found[0]), word[found.end() :]
    if unit == "%":
        return Quantity(number / 100, "share", word, column)
    if unit.startswith("/"):
        return Quantity(number / RATE_UNITS[unit[1:]], "rate", word, column)
    kinds: tuple[tuple[dict[str, float] | dict[str, int], Unit], ...] = (
        (DURATION_UNITS, "duration"),
        (SIZE_UNITS, "size"),
        ({"": 1.0}, "number"),
    )
    for units, kind in kinds:
        if unit in units:
            return Quantity(number * units[unit], kind, word, column)
    hint = did_you_mean(unit, ("%", "ms", "s", "m", "h", "d", "KB", "MB", "GB"))
    raise ExpressionError(column, f"{word!r} has no unit that is known", hint or "such as 2%, 250ms, 5m, 64MB or 100/s")


def call(text: str, name: str, column: int, at: int) -> tuple[Call, int]:
    """(a signal with its arguments, where it ends); `at` is behind its name. Raises ExpressionError."""
    signal = SIGNALS.get(name)
    if signal is None:
        raise ExpressionError(column, f"there is no signal {name!r}", among(name, SIGNALS))
    given, end = _given(text, at)
    found = _Given(signal, column)
    for key, value, place in given:
        found.take(key, value, place)
    return found.call(text[column:end]), end


def _given(text: str, at: int) -> tuple[list[tuple[str, str, int]], int]:
    """(key or "", value, column) of every argument, and where the closing bracket is."""
    found: list[tuple[str, str, int]] = []
    if at >= len(text) or text[at] != "(":
        return found, at
    at += 1
    while True:
        if text[at : at + 1] == ")" and not found:
            return found, at + 1
        one = _ARGUMENT.match(text, at)
        if one is None:
            raise ExpressionError(at, "expected an argument such as 5m or route=NAME", "")
        found.append((one["key"] or "", one["value"].strip('"'), one.start("key" if one["key"] else "value")))
        at = one.end()
        if text[at : at + 1] == ")":
            return found, at + 1
        if text[at : at + 1] != ",":
            raise ExpressionError(at, "expected `,` or `)` after an argument")
        at += 1


class _Given:
    """The arguments of one signal as they are met."""

    def __init__(self, signal: Signal, column: int) -> None:
        self._signal = signal
        self._column = column
        self._durations: list[float] = []
        self._names: dict[str, str] = {}

    def take(self, key: str, value: str, column: int) -> None:
        signal = self._signal
        if not key:
            self._duration(value, column)
        elif key not in signal.names:
            hint = did_you_mean(key, signal.names) or (f"it takes {', '.join(signal.names) or 'none'}")
            raise ExpressionError(column, f"`{signal.name}` has no argument {key!r}", hint)
        elif key in self._names:
            raise ExpressionError(column, f"`{key}` is there twice")
        else:
            self._names[key] = value

    def _duration(self, value: str, column: int) -> None:
        signal = self._signal
        most = signal.needs_window + signal.needs_limit
        if len(self._durations) == most:
            what = "takes no window" if not most else "has one window too many"
            raise ExpressionError(column, f"`{signal.name}` {what}")
        found = quantity(value, column) if _NUMBER.match(value) else None
        if found is None or found.unit != "duration" or not found.value:
            raise ExpressionError(column, f"expected a duration such as 5m, found {value!r}")
        self._durations.append(found.value)

    def call(self, text: str) -> Call:
        signal = self._signal
        if len(self._durations) < signal.needs_window + signal.needs_limit:
            example = f"{signal.name}({'250ms, ' if signal.needs_limit else ''}5m)"
            raise ExpressionError(self._column, f"`{signal.name}` needs a window", f"such as {example}")
        if signal.must_name and not self._names:
            name = signal.names[0]
            raise ExpressionError(self._column, f"`{signal.name}` needs {name}=NAME")
        window = self._durations[-1] if signal.needs_window else 0.0
        if window and not 1 <= window <= LONGEST:
            raise ExpressionError(self._column, "a window is from 1s to 3d: so far does history reach")
        return Call(
            signal=signal.name,
            unit=signal.unit,
            window=window,
            route=self._names.get("route"),
            upstream=self._names.get("upstream"),
            limit=self._durations[0] if signal.needs_limit else 0.0,
            column=self._column,
            text=text.strip(),
        )
