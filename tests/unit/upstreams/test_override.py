"""What people say of a target, as one word."""

from __future__ import annotations

import pytest

from gateway.upstream import override


@pytest.mark.parametrize("mode", [override.NONE, override.DRAIN, override.DISABLE])
@pytest.mark.parametrize("weight", [0, 1, 7, override.MOST])
def test_a_word_says_what_was_said(mode: int, weight: int):
    word = override.word(mode, weight)
    assert (override.mode(word), override.weight(word)) == (mode, weight)
    assert override.may_serve(word) == (mode == override.NONE)
    assert 0 <= word < 1 << 32


def test_nothing_said_is_zero():
    assert override.word(override.NONE) == 0 and override.may_serve(0) and not override.weight(0)
    assert len(override.NAMES) == 3
