"""Forms with files on their way: what passes, whole and in pieces, and what is stopped before its end."""

import io
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.validation.multipart import Field, FormRules, ValidatedForm
from gateway.validation.part import LONGEST

RULES = FormRules(
    parts=3,
    part_size=100,
    headers=3,
    fields={"avatar": Field(("image/*",), is_required=True, max_size=200), "tag": Field(count=2)},
)


def part(name='"avatar"', content=b"x", *more, disposition=None):
    lines = [disposition or f"Content-Disposition: form-data; name={name}", *more]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


IMAGE = part('"avatar"; filename="a.png"', b"\x89PNG\r\n--X\r\n--", "Content-Type: image/png")


def form(*parts, end=b"\r\n"):
    return b"".join(b"--XYZ\r\n" + each + b"\r\n" for each in parts) + b"--XYZ--" + end


def passed(data, size=-1, rules=RULES, boundary="XYZ", length=None):
    """What an upstream would have read, in pieces of `size`."""
    body = ValidatedForm(io.BytesIO(data), len(data) if length is None else length, boundary, rules)
    if size < 0:
        return body.read()
    pieces = []
    while piece := body.read(size):
        pieces.append(piece)
        if body.done:
            break
    return b"".join(pieces)


def slug(data, **known):
    with pytest.raises(GatewayError) as caught:
        passed(data, **known)
    return caught.value.kind.slug


@given(st.integers(1, 120), st.sampled_from([-1, None]))
def test_what_is_right_passes_as_it_came_in_any_pieces(size, length):
    data = form(
        part("note", b""), IMAGE, part('"a b"', b"\r\n\r\n--XY\r\n-", "content-type: text/plain; charset=utf-8")
    )
    assert passed(data, size, length=length) == data


@pytest.mark.parametrize(
    "data",
    [
        form(IMAGE, end=b""),
        form(IMAGE, part('"tag"'), part('"tag"')),
        form(part('"avatar"', b"x" * 200, "Content-Type: image/gif", "Content-Transfer-Encoding: BINARY")),
        form(IMAGE, part('"n"; filename="C:\\dir\\a.txt"', b"x" * 100)),
        form(IMAGE, part(disposition="CONTENT-DISPOSITION: Form-Data ;NAME=n; FileName=f")),
        form(IMAGE, part("n").replace(b"=n", '="n\u00e9"'.encode())),
    ],
)
def test_what_else_is_right(data):
    assert passed(data) == passed(data, 7) == data


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "malformed-body"),
        (b"\r\n" + form(IMAGE), "malformed-body"),
        (b"before\r\n" + form(IMAGE), "malformed-body"),
        (form(IMAGE, end=b"\r\nbehind"), "malformed-body"),
        (form(IMAGE, end=b"x"), "malformed-body"),
        (form(IMAGE)[:-4], "malformed-body"),
        (form(IMAGE)[:-5], "malformed-body"),
        (form(IMAGE).replace(b"--XYZ\r\n", b"--XYZ \r\n", 1), "malformed-body"),
        (form(IMAGE).replace(b"--XYZ\r\n", b"--XYZ\n", 1), "malformed-body"),
        (form(IMAGE, part("n", b"a\r\n--XYZ9\r\nb")), "malformed-body"),
        (form(IMAGE, part("n")[:-1]).replace(b"\r\n\r\n\r\n--", b"\r\n\r\n--"), "malformed-body"),
        (form(IMAGE, b"\r\nx"), "malformed-body"),
        (form(IMAGE, part(disposition="X: y")), "malformed-body"),
        (form(IMAGE, part(disposition='Content-Disposition: attachment; name="n"')), "malformed-body"),
        (form(IMAGE, part(disposition="Content-Disposition: form-data")), "malformed-body"),
        (form(IMAGE, part('"n"; filename="a"; filename="b"')), "malformed-body"),
        (form(IMAGE, part('"n"; filename="a"; FILENAME="b"')), "malformed-body"),
        (form(IMAGE, part("\"n\"; filename*=utf-8''a")), "malformed-body"),
        (form(IMAGE, part('"n\\"; filename="a"')), "malformed-body"),
        (form(IMAGE, part('"n"x')), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "Content-Disposition: form-data; name=m")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "Content-Type : a/b")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", " folded")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "A: b\nC: d")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "A: \xff")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "Content-Type: text")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "Content-Transfer-Encoding: base64")), "malformed-body"),
        (form(IMAGE, part('"n"', b"x", "A: b", "B: c", "C: d")), "body-too-complex"),
        (form(IMAGE, part('"n"', b"x", "A: " + "b" * LONGEST)), "body-too-complex"),
        (form(IMAGE, part("a"), part("b"), part("c")), "body-too-complex"),
        (form(IMAGE, part("a", b"x" * 101)), "body-too-large"),
        (form(part('"avatar"', b"x" * 201, "Content-Type: image/png")), "body-too-large"),
        (form(part('"n"')), "invalid-body"),
        (form(IMAGE, IMAGE), "invalid-body"),
        (form(part()), "invalid-body"),
        (form(part('"avatar"', b"x", "Content-Type: text/html")), "invalid-body"),
        (form(IMAGE, part('"n"', b"x", "Content-Type: multipart/mixed; boundary=a")), "invalid-body"),
    ],
)
def test_what_is_stopped(data, kind):
    assert slug(data) == kind
    assert slug(data, size=11) == kind
    assert slug(data, size=11, length=-1) == kind


def test_the_last_piece_is_not_given_where_something_is_missing():
    data = form(part("n"))
    body = ValidatedForm(io.BytesIO(data), len(data), "XYZ", RULES)
    assert body.read(len(data) - 1) == data[:-1] and not body.done
    with pytest.raises(GatewayError) as caught:
        body.read(1)
    assert caught.value.extensions == {"errors": [{"pointer": "/avatar", "detail": "is missing"}]}


def test_the_time_for_a_head_grows_with_its_length():
    line = "X: " + " ".join("a" * 4000)  # of blanks and letters, so that each blank could be the last
    spaced = "X: a" + " " * 7900 + "b"
    for more in (line, spaced):
        began = process_time()
        for _ in range(10):
            try:
                passed(form(part('"avatar"', b"x", more)))
            except GatewayError:
                pass
        assert process_time() - began < 0.5


def test_blanks_around_a_value_are_not_a_part_of_it():
    assert passed(form(part('"avatar"', b"x", "Content-Type: \t image/png \t ")))


def test_other_fields():
    closed = FormRules(3, 100, 3, True, RULES.fields)
    assert passed(form(IMAGE, part('"tag"')), rules=closed)
    assert slug(form(IMAGE, part("n")), rules=closed) == "invalid-body"


def test_nothing_of_a_file_is_kept():
    rules = FormRules(1, 1 << 30, 8)
    body = ValidatedForm(io.BytesIO(b"--XYZ\r\n" + part() + b"\r\n-" * 400_000), -1, "XYZ", rules)
    for _ in range(10):
        body.read(65536)
        assert len(body._scan._held) < 65536


@pytest.mark.parametrize("boundary", ["", "x" * 71, "a ", "a\u00e9", 'a"', "a;b"])
def test_what_is_no_boundary(boundary):
    assert slug(form(IMAGE), boundary=boundary) == "malformed-body"


@given(st.binary(max_size=60), st.integers(1, 9))
def test_pieces_make_no_difference(rubbish, size):
    def came(size):
        try:
            return passed(form(IMAGE)[:-9] + rubbish + b"\r\n--XYZ--", size)
        except GatewayError as error:
            return error.kind.slug

    assert came(size) == came(10_000)
