"""The short form of `python -m tests.screening`: what screening promises (docs/guard.md) holds on a part of the set."""

import pytest

from tests.screening.attacks import attacks
from tests.screening.benign import benign
from tests.screening.encodings import ENCODINGS
from tests.screening.measure import false_positives, true_positives
from tests.screening.policy import find


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
