"""What is done about what was found: block, log, or nothing where a field is excepted."""

import logging

import pytest

from gateway.errors import GatewayError
from gateway.http.problem import problem_response
from gateway.validation.waf.decision import Judge, WafRules
from tests.exchanges import exchange

SQL, XSS = ("sql_injection", "sql-union"), ("xss", "xss-script")


def judge(blocks=("sql_injection",), logs=("xss",), excepted=()):
    return Judge(WafRules("r", frozenset(blocks), frozenset(logs), ("query", "body"), frozenset(excepted), 1000))


def is_refused(its, part="query", field="q", found=(SQL,)) -> bool:
    try:
        its(exchange(), part, field, found)
    except GatewayError as error:
        assert error.kind.slug == "request-rejected"
        return True
    return False


def test_the_answer_says_where_and_not_what():
    with pytest.raises(GatewayError) as caught:
        judge()(exchange(), "query", "q", (SQL,))
    response = problem_response(exchange(), caught.value)
    assert response.status == 403
    assert b'"part": "query", "field": "q"' in response.body and b"sql" not in response.body


def test_a_rule_that_logs_lets_the_request_in(caplog):
    with caplog.at_level(logging.WARNING, logger="gateway"):
        assert not is_refused(judge(), found=(XSS,))
    assert "would have been refused: xss-script in the query, field 'q'" in caplog.text


def test_a_rule_that_blocks_wins_over_one_that_logs():
    assert is_refused(judge(), found=(XSS, SQL))


def test_a_rule_that_is_off_says_nothing(caplog):
    assert not is_refused(judge(blocks=(), logs=()), found=(SQL, XSS))
    assert not caplog.messages


@pytest.mark.parametrize(
    ("excepted", "part", "field", "expected"),
    [
        (("query", "q"), "query", "q", False),
        (("query", "q"), "query", "Q", True),
        (("query", "q"), "cookies", "q", True),
        (("headers", "x-note"), "headers", "X-Note", False),
        (("body", "note"), "body", "note", False),
        (("body", "/items/*/note"), "body", "/items/3/note", False),
        (("body", "/items/*/note"), "body", "/items/3/note/0", False),
        (("body", "/items/*/note"), "body", "/items/3/name", True),
        (("body", "/items/*/note"), "body", "/items/note", True),
        (("body", "/a"), "body", "/ab", True),
    ],
)
def test_fields_that_are_excepted(excepted, part, field, expected):
    assert is_refused(judge(excepted=(excepted,)), part, field) is expected
