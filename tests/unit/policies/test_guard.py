"""guard: size, kind and content of requests, on exchanges made by hand."""

import gzip
import io
import json

import pytest

from gateway.errors import GatewayError
from gateway.http.problem import problem_response
from gateway.validation.multipart import FormRules
from gateway.validation.policy import ValidationRules, compile
from gateway.validation.schema import Schema
from tests.exchanges import exchange

JSON_TYPES = ("application/json", "application/*+json")


def schema(rules):
    return Schema("s", "file:///s", {"file:///s": json.dumps(rules)})


ITEM = schema({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}})


def rules(**known):
    known.setdefault("content_types", JSON_TYPES if "body" in known else ())
    return ValidationRules(**{"max_body": 1000, "is_written": True, **known})


def ask(found, method="POST", target="/a", body=None, content_type="application/json", headers=(), **known):
    """The exchange after the step."""
    fields = [*headers, *([("Content-Type", content_type)] if body is not None and content_type else [])]
    length = known.pop("length", len(body) if body is not None else 0)
    made = exchange(
        method, target, fields, body=None if body is None else io.BytesIO(body), body_length=length, **known
    )
    hook = compile(found).on_request
    assert hook(made) is None
    return made


def refused(*args, **known):
    with pytest.raises(GatewayError) as caught:
        ask(*args, **known)
    error = caught.value
    return error.kind.slug, error.kind.status, error


def test_without_validate_only_the_size_counts():
    plain = ValidationRules(max_body=10)
    ask(plain, body=b"x" * 10, content_type=None)
    ask(plain, "GET", body=b"x", content_type=None)
    ask(plain, body=b"x" * 11, length=-1)  # the server counts those
    assert refused(plain, body=b"x" * 11)[:2] == ("body-too-large", 413)


def test_a_good_body_goes_on_as_it_came():
    made = ask(rules(body=ITEM), body=b' {"a": "b"} ')
    assert made.body.read() == b' {"a": "b"} '
    assert made.body_length == 12


@pytest.mark.parametrize(
    ("known", "slug", "status"),
    [
        ({"body": b'{"a": 1}'}, "invalid-body", 422),
        ({"body": b'{"a": '}, "malformed-body", 400),
        ({"body": b"[" * 33 + b"]" * 33}, "body-too-complex", 422),
        ({"body": b""}, "missing-body", 400),
        ({}, "missing-body", 400),
        ({"body": b"", "length": -1}, "missing-body", 400),
        ({"body": b"x" * 1001}, "body-too-large", 413),
        ({"body": b"x" * 1001, "length": -1}, "body-too-large", 413),
        ({"body": b'{"a":"b"}', "content_type": None}, "unsupported-media-type", 415),
        ({"body": b'{"a":"b"}', "content_type": "text/plain"}, "unsupported-media-type", 415),
        ({"body": b'{"a":"b"}', "content_type": "application/json; charset=latin1"}, "unsupported-media-type", 415),
        ({"body": b'{"a":"b"}', "content_type": "application/json, text/plain"}, "unsupported-media-type", 415),
        ({"body": b"x", "headers": [("Content-Encoding", "compress")]}, "unsupported-media-type", 415),
        ({"body": b"x", "headers": [("Content-Encoding", "gzip")]}, "malformed-body", 400),
        ({"body": gzip.compress(b"0" * 9999), "headers": [("Content-Encoding", "gzip")]}, "body-too-large", 413),
        ({"body": b"{}", "method": "GET"}, "unexpected-body", 400),
        ({"body": b"{}", "method": "DELETE"}, "unexpected-body", 400),
    ],
)
def test_bodies_that_are_refused(known, slug, status):
    assert refused(rules(body=ITEM), **known)[:2] == (slug, status)


@pytest.mark.parametrize("content_type", ["application/problem+json", 'APPLICATION/JSON; charset="UTF-8"'])
def test_what_else_is_json(content_type):
    ask(rules(body=ITEM), body=b'{"a":"b"}', content_type=content_type)


def test_who_is_refused_for_the_type_is_told_which_are_taken():
    error = refused(rules(content_types=("image/png", "text/*")), "PUT", body=b"x")[2]
    assert error.headers == (("Accept", "image/png, text/*"),)


@pytest.mark.parametrize(("method", "name"), [("POST", "Accept-Post"), ("PATCH", "Accept-Patch")])
def test_and_told_again_by_the_method(method, name):
    error = refused(rules(content_types=("image/png", "text/*")), method, body=b"x")[2]
    assert (name, "image/png, text/*") in error.headers


def test_two_content_types_are_a_request_that_can_be_read_in_two_ways():
    twice = [("Content-Type", "application/json")]
    for found in (rules(body=ITEM), rules(charsets=("utf-8",)), rules(content_types=("text/plain",))):
        assert refused(found, body=b"{}", headers=twice)[:2] == ("malformed-request", 400)


