"""The short form of `python -m tests.screening`: what screening promises (docs/guard.md) holds on a part of the set."""

from urllib.parse import quote_plus

import pytest

from gateway._fast.waf_decode import CRLF, FORM, TEXT, URL, readings
from gateway._fast.waf_scan import needs_look
from gateway.validation.waf.detect import _in_readings, header_attacks
from tests.screening.attacks import attacks
from tests.screening.benign import benign
from tests.screening.encodings import ENCODINGS, variants
from tests.screening.measure import Rate, false_positives, true_positives
from tests.screening.policy import find
from tests.screening.requests import measured as requests_measured


@pytest.fixture(scope="module")
def every():
    return attacks()


@pytest.fixture(scope="module")
def found(every):
    return true_positives(every[::4], find)


@pytest.mark.parametrize("half", ["seen", "held out"])
@pytest.mark.parametrize("family", ["sql", "xss", "traversal"])
def test_attacks_are_found(found, family, half):
    rate = found.rate(family=family, half=half)
    assert rate.of > 200 and rate.share >= 0.97, str(rate)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_in_every_encoding(found, encoding):
    rate = found.rate(encoding=encoding)
    assert rate.of > 100 and rate.share >= 0.97, str(rate)


def test_document_types_that_define_entities_are_found(every):
    rate = true_positives([attack for attack in every if attack.family == "xml"], find).rate()
    assert rate.of and rate.share == 1.0


def test_what_is_harmless_is_let_through():
    measured = false_positives(benign()[::4], find)
    for (_, source), rate in measured.sources.items():
        assert rate.share <= 0.01, f"{source}: {rate}: {measured.wrong[:5]}"
    assert measured.rate().of > 3000


@pytest.mark.parametrize("kind", [FORM, URL, TEXT])
def test_nothing_is_found_in_what_is_let_through_at_a_glance(every, kind):
    texts = [text for attack in every[::6] for _, text in variants(attack.family, attack.text)]
    texts += [value.text for value in benign()[::6]]
    passed = [text for text in texts if not needs_look(text, kind)]
    for text in passed:
        flags, found = readings(text, kind)
        assert not _in_readings(flags & ~CRLF if kind == TEXT else flags, found), text
    assert len(passed) > 1500


def test_whole_requests_that_are_harmless_are_let_through():
    rates, wrong = requests_measured(benign(), 2500)
    assert len(rates) == 5
    for kind, rate in rates.items():
        assert rate.of > 200 and rate.share <= 0.01, f"{kind}: {rate}: {[where for _, where in wrong[:9]]}"


@pytest.mark.parametrize("family", ["sql", "xss"])
def test_attacks_are_found_in_the_query_of_an_address(every, family):
    texts = [text for one in every[::12] if one.family == family for _, text in variants(family, one.text)]
    rate = Rate()
    for text in texts:
        rate.count(bool(header_attacks(f"https://a.example/s?q={quote_plus(text, errors='replace')}&page=2")))
    assert rate.of > 500 and rate.share >= 0.97, str(rate)
