"""The texts in bodies: forms, JSON, multipart, XML."""

import pytest

from gateway.errors import GatewayError
from gateway.screening.bodies import MOST_FIELDS, Field, decoded, json_fields, multipart_fields, pairs, xml_fields


def refused(reader, *args) -> str:
    with pytest.raises(GatewayError) as caught:
        list(reader(*args))
    return caught.value.kind.slug


def test_pairs_as_they_stand():
    assert list(pairs("a=1&b=%20+x&c&&d==")) == [("a", "1"), ("b", "%20+x"), ("c", ""), ("d", "=")]
    assert refused(pairs, "&" * MOST_FIELDS) == "body-too-complex"


def test_json_has_pointers_for_texts_and_for_names():
    found = list(json_fields({"a/b": ["x", {"~": "y"}], "n": 1}))
    assert Field("/a~1b/0", "x") in found and Field("/a~1b/1/~0", "y") in found
    assert Field("/a~1b", "a/b") in found and Field("/n", "n") in found
    assert list(json_fields("x")) == [Field("", "x")]


def part(head: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def test_multipart_has_texts_and_names_of_files_but_not_files():
    data = (
        part(b'Content-Disposition: form-data; name="note"', b"one\r\ntwo")
        + part(b'content-disposition: form-data; name=pic; filename="../a.png"\r\nContent-Type: image/png', b"\x89PNG")
        + b"--b--\r\n"
    )
    found = list(multipart_fields(data, "b"))
    assert Field("note", "one\r\ntwo") in found and Field("pic", "../a.png") in found
    assert not any("PNG" in field.text for field in found)


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


def xml(data: bytes) -> tuple[list[Field], int]:
    calls: list[int] = []
    return xml_fields(data, lambda: calls.append(1)), len(calls)


def test_xml_has_texts_and_attributes():
    found, doctypes = xml(b'<a x="1"><b> <c>two &lt;3</c></b></a>')
    assert found == [Field("a@x", "1"), Field("a/b/c", "two <3")] and not doctypes


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
def test_a_document_type_with_entities_or_a_dtd_is_told_and_reading_ends(doctype, encoding):
    found, doctypes = xml(f"{doctype}<a>&e;</a>".encode(encoding))
    assert doctypes == 1 and not found


def test_a_bare_document_type_is_none_of_them():
    assert xml(b"<!DOCTYPE html><html>x</html>") == ([Field("html", "x")], 0)


@pytest.mark.parametrize("data", [b"", b"<a>", b"x", b"<a>&e;</a>", b'<?xml version="1.0" encoding="utf-7"?><a/>'])
def test_what_is_no_xml_is_refused(data):
    assert refused(xml, data) == "malformed-body"


def test_bytes_that_are_no_utf_8_are_kept():
    assert decoded("é".encode()) == "é" and decoded(b"\xe9<") == "é<"