@pytest.mark.parametrize(
    ("charsets", "content_type", "is_taken"),
    [
        (("utf-8",), "text/plain", True),
        (("utf-8",), "text/plain; charset=UTF-8", True),
        (("utf-8",), 'text/plain;charset="utf8"', True),
        (("utf-8",), "text/plain; charset=us-ascii", True),
        (("utf-8",), "text/plain; charset=iso-8859-1", False),
        (("utf-8",), "application/x-www-form-urlencoded; charset=utf-7", False),
        (("iso-8859-1", "utf-16"), "text/plain; charset=UTF-16", True),
        (("iso-8859-1",), "text/plain; charset=utf-8", False),
        (("iso-8859-1",), "text/plain", True),
        (("utf-8",), "text/plain; charset", False),
        (("utf-8",), None, True),
    ],
)
def test_charsets(charsets, content_type, is_taken):
    for types in ((), ("text/plain", "application/x-www-form-urlencoded")):
        found = rules(charsets=charsets, content_types=types)
        if is_taken and (content_type or not types):
            ask(found, body=b"x", content_type=content_type)
        else:
            assert refused(found, body=b"x", content_type=content_type)[:2] == ("unsupported-media-type", 415)


def test_who_takes_nothing_that_there_is_gets_406():
    found = rules(produces=("application/json",))
    ask(found, "GET", headers=[("Accept", "text/html, */*;q=0.1")])
    assert refused(found, "GET", headers=[("Accept", "text/html")])[:2] == ("not-acceptable", 406)


def test_forms_are_looked_at_on_their_way_and_other_bodies_are_not():
    found = rules(content_types=("multipart/form-data", "text/plain"), form=FormRules(1, 5, 8))
    sent = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    assert ask(found, body=sent % b"x", content_type=kind).body.read() == sent % b"x"
    made = ask(found, body=sent % b"xxxxxx", content_type=kind)
    with pytest.raises(GatewayError, match="body-too-large"):
        made.body.read(65536)
    assert ask(found, body=b"plain", content_type="text/plain").body.read() == b"plain"
    ask(found, "GET")
    assert refused(found, body=sent, content_type="multipart/form-data")[0] == "malformed-body"
    coded = [("Content-Encoding", "gzip")]
    assert refused(found, body=sent, content_type=kind, headers=coded)[2].headers == (("Accept-Encoding", "identity"),)


def test_a_compressed_body_is_judged_inside_and_sent_as_it_came():
    data = gzip.compress(b'{"a":"b"}')
    made = ask(rules(body=ITEM), body=data, headers=[("Content-Encoding", "gzip")])
    assert made.body.read() == data
    bad = gzip.compress(b'{"a":1}')
    assert refused(rules(body=ITEM), body=bad, headers=[("Content-Encoding", "gzip")])[0] == "invalid-body"


def test_nothing_is_read_of_what_is_refused_without_it():
    class Unread:
        def read(self, size=-1):
            raise AssertionError("read")

    for known in ({"length": 2 << 30}, {"length": -1, "content_type": "text/plain"}, {"method": "GET", "length": 5}):
        made = {"content_type": "application/json", "method": "POST", **known}
        tried = exchange(made["method"], "/", [("Content-Type", made["content_type"])], body=Unread(), body_length=5)
        tried.body_length = made["length"]
        with pytest.raises(GatewayError):
            compile(rules(body=ITEM)).on_request(tried)


def test_a_body_with_get_where_it_is_meant():
    found = rules(body=ITEM, methods=("GET",))
    ask(found, "GET", body=b'{"a":"b"}')
    assert refused(found, "GET")[0] == "missing-body"
    ask(rules(body=ITEM, methods=("GET", "POST")), "GET")


def test_a_body_that_is_not_read_is_counted_on_its_way():
    made = ask(rules(max_body=5), "PUT", body=b"0123456789", length=-1)
    with pytest.raises(GatewayError, match="body-too-large"):
        made.body.read(10)


def test_query_headers_and_parameters():
    found = rules(
        query=schema({"properties": {"n": {"type": "integer", "maximum": 3}}, "additionalProperties": False}),
        headers=schema({"required": ["X-Key"], "properties": {"X-Key": {"maxLength": 3}}}),
        params=schema({"properties": {"id": {"maximum": 9}}}),
        kinds=(("id", "int"),),
    )
    good = {"target": "/a?n=3", "headers": [("x-key", "abc")], "params": {"id": "7"}}
    ask(found, "GET", **good)
    for part, slug, pointer in (
        ({"target": "/a?n=4"}, "invalid-query", "/n"),
        ({"target": "/a?n=x"}, "invalid-query", "/n"),
        ({"target": "/a?n=1&n=2"}, "invalid-query", "/n"),
        ({"target": "/a?m=1"}, "invalid-query", ""),
        ({"target": "/a?n=%zz"}, "invalid-query", "/n"),
        ({"headers": []}, "invalid-headers", ""),
        ({"headers": [("X-KEY", "abcd")]}, "invalid-headers", "/X-Key"),
        ({"params": {"id": "10"}}, "invalid-parameters", "/id"),
    ):
        kind, status, error = refused(found, "GET", **{**good, **part})
        assert (kind, status) == (slug, 400)
        assert [fault["pointer"] for fault in error.extensions["errors"]] == [pointer]


def test_the_answer_lists_the_faults_in_every_form():
    error = refused(rules(body=ITEM), body=b'{"a": 1}')[2]
    listed = [{"pointer": "/a", "detail": 'the value is not of type "string"'}]
    assert json.loads(problem_response(exchange("POST"), error).body)["errors"] == listed
    text = problem_response(exchange("POST", headers=[("Accept", "text/plain")]), error).body
    assert b'/a: the value is not of type "string"\n' in text
