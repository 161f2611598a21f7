"""`transform` and `headers.rename`: what is read, and every complaint about it."""

import pytest

from gateway.config.header_edits_model import HeaderEdit
from gateway.http.frozen import freeze
from gateway.policies.transform.options import TYPES, JsonEdit, QueryEdit, Transform


def refused(complaints, section, expected):
    """A route with `section` has one mistake, which is found where it stands."""
    head = "version: 1\nupstreams: {app: {targets: ['http://127.0.0.1:9000']}}\nroutes:\n"
    found = complaints(f"{head}  - {{name: r, match: {{path: /a}}, upstream: app, {section}}}\n")
    assert len(found) == 1 and found[0].startswith("x.yaml:4:") and expected in found[0]


def test_what_is_written_and_what_is_not(route):
    found = route(
        'match: {path: "/a/{id:int}"}',
        "upstream: app",
        "transform:",
        "  query: {rename: {a: b}, remove: [c], set: {d: '{id}'}, add: {e: x}}",
        "  response:",
        "    json: {select: 'data[0]', rename: {'a.b': c}, remove: ['items[*].secret'], set: {m.by: {id: '{id}'}}}",
        "    max_body: 2MB",
        "    content_types: [Text/JSON]",
    ).routes[0]
    assert found.transform == Transform(
        query=QueryEdit((("a", "b"),), ("c",), (("d", "{id}"),), (("e", "x"),)),
        request=None,
        response=JsonEdit(
            select="data[0]",
            rename=(("a.b", "c"),),
            remove=("items[*].secret",),
            set=(("m.by", freeze({"id": "{id}"})),),
            max_body=2 << 20,
            content_types=("text/json",),
        ),
        numbers=("id",),
        where="x.yaml:7",
    )


def test_defaults(route):
    found = route("match: {path: /a}", "upstream: app", "transform: {request: {json: {remove: [a]}}}").routes[0]
    assert found.transform.request == JsonEdit("", (), ("a",), (), 1 << 20, TYPES)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ("{}", "transform: nothing is transformed"),
        ("{response: {}}", "transform.response.json: is missing"),
        ("{response: {json: {select: 'a[['}}}", "is no JMESPath expression"),
        ("{response: {json: {remove: ['a..b']}}}", "is no path: a name, * or [number] should stand at character 3"),
        ("{response: {json: {rename: {'a[0]': b}}}}", "is no member that has a name"),
        ("{response: {json: {rename: {a: b}, remove: [a]}}}", '"a" is in `rename` already'),
        ("{response: {json: {set: {a: ['{nothing}']}}}}", "the variable {nothing} is no parameter of the path"),
        ("{request: {json: {set: {'a.': 1}}}}", "is no path"),
        ("{query: {set: {a: '{nothing}'}}}", "the variable {nothing} is no parameter of the path"),
        ("{query: {set: {a: x}, rename: {b: a}}}", '"a" is in `rename` already'),
        ("{query: {delete: [a]}}", "unknown key"),
        ("{response: {json: {remove: [a]}, content_types: [json]}}", "expected a media type"),
    ],
)
def test_mistakes(complaints, transform, expected):
    refused(complaints, f"transform: {transform}", expected)


def test_where_nobody_is_sent_anything(complaints):
    does = "{request: {json: {remove: [a]}}, query: {remove: [a]}, response: {json: {remove: [a]}}}"
    found = complaints(
        f"version: 1\nroutes:\n  - {{name: r, match: {{path: /a}}, respond: {{status: 200}}, transform: {does}}}\n"
    )
    assert [each.partition(": ")[2].partition(":")[0] for each in found] == [
        "routes[0].transform.request",
        "routes[0].transform.query",
    ]


def test_renamed_headers_and_what_defaults_say(route):
    before = "defaults: {headers: {request: {rename: {X-A: X-B, X-C: X-D}, set: {X-E: e}}}}\n"
    found = route(
        "match: {path: /a}", "upstream: app", "headers: {request: {rename: {x-d: X-F, X-E: X-G}}}", before=before
    ).routes[0]
    assert found.headers.request == HeaderEdit((), (), (), (("x-d", "X-F"), ("X-E", "X-G"), ("X-A", "X-B")))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("{rename: {X-A: X-B}, set: {x-b: c}}", 'the header "X-B" is in `set` already'),
        ("{rename: {X-A: X-B, X-C: x-b}}", "is in `rename` already"),
        ("{rename: {X-A: Host}}", "Host can only be set"),
        ("{rename: {Upgrade: X-A}}", "belongs to one connection"),
        ("{rename: {X-A: 'a b'}}", "expected a header name"),
    ],
)
def test_headers_that_cannot_be_renamed(complaints, rules, expected):
    refused(complaints, f"headers: {{request: {rules}}}", expected)
