"""The texts in bodies: forms, JSON, multipart, XML."""

import tracemalloc

import pytest

from gateway.errors import GatewayError
from gateway.validation.waf.body import (
    DEPTH,
    MEMBERS,
    MOST_FIELDS,
    decoded,
    json_fields,
    multipart_fields,
    pairs,
    xml_fields,
)


def refused(reader, *args) -> str:
    with pytest.raises(GatewayError) as caught:
        list(reader(*args))
    return caught.value.kind.slug


def shown(fields) -> list[tuple[str, str]]:
    """(name, text) of each."""
    return [(str(field.name), field.text) for field in fields]


def test_pairs_as_they_stand():
    assert list(pairs("a=1&b=%20+x&c&&d==")) == [("a", "1"), ("b", "%20+x"), ("c", ""), ("d", "=")]
    assert refused(pairs, "&" * MOST_FIELDS) == "body-too-complex"


def test_json_has_pointers_for_texts_and_for_names():
    found = shown(json_fields({"a/b": ["x", {"~": "y"}], "n": 1}))
    assert ("/a~1b/0", "x") in found and ("/a~1b/1/~0", "y") in found
    assert ("/a~1b", "a/b") in found and ("/n", "n") in found
    assert shown(json_fields("x")) == [("", "x")]


def test_the_ways_of_names():
    ways = [field.way for field in json_fields({"constructor": {"prototype": {"x": [{"y": 1}]}}}) if field.way]
    assert ways == ["constructor", "constructor/prototype", "constructor/prototype/x", "x/0/y"]


@pytest.mark.parametrize("count", [2_000])
def test_ways_take_no_more_room_than_a_body(count):
    long = "n" * 50_000
    members = "".join(f"<b{number}/>" for number in range(count))
    tracemalloc.start()
    try:
        found = [
            *json_fields({long: {str(number): "'" for number in range(count)}}),
            *xml(f"<{long}>{members}</{long}>".encode())[0],
        ]
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert len(found) > 2 * count and max(len(str(field.name)) for field in found) < 300
    assert sum(len(field.way) for field in found) < 5 * len(long)


def part(head: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def test_multipart_has_texts_and_names_of_files_but_not_files():
    data = (
        part(b'Content-Disposition: form-data; name="note"', b"one\r\ntwo")
        + part(b'content-disposition: form-data; name=pic; filename="../a.png"\r\nContent-Type: image/png', b"\x89PNG")
        + b"--b--\r\n"
    )
    found = shown(multipart_fields(data, "b"))
    assert ("note", "one\r\ntwo") in found and ("pic", "../a.png") in found
    assert not any("PNG" in text for _, text in found)


def test_every_star_name_of_a_file_is_looked_at():
    head = b"Content-Disposition: form-data; name=a; filename=x; filename*=UTF-8''%2e%2e"
    found = list(multipart_fields(part(head) + b"--b--", "b"))
    assert {field.text for field in found} == {"a", "x", "UTF-8''%2e%2e"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no boundary",
        part(b'Content-Disposition: form-data; name="a"'),
        part(b"Content-Type: text/plain") + b"--b--",
        part(b"Content-Disposition: form-data; x=y") + b"--b--",
        part(b"Content-Disposition: form-data; name=a; name=b") + b"--b--",
        part(b"Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b") + b"--b--",
        b"--bx\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--",
        b"--b\r\nContent-Disposition: form-data; name=a\r\n--b--",
    ],
)
def test_what_readers_could_take_for_different_things_is_refused(data):
    assert refused(multipart_fields, data, "b") == "malformed-body"


def test_too_many_parts():
    assert refused(multipart_fields, b"\r\n--b" * MOST_FIELDS, "b") == "body-too-complex"


def xml(data: bytes):
    calls: list[int] = []
    return xml_fields(data, lambda: calls.append(1)), len(calls)


def test_xml_has_texts_and_attributes():
    found, doctypes = xml(b'<a x="1"><b> <c>two &lt;3</c></b></a>')
    texts = [(name, text) for name, text in shown(found) if text]
    assert texts == [("a@x", "1"), ("a/b/c", "two <3")] and not doctypes
    assert [field.way for field in found if field.way] == ["a", "a@x", "a/b", "a/b/c"]


def test_xml_of_many_levels_or_elements_is_refused():
    def nested(levels):
        return b"<a>" * levels + b"</a>" * levels

    assert refused(xml, nested(DEPTH + 1)) == refused(xml, b"<a>" + b"<b/>" * MEMBERS + b"</a>") == "body-too-complex"
    assert len(xml(nested(DEPTH))[0]) == DEPTH


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY e "x">]>',
        '<!DOCTYPE a SYSTEM "http://h/d.dtd">',
        '<!DOCTYPE a PUBLIC "p" "http://h/d.dtd">',
        '<!DOCTYPE a [<!ENTITY % e SYSTEM "http://h/"> %e;]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_with_entities_or_a_dtd_is_told_and_nothing_expanded(doctype, encoding):
    found, doctypes = xml(f"{doctype}<a>&e;<b>text</b></a>".encode(encoding))
    texts = [(name, text) for name, text in shown(found) if text]
    inside = [("", "x")] if '"x"' in doctype else []
    assert doctypes == 1 and texts == [*inside, ("a/b", "text")]


def test_entities_make_no_more_of_an_attribute_than_there_is():
    doctype = '<!DOCTYPE a [<!ENTITY e "' + "x" * 10_000 + '">]>'
    assert refused(xml, f'{doctype}<a b="{"&e;" * 100}"/>'.encode()) == "body-too-complex"
    laughs = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    assert refused(xml, f'<!DOCTYPE a [<!ENTITY e0 "lol">{laughs}]><a b="&e9;"/>'.encode()) == "malformed-body"


def test_a_bare_document_type_is_none_of_them():
    found, doctypes = xml(b"<!DOCTYPE html><html>x</html>")
    assert shown(found)[-1] == ("html", "x") and not doctypes


@pytest.mark.parametrize("data", [b"", b"<a>", b"x", b"<a>&e;</a>", b'<?xml version="1.0" encoding="utf-7"?><a/>'])
def test_what_is_no_xml_is_refused(data):
    assert refused(xml, data) == "malformed-body"


def test_bytes_that_are_no_utf_8_are_kept():
    assert decoded("é".encode()) == "é" and decoded(b"\xe9<") == "é<"
