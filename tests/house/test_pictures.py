"""The pictures in the documents show the dashboard as it is."""

from tests.house.tree import ROOT

KINDS = ("light", "dark", "phone")


def test_they_are_there_and_small():
    for kind in KINDS:
        data = (ROOT / "docs" / "images" / f"dashboard-{kind}.png").read_bytes()
        assert data.startswith(b"\x89PNG") and 10_000 < len(data) < 400_000, kind


def test_they_show_the_page_of_now():
    from tests.pictures import MADE_OF, digest

    assert MADE_OF.read_text().strip() == digest(), "run `make pictures`"
