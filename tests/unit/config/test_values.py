import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.units import parse_duration, parse_rate, parse_share, parse_size, unit_hint

NUMBERS = st.decimals(0, 99_999, places=3, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5.0), ("10m", 600.0), ("1h", 3600.0), ("30d", 2_592_000.0), ("1.5s", 1.5), ("0s", 0.0)],
)
def test_durations_are_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("512B", 512), ("64KB", 65_536), ("10MB", 10_485_760), ("1GB", 2**30), ("1.5KB", 1536)]
)
def test_sizes_are_bytes_and_a_kb_is_1024(text, size):
    assert parse_size(text) == size


def test_rates_are_a_count_in_so_many_seconds():
    assert parse_rate("100/s") == (100.0, 1.0)
    assert parse_rate("6000/m") == (6000.0, 60.0)
    assert parse_rate("0.5/h") == (0.5, 3600.0)


def test_shares_are_parts_of_one():
    assert parse_share("20%") == 0.2
    assert parse_share("0.5%") == 0.005
    assert parse_share("100%") == 1.0


@pytest.mark.parametrize("parse", [parse_duration, parse_size, parse_rate, parse_share])
@pytest.mark.parametrize(
    "text",
    ["", "5", "-5s", "5 s", "5s\n", "s", "1e3s", "5S", "\u0665s", "1_0s", "5k", "101%", "5%%", ".5s", "5/", "1m30s"],
)
def test_anything_else_is_refused(parse, text):
    with pytest.raises(ValueError, match="is not a"):
        parse(text)


@given(NUMBERS, st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]))
def test_a_duration_is_its_number_times_its_unit(number, unit):
    assert parse_duration(f"{number}{unit[0]}") == pytest.approx(float(number) * unit[1], abs=1e-6)


@given(st.text(max_size=12))
def test_no_text_breaks_the_parsers(text):
    for parse in (parse_duration, parse_size, parse_rate, parse_share):
        try:
            parse(text)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("kind", "value", "hint"),
    [("duration", 5, "`5s`"), ("size", "10", "`10KB`"), ("share", 1.5, "`1.5%`"), ("rate", 100, "`100/s`")],
)
def test_a_bare_number_is_told_its_unit(kind, value, hint):
    assert hint in unit_hint(kind, value)


@pytest.mark.parametrize("value", [True, None, "soon", [], -1])
def test_other_values_get_no_unit(value):
    assert unit_hint("duration", value) == ""
