"""The pictures and the table of docs/sizing.md are those of the kept figures, and stand alone."""

import json
import xml.etree.ElementTree as ET

import pytest

from perf.sizing import FIGURES, FOLDER, PAGE, SHAPES, handshake, pictures, table

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def found():
    return json.loads(FIGURES.read_text())


def test_the_pictures_are_drawn_from_the_figures(found):
    drawn = pictures(found)
    assert {path.name for path in FOLDER.glob("sizing-*.svg")} == set(drawn)
    for name, text in drawn.items():
        assert (FOLDER / name).read_text() == text, "run `python -m perf.sizing draw`"


def test_the_page_has_the_table_of_the_figures(found):
    assert f"<!-- measured -->\n{table(found)}<!-- /measured -->" in PAGE.read_text(), (
        "run `python -m perf.sizing draw`"
    )


def test_every_measured_point_is_in_a_picture(found):
    points = sum(len(found[name]["found"]["points"]) for name in SHAPES)
    curves = sum(len(found[name]["found"]["curve"]) for name in SHAPES)
    counts = [_marks(text) for text in pictures(found).values()]
    assert counts == [points, curves]


def _marks(text):
    """Points that are drawn. What is no XML is refused, and a picture may not need another file."""
    root = ET.fromstring(text)
    assert not [each for each in root.iter() if "href" in "".join(each.attrib)]
    return len([each for each in root.iter(f"{SVG}circle") if each.get("class", "").startswith("mark")])


def test_a_handshake_costs_something():
    assert 10 < handshake("P-256") < 100_000
