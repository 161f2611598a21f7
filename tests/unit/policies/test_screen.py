"""screen: what is looked at in each part of a request, on exchanges made by hand."""

import gzip
import io
import json
import logging
from urllib.parse import quote

import pytest

from gateway.errors import GatewayError
from gateway.validation.waf.decision import WafRules
from gateway.validation.waf.options import PARTS, RULES
from gateway.validation.waf.policy import compile
from tests.exchanges import exchange

SQL, XSS = "1' or '1'='1", "<script>alert(1)</script>"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def rules(**known):
    known.setdefault("blocks", frozenset(RULES) - known.get("logs", frozenset()))
    return WafRules(
        **{"route": "r", "logs": frozenset(), "parts": PARTS, "excepted": frozenset(), "max_body": 1000, **known}
    )


def ask(target="/a", headers=(), body=None, content_type=JSON, found=None, method="GET", **known):
    """What became of a request: "goes on", or the slug and where."""
    fields = [*headers, *([("Content-Type", content_type)] if body is not None and content_type else [])]
    body = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    made = exchange(method, target, fields, body_length=known.pop("length", len(body or b"")), **known)
    made.body = None if body is None else io.BytesIO(body)
    try:
        assert compile(found or rules()).on_request(made) is None
    except GatewayError as error:
        where = error.extensions or {}
        return " ".join(filter(None, (error.kind.slug, where.get("part"), where.get("field"))))
    if body is not None and made.body_length >= 0:
        assert made.body.read() == body  # it goes on as it came
    return "goes on"


@pytest.mark.parametrize("attack", [SQL, XSS, "1 union select password from users", '" onfocus=alert(1) autofocus x="'])
@pytest.mark.parametrize("encode", [str, quote, lambda text: quote(quote(text))])
def test_values_of_a_query(attack, encode):
    value = quote(encode(attack))
    assert ask(f"/a?x=1&q={value}&y=2") == "request-rejected query q"
    assert ask(f"/a?{value}=1").startswith("request-rejected query")


def test_a_parameter_that_comes_again_is_looked_at_as_one_too():
    assert (
        ask("/a?id=1/*&id=*/union/*&id=*/select/*&id=*/password/*&id=*/from/*&id=*/users")
        == "request-rejected query id"
    )


def test_parameters_of_a_path():
    assert ask(params={"id": quote(SQL)}) == "request-rejected path id"
    assert ask(params={"rest": "a/..%252f..%252f..%252fetc/passwd"}) == "request-rejected path rest"
    assert ask(params={"id": "O'Brien", "rest": "a/b-c/d.png"}) == "goes on"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "User-Agent", "Referer", "X-Note"])
def test_header_fields(name):
    assert ask(headers=[(name, SQL)]) == f"request-rejected headers {name}"
    assert ask(headers=[(name, quote(XSS))]) == f"request-rejected headers {name}"
    assert ask(headers=[(name, "a%0d%0aSet-Cookie: x=1")]) == f"request-rejected headers {name}"


def test_an_address_in_a_header_field_is_read_as_one():
    referer = "https://shop.example.com/search?q={}&page=2#top"
    for harmless in ("men%27s+shoes+size+10+or+11", "table+for+2+%28or+3%29", "green+tea"):
        assert ask(headers=[("Referer", referer.format(harmless))]) == "goes on"
    for attack in (SQL, XSS, "MScgb3IgJzEnPScx", "1 union select 1,2 from users"):
        assert ask(headers=[("Referer", referer.format(quote(attack)))]) == "request-rejected headers Referer"
    assert ask(headers=[("Referer", f"https://shop.example.com/{quote(SQL)}?page=2")]).startswith("request-rejected")


def test_header_fields_that_may_look_like_anything():
    assert ask(headers=[("Authorization", f"Basic {SQL}"), ("If-None-Match", '"a", "b"')]) == "goes on"


