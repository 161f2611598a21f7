"""HTTP dates: three forms, and nothing else."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.dates import date_of, seconds_of

NOW = 784111777


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms(text: str) -> None:
    assert seconds_of(text) == NOW


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
        " Sun, 06 Nov 1994 08:49:37 GMT", "Sun, ٠٦ Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert seconds_of(text) is None


def test_a_leap_second_and_years_of_two_digits() -> None:
    assert seconds_of("Sat, 31 Dec 2016 23:59:60 GMT") == seconds_of("Sun, 01 Jan 2017 00:00:00 GMT")
    assert seconds_of("Monday, 01-Jan-69 00:00:00 GMT") == seconds_of("Tue, 01 Jan 2069 00:00:00 GMT")
    assert seconds_of("Thursday, 01-Jan-70 00:00:00 GMT") == 0


@given(st.integers(0, 253402300799))
def test_what_is_sent_is_read_back(seconds: int) -> None:
    assert date_of(seconds) == formatdate(seconds, usegmt=True)
    assert seconds_of(date_of(seconds)) == seconds
