import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerting.rules.evaluate import evaluate
from gateway.alerting.rules.expression import ExpressionError, parse
from gateway.alerting.rules.signals import SIGNALS
from gateway.alerting.rules.terms import And, Call, Comparison, Flag, Not, Or, Quantity, calls


def test_a_comparison():
    term = parse("error_rate(5m) > 2%")
    assert isinstance(term, Comparison) and term.operator == ">"
    assert (term.left.signal, term.left.window, term.left.unit, term.left.route) == ("error_rate", 300.0, "share", None)
    assert isinstance(term.right, Quantity) and (term.right.value, term.right.unit) == (0.02, "share")


def test_arguments_in_any_order():
    for text in ("p99(route=item, 5m) > 250ms", "p99( 5m , route = item )>250ms", 'p99(route="item", 5m) > 0.25s'):
        term = parse(text)
        assert (term.left.route, term.left.window, term.right.value) == ("item", 300.0, 0.25)


def test_a_limit_and_a_window():
    call = parse("slow(250ms, 1h, route=item) > 1%").left
    assert (call.limit, call.window, call.route) == (0.25, 3600.0, "item")


def test_units():
    values = {
        "memory > 64MB": 64 * 1024**2, "certificate_expiry < 14d": 14 * 86400, "requests(1m) > 6000/m": 100.0,
        "requests(1m) > 100": 100.0, "loop_lag > 0.1s": 0.1, "cache_hit_rate(5m) < 12.5%": 0.125,
    }  # fmt: skip
    assert {text: parse(text).right.value for text in values} == pytest.approx(values)


def test_and_binds_closer_than_or():
    term = parse("config_refused or error_rate(1m) > 2% and requests(1m) > 1/s")
    assert isinstance(term, Or) and isinstance(term.terms[0], Flag) and isinstance(term.terms[1], And)
    term = parse("(config_refused or error_rate(1m) > 2%) and not config_refused")
    assert isinstance(term, And) and isinstance(term.terms[0], Or) and isinstance(term.terms[1], Not)
    assert [call.signal for call in calls(term)] == ["config_refused", "error_rate", "config_refused"]


MISTAKES = {
    "": (0, "expected a signal"),
    "error_rat(5m) > 2%": (0, "there is no signal 'error_rat'"),
    "error_rate > 2%": (0, "needs a window"),
    "error_rate(5m, 1m) > 2%": (15, "one window too many"),
    "error_rate(5x) > 2%": (11, "no unit"),
    "error_rate(0s) > 2%": (11, "expected a duration"),
    "error_rate(73h) > 2%": (0, "3d"),
    "error_rate(5m) > 250ms": (17, "cannot be compared"),
    "error_rate(5m) 2%": (15, "expected one of > >="),
    "error_rate(5m) >": (16, "expected a signal"),
    "error_rate(5m": (13, "expected `,` or `)`"),
    "error_rate(upstream=a, 5m) > 1%": (11, "no argument 'upstream'"),
    "error_rate(route=a, route=b, 5m) > 1%": (20, "there twice"),
    "target_health < 50%": (0, "needs upstream=NAME"),
    "target_health(upstream=a, 5m) < 50%": (26, "takes no window"),
    "(error_rate(5m) > 2%": (20, "expected `)`"),
    "error_rate(5m) > 2% und": (20, "expected `and`"),
    "error_rate(5m) > 2% and": (23, "expected a signal"),
    "2% > 1%": (0, "always the same"),
    "config_refused > 1": (0, "yes or no"),
    "error_rate(5m) > §": (17, "not understood"),
    "memory > 5": (9, "cannot be compared"),
    "(" * 40 + "config_refused": (16, "inside each other"),
    "x" * 3000: (0, "characters"),
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:40] or "empty")
def test_mistakes_say_where(text):
    column, words = MISTAKES[text]
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    assert words in raised.value.message
    assert raised.value.column == column


def test_the_nearest_spelling():
    with pytest.raises(ExpressionError) as raised:
        parse("error_rat(5m) > 2%")
    assert raised.value.hint.startswith("did you mean `error_rate`? there are: cache_hit_rate, certificate_expiry,")
    with pytest.raises(ExpressionError) as raised:
        parse("wombats(5m) > 2%")
    assert "error_rate" in raised.value.hint and "target_health" in raised.value.hint


def asking(**values):
    return lambda call: values[call.signal]


def test_verdicts():
    term = parse("error_rate(5m) > 2% and requests(5m) >= 10/s")
    assert evaluate(term, asking(error_rate=0.05, requests=10.0)).holds is True
    assert evaluate(term, asking(error_rate=0.02, requests=10.0)).holds is False
    assert evaluate(term, asking(error_rate=0.05, requests=9.0)).holds is False


def test_nothing_known_is_neither_yes_nor_no():
    both, any_of = parse("error_rate(5m) > 2% and memory > 1MB"), parse("error_rate(5m) > 2% or memory > 1MB")
    assert evaluate(both, asking(error_rate=None, memory=2e9)).holds is None
    assert evaluate(both, asking(error_rate=None, memory=1.0)).holds is False
    assert evaluate(any_of, asking(error_rate=None, memory=2e9)).holds is True
    assert evaluate(any_of, asking(error_rate=None, memory=1.0)).holds is None
    assert evaluate(parse("not error_rate(5m) > 2%"), asking(error_rate=None)).holds is None


def test_what_decided_is_told():
    found = evaluate(parse("error_rate(5m) > 2% or 1MB < memory"), asking(error_rate=0.0, memory=2e9))
    assert isinstance(found.call, Call)
    assert (found.call.signal, found.value, found.operator, found.threshold) == ("memory", 2e9, ">", 1024.0**2)
    assert evaluate(parse("not config_refused"), asking(config_refused=1.0)).holds is False


WORDS = (
    *SIGNALS,
    "and",
    "or",
    "not",
    "(",
    ")",
    ",",
    "=",
    ">",
    "<=",
    "5m",
    "2%",
    "250ms",
    "route",
    "upstream",
    "item",
    '"',
)


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), max_size=12))
def test_any_text_is_a_term_or_has_a_mistake_within_it(words):
    text = " ".join(words)
    try:
        term = parse(text)
    except ExpressionError as error:
        assert error.message and 0 <= error.column <= len(text)
    else:
        assert evaluate(term, lambda call: None).holds is None