def test_cookies():
    assert ask(headers=[("Cookie", f"a=1; b={quote(XSS)}")]) == "request-rejected cookies b"
    assert ask(headers=[("cookie", 'a="1 union select 1,2"; b=1')]) == "request-rejected cookies a"
    assert ask(headers=[("Cookie", "a=GA1.2.3.4; b=%7B%22x%22%3A1%7D")]) == "goes on"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"a": [1, {"b": SQL}]}, "/a/1/b"),
        ({"a": {XSS: 1}}, f"/a/{XSS.replace('/', '~1')}"),
        ({"__proto__": {"admin": True}}, "/__proto__"),
        ({"constructor": {"prototype": {"x": 1}}}, "/constructor/prototype"),
        ([SQL], "/0"),
    ],
)
def test_texts_and_names_in_json(body, expected):
    assert ask(body=body) == f"request-rejected body {expected}"
    assert ask(body=body, content_type="application/merge-patch+json") == f"request-rejected body {expected}"
    assert ask(body=body, content_type="text/plain") == f"request-rejected body {expected}"
    assert ask(body=body, content_type=None) == f"request-rejected body {expected}"


def test_harmless_json():
    assert ask(body={"constructor": "x", "protocol": "http", "note": "it's 5 o'clock & <b>bold</b>"}) == "goes on"


@pytest.mark.parametrize(
    ("body", "slug"), [(b"{", "malformed-body"), (b'{"a":1,"a":2}', "malformed-body"), (b"[" * 300, "")]
)
def test_json_that_cannot_be_read_is_refused(body, slug):
    assert ask(body=body).startswith(slug or "body-too-complex")


def test_forms():
    assert ask(body=f"a=1&b={quote(SQL)}".encode(), content_type=FORM) == "request-rejected body b"
    assert ask("/a?__pr%6fto__[x]=1") == "request-rejected query __proto__[x]"
    assert ask(body=b"a[__proto__][x]=1", content_type=FORM) == "request-rejected body a[__proto__][x]"
    assert ask(body=b"name=O%27Brien&note=50%25+off", content_type=FORM) == "goes on"


def multipart(disposition: str, content: str) -> bytes:
    return f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n--b--\r\n".encode()


def test_multipart():
    kind = "multipart/form-data; boundary=b"
    assert ask(body=multipart('name="n"', SQL), content_type=kind) == "request-rejected body n"
    assert ask(body=multipart('name="n"; filename="a.sql"', SQL), content_type=kind) == "goes on"
    assert (
        ask(body=multipart('name="n"; filename="../../../etc/passwd"', ""), content_type=kind)
        == "request-rejected body n"
    )
    assert ask(body=multipart('name="n"', "fine"), content_type="multipart/form-data") == "malformed-body"


@pytest.mark.parametrize(
    "more", ['x=" filename=a"', "filename*=UTF-8''a", 'x="; filename=a"', "x='; filename=a'", 'xfilename="a"']
)
def test_what_some_services_take_for_a_field_is_no_file(more):
    made = ask(body=multipart(f'name="n"; {more}', SQL), content_type="multipart/form-data; boundary=b")
    assert made in ("request-rejected body n", "malformed-body")


@pytest.mark.parametrize("more", ['x="\\"; filename="a"', 'x="a"b; filename=c', "filename=a; filename=b", "filename"])
def test_a_part_that_can_be_read_in_two_ways_is_refused(more):
    made = ask(body=multipart(f'name="n"; {more}', SQL), content_type="multipart/form-data; boundary=b")
    assert made == "malformed-body"


def test_xml():
    assert ask(body=f"<a><b>{SQL}</b></a>".encode(), content_type="text/xml") == "request-rejected body a/b"
    entity = b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'
    assert ask(body=entity, content_type="application/soap+xml") == "request-rejected body"
    assert ask(body=entity, content_type="application/xml", found=rules(blocks=frozenset(("xss",)))) == "goes on"


