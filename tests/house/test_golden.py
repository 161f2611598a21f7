"""What users see changes on purpose only: `python -m tests.golden` writes it anew."""

import pytest

from tests import golden


@pytest.mark.parametrize("name", golden.TEXTS)
def test_what_users_see(name):
    assert golden.TEXTS[name]() == (golden.FOLDER / name).read_text()
