"""What the log says about requests that look like an attack."""

import logging

import pytest

from gateway.validation.waf import reporter as telling
from gateway.validation.waf.reporter import WafReporter, shown


@pytest.fixture
def at(monkeypatch):
    times = [100.0]
    monkeypatch.setattr(telling, "monotonic", lambda: times[0])
    return times


def test_a_line_a_second_and_what_was_left_out(at, caplog):
    told = WafReporter("r", "was refused")
    with caplog.at_level(logging.WARNING, logger="gateway"):
        for number in range(5):
            told.tell(f"id{number}", "sql-union", "query", "q")
        assert caplog.messages == ["request id0 on the route r was refused: sql-union in the query, field 'q'"]
        at[0] += 1.0
        told.tell("id5", "sql-union", "query", "q")
        at[0] += 1.0
        told.tell("id6", "sql-union", "query", "q")
    assert caplog.messages[1].endswith("field 'q', and 4 more in this worker since the last line")
    assert caplog.messages[2].endswith("field 'q'")


def test_a_name_cannot_write_lines_of_its_own():
    assert shown("a\r\nb\x1b\u2028") == "'a\\r\\nb\\x1b\\u2028'"
    assert shown("x" * 100) == f"'{'x' * 64}...'"