@pytest.mark.parametrize("document", ["<a>{}</a>", '<a b="{}"/>', "<a><b>x</b>{}</a>"])
def test_a_document_type_that_may_pass_hides_nothing(document):
    text = SQL.replace("'", "&apos;")
    found = rules(blocks=frozenset(("sql_injection",)), logs=frozenset(("xml",)))
    for doctype in ("<!DOCTYPE a [<!ENTITY e 'c'>]>", '<!DOCTYPE a SYSTEM "http://h/d.dtd">'):
        body = f"{doctype}{document.format(text)}".encode()
        assert ask(body=body, content_type="text/xml", found=found).startswith("request-rejected body a")
    entity = f'<!DOCTYPE a [<!ENTITY e "{SQL}">]>{document.format("&e;")}'.encode()
    assert ask(body=entity, content_type="text/xml", found=found).startswith("request-rejected body")


def test_text():
    assert ask(body=XSS.encode(), content_type="text/plain") == "request-rejected body"
    assert ask(body=b"{not json, but fine}", content_type="text/plain") == "goes on"


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "application/zip", "video/mp4"])
def test_other_bodies_are_not_read(content_type):
    made = exchange("POST", "/a", [("Content-Type", content_type)], body_length=10**9)
    compile(rules()).on_request(made)  # there is no body that could be read


def test_compressed_bodies_are_looked_into():
    packed = gzip.compress(json.dumps({"a": SQL}).encode())
    assert ask(body=packed, headers=[("Content-Encoding", "gzip")]) == "request-rejected body /a"
    assert ask(body=gzip.compress(b" " * 10**6), headers=[("Content-Encoding", "gzip")]) == "body-too-large"
    assert ask(body=b"x", headers=[("Content-Encoding", "compress")]) == "unsupported-media-type"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-7",
        "text/xml; charset=ibm037",
        f"{FORM}; charset=ibm037",
        "text/plain; charset=utf-16",
        "nonsense",
        "text/;a",
    ],
)
def test_bodies_in_other_charsets_or_of_no_kind_are_refused(content_type):
    assert ask(body=b"a=1", content_type=content_type) == "unsupported-media-type"


def test_a_body_too_large_to_be_looked_at_is_refused():
    assert ask(body=b"x" * 1001, content_type="text/plain") == "body-too-large"
    assert ask(body=b"x" * 1001, content_type="text/plain", length=-1) == "body-too-large"


def test_parts_that_are_not_looked_at():
    assert ask(f"/a?q={quote(SQL)}", body=[SQL], found=rules(parts=("headers",))) == "goes on"
    made = ask(f"/a?q={quote(SQL)}", found=rules(parts=("query",), excepted=frozenset((("query", "q"),))))
    assert made == "goes on"


def test_a_field_that_is_excepted_does_not_hide_others():
    only = rules(excepted=frozenset((("body", "/items/*/note"),)))
    assert ask(body={"items": [{"note": SQL}]}, found=only) == "goes on"
    assert ask(body={"items": [{"note": SQL, "name": XSS}]}, found=only) == "request-rejected body /items/0/name"


def test_null_bytes_and_steps_out_of_a_folder():
    assert ask("/a?q=a%00b") == "request-rejected query q"
    assert ask("/a?file=../../../../etc/passwd") == "request-rejected query file"
    assert ask("/a?file=..%255c..%255cwindows") == "request-rejected query file"
    assert ask("/a?file=../logo.png") == "goes on"


def test_lines_that_would_end_up_in_a_header():
    assert ask("/a?next=%0d%0aSet-Cookie:%20a=b") == "request-rejected query next"
    assert ask("/a?note=two%0d%0alines") == "goes on"


def test_log_lets_in_and_tells_once(caplog):
    found = rules(logs=frozenset(("sql_injection",)))
    with caplog.at_level(logging.WARNING, logger="gateway"):
        assert ask(f"/a?q={quote(SQL)}", found=found) == "goes on"
    assert "would have been refused: sql" in caplog.text and "'q'" in caplog.text and "or '1'" not in caplog.text
    assert ask(f"/a?q={quote(XSS)}", found=found) == "request-rejected query q"
