"""docs/errors.md has a paragraph for every kind, and for nothing else."""

import re
from pathlib import Path

import pytest

from gateway.errors import INTERNAL, KINDS, UPSTREAM_RESET, GatewayError, Kind

DOCS = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
PARAGRAPHS = dict(re.findall(r"^### (\S+)\n\n(.+?)(?=\n#|\Z)", DOCS, re.M | re.S))


def test_nothing_is_missing_and_nothing_too_much() -> None:
    assert sorted(PARAGRAPHS) == sorted(kind.slug for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_paragraph_says_what_the_kind_says(kind: Kind) -> None:
    first = PARAGRAPHS[kind.slug].split(".")[0]
    status, _, passes = first.partition(", ")
    assert int(status) == kind.status
    if kind.source == "upstream":
        assert (passes == "*may pass*") == kind.retryable


def test_what_an_error_says() -> None:
    assert INTERNAL.type == "urn:gateway:error:internal"
    assert str(GatewayError(INTERNAL)) == "internal: The gateway failed"
    assert str(GatewayError(UPSTREAM_RESET, "in the middle")) == "upstream-reset: in the middle"
    assert GatewayError(UPSTREAM_RESET).retryable and not GatewayError(INTERNAL).retryable
