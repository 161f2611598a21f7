"""HTTP dates (RFC 9110 section 5.6.7)."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import date
from email.utils import formatdate
from functools import lru_cache
from typing import Final

_LONGEST: Final = len("Wednesday, 09-Nov-94 08:49:37 GMT")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS: Final = (
    re.compile(f"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(
        f"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"
    ),
    re.compile(f"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)


def seconds_of(text: str) -> int | None:
    """The date as seconds since 1970, or None where it is not one of the three forms.

    NOTE: a year of two digits is one from 1970 to 2069.
    """
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=512)
def _read(text: str) -> int | None:
    for form in _FORMS:
        read = form.fullmatch(text)
        if read is not None:
            return _seconds(read)
    return None


def _seconds(read: re.Match[str]) -> int | None:
    year, month, day = int(read["year"]), _MONTHS.index(read["month"]) + 1, int(read["day"])
    hour, minute, second = int(read["hour"]), int(read["minute"]), int(read["second"])
    if len(read["year"]) == 2:
        year += 1900 if year >= 70 else 2000
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        date(year, month, day)
    except ValueError:
        return None
    return timegm((year, month, day, hour, minute, second))


def date_of(seconds: float) -> str:
    """The form that is sent."""
    return formatdate(seconds, usegmt=True)
