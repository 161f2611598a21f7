"""The small languages inside strings: durations, sizes, rates and shares. A number without its unit is refused."""

import re

DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SIZE_UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
RATE_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

NUMBER = r"[0-9]{1,9}(\.[0-9]{1,6})?"
DURATION = rf"^{NUMBER}(ms|s|m|h|d)$"
POSITIVE_DURATION = rf"^(?=[0-9.]*[1-9]){NUMBER}(ms|s|m|h|d)$"
SIZE = rf"^{NUMBER}(B|KB|MB|GB)$"
RATE = rf"^{NUMBER}/(s|m|h|d)$"
SHARE = r"^(100(\.0{1,6})?|[0-9]{1,2}(\.[0-9]{1,6})?)%$"
"""ECMA patterns, as the JSON Schema publishes them."""

_PATTERNS = {name: re.compile(text) for name, text in {"duration": DURATION, "size": SIZE, "rate": RATE}.items()}
_SHARE = re.compile(SHARE)
_BARE_NUMBER = re.compile(NUMBER)
_EXAMPLE_UNIT = {"duration": "{}s", "size": "{}KB", "rate": "{}/s", "share": "{}%"}


def parse_duration(text: str) -> float:
    """Seconds in "250ms", "5s", "10m", "1h" or "30d". ValueError if it is none."""
    number, unit = _split("duration", text)
    return round(float(number) * DURATION_UNITS[unit], 9)


def parse_size(text: str) -> int:
    """Bytes in "512B", "64KB", "10MB" or "1GB"; a KB is 1,024 bytes. ValueError if it is none."""
    number, unit = _split("size", text)
    return int(float(number) * SIZE_UNITS[unit])


def parse_rate(text: str) -> tuple[float, float]:
    """How many in how many seconds: "6000/m" is (6000.0, 60.0). ValueError if it is none."""
    number, unit = _split("rate", text)
    return float(number), RATE_UNITS[unit.removeprefix("/")]


def parse_share(text: str) -> float:
    """0..1 of "20%". ValueError if it is none."""
    if not _SHARE.fullmatch(text):
        raise ValueError(f"{text!r} is not a share")
    return float(text[:-1]) / 100


def unit_hint(kind: str, value: object) -> str:
    """Advice for a bare number where a value of `kind` is expected; empty when that is not the mistake."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    if kind not in _EXAMPLE_UNIT or not _BARE_NUMBER.fullmatch(str(value)):
        return ""
    return f"a number needs its unit: `{_EXAMPLE_UNIT[kind].format(value)}`?"


def _split(kind: str, text: str) -> tuple[str, str]:
    if not _PATTERNS[kind].fullmatch(text):
        raise ValueError(f"{text!r} is not a {kind}")
    number = _BARE_NUMBER.match(text)
    assert number is not None
    return number.group(), text[number.end() :]
