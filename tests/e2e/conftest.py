"""What more than one file of these tests needs to stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.certs import Pair, authority, issue
from tests.support.raw import Upstream, echo

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """An authority; in its folder is a certificate of its for default.test."""
    folder = tmp_path_factory.mktemp("certificates")
    made = authority(folder)
    issue(folder, made, "default.test")
    return made


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """A service that says what it was sent."""
    made = Upstream(echo)
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For pages that are looked at."""
    from tests.support.pages import chromium  # which most of these tests need not load

    with chromium() as made:
        yield made
