"""What more than one file of these tests needs to stand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.certs import Pair, authority, issue
from tests.support.raw import Upstream, echo


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
