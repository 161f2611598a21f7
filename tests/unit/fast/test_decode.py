"""The readings of a value: whatever is written in an encoding, or in several within each other, is read again."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast import waf_decode as decode
from tests.oracles import decode_oracle

SCRIPT = b"<script>alert(1)</script>"
KINDS = (decode.FORM, decode.URL, decode.TEXT)
plain = st.text(alphabet="abcXYZ019 <>\"'()=/;:-_.,!|{}[]", min_size=12, max_size=40).map(str.encode)
written = st.binary(max_size=40) | st.lists(
    st.sampled_from(
        [
            b"%",
            b"%2",
            b"%41",
            b"%c0%af",
            b"&",
            b"&#",
            b"&lt",
            b"&#x",
            b"\\",
            b"\\x4",
            b"\\7",
            b"\\u{",
            b"+AD",
            b"+",
            b"w-",
            b"..",
            b"/",
            b"\0",
            b"\r\n",
            b"\xbc",
            b"a",
            b"4",
            b";",
            b"\xef\xbc\x9c",
            b"\xf0\x80\x80\xbc",
            b" ",
            b"=",
            b"}",
        ]
    ),
    max_size=12,
).map(b"".join)


def texts(raw: bytes | str, kind: int = decode.TEXT) -> list[bytes]:
    return [
        text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        for text in decode.readings(raw, kind)[1]
    ]


@given(plain, st.lists(st.sampled_from(sorted(decode_oracle.ENCODERS)), min_size=1, max_size=4))
def test_four_encodings_within_each_other_are_read(text: bytes, names: list[str]) -> None:
    raw = text
    for name in names:
        raw = decode_oracle.ENCODERS[name](raw)
    assert text in texts(raw)


@given(plain, st.sampled_from(sorted(decode_oracle.WHOLE)), st.sampled_from(["", *sorted(decode_oracle.ENCODERS)]))
def test_a_value_written_as_a_whole_is_read(text: bytes, name: str, outer: str) -> None:
    text = text.strip() + b"<script>"
    raw = decode_oracle.WHOLE[name](text)
    # only percent encoding is of bytes, the others are of characters
    if outer and ((raw.isascii() and name != "NUL") or "percent" in outer):
        raw = decode_oracle.ENCODERS[outer](raw)
    assert text in texts(raw)


@given(written, st.sampled_from(KINDS))
def test_the_first_is_what_the_application_sees(raw: bytes, kind: int) -> None:
    flags, readings = decode.readings(raw, kind)
    expected = decode_oracle.first(raw, kind)
    odd = decode_oracle.flags(expected)
    assert texts(raw, kind)[0] == expected
    assert flags & odd == odd
    # what is more was behind an encoding
    assert not flags & ~odd & decode.INVALID
    assert flags == odd or len(readings) > 1 or kind == decode.TEXT


@given(written, st.sampled_from(KINDS))
def test_readings_are_few_short_and_distinct(raw: bytes, kind: int) -> None:
    found = texts(raw, kind)
    assert len(found) == len(set(found)) <= 8
    assert all(len(text) <= len(raw) for text in found)


@given(st.text())
def test_text_is_read_as_its_bytes(text: str) -> None:
    assert texts(text) == texts(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "raw", ["", "a", "Jane Doe-Smith_7.5", "550e8400-e29b-41d4-a716-446655440000", "a/b.c", "password123", b"1.5"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_value_is_its_only_reading(raw: bytes | str, kind: int) -> None:
    flags, readings = decode.readings(raw, kind)
    assert flags == 0
    assert readings[0] is raw
    assert len(readings) == 1


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        ("a%00b", decode.NUL),
        ("a%0d%0ab", decode.CRLF),
        ("a%250ab", decode.CRLF),
        ("%u000a", decode.CRLF),
        ("%01", decode.CONTROL),
        ("../x", decode.TRAVERSAL),
        ("a/%2e%2e", decode.TRAVERSAL),
        ("..%255cx", decode.TRAVERSAL),
        ("....//x", decode.TRAVERSAL),
        ("/..;/x", decode.TRAVERSAL),
        ("%c0%ae%c0%ae/x", decode.TRAVERSAL),
        ("%c0%af", decode.OVERLONG),
        ("%ff", decode.INVALID),
        ("%2541", decode.DOUBLE),
    ],
)
def test_flags(raw: str, flag: int) -> None:
    assert decode.readings(raw, decode.URL)[0] & flag


@pytest.mark.parametrize(
    "raw",
    ["wait...", "a..b", "..", "1..2/3", "v1.0/x", "caf\u00e9", "100%", "a&b", "C:\\new", "https://x/.../y", "a\tb"],
)
def test_no_flags(raw: str) -> None:
    assert decode.readings(raw, decode.FORM)[0] == 0


@pytest.mark.parametrize(
    "raw",
    [
        "&lt;script&gt;",
        "&LTscript&#62",
        "&#x0000003Cscript&#x3e",
        "\\x3cscript\\u{3e}",
        "\\74script\\76",
        "\\3c script\\3e",
        "\\00003cscript>",
        "%u003cscript%uff1e",
        "\uff1cscript\uff1e",
        "+ADw-script+AD4-",
        "<scr\0ipt>",
        "<s\u200bcript>",
        "<\u017fcript>",
        "\xbcscript\xbe",
        "<s\\cript>",
        "<\u24e2cript>",
        "\ufe64script\ufe65",
        "&lt;s&Tab;cript&gt;",
    ],
)
def test_what_could_be_a_script_is_one(raw: str) -> None:
    assert any(text.replace(b"\t", b"").lower() == b"<script>" for text in texts(raw))


def test_base64_within_base64_within_percent() -> None:
    twice = base64.b64encode(base64.b64encode(SCRIPT))
    assert SCRIPT in texts(decode_oracle.ENCODERS["all percent"](twice), decode.FORM)


def test_a_form_reads_plus_as_a_blank_and_base64_all_the_same() -> None:
    assert texts("a+b%2Bc", decode.FORM)[0] == b"a b+c"
    text = b"<svg>>>???~~~</svg>"
    assert b"+" in base64.b64encode(text)
    assert text in texts(base64.b64encode(text), decode.FORM)
    assert b"<script>" in texts("+ADw-script+AD4-", decode.FORM)


def test_long_utf7_fits() -> None:
    """Three letters of UTF-7 can be three bytes of UTF-8: what is written must not be longer than what was read."""
    for run in (b"+A" + b"D4wP" * 9000, b"+AD" + b"////" * 9000):
        assert all(len(text) <= len(run) for text in texts(run))


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError):
        decode.readings(bytearray(b"x"), decode.TEXT)


def test_digits_are_read_as_octal_and_as_css() -> None:
    assert {b"1lert", b"alert"} <= set(texts("\\61lert"))
