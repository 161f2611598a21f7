"""`sanitize`: what it means, how a route's goes over that of `defaults`, and what cannot be meant."""

import pytest

from gateway.config.document import loads

HEAD = "version: 1\nupstreams: {a: {targets: [http://h]}}\n"


def text(own: str = "", defaults: str = "") -> str:
    more = f", sanitize: {own}" if own else ""
    return (
        HEAD
        + (f"defaults: {{sanitize: {defaults}}}\n" if defaults else "")
        + f"routes: [{{name: r, match: {{path: /}}, upstream: a{more}}}]\n"
    )


def read(own: str = "", defaults: str = ""):
    return loads(text(own, defaults), "x.yaml").routes[0].sanitize


def test_nothing_is_screened_that_is_not_asked_for():
    assert read() is None


def test_what_is_not_written_blocks_in_all_parts():
    found = read("{xss: log, sql_injection: block}")
    assert found.mode("xss") == "log"
    assert {mode for rule, mode in found.modes if rule != "xss"} == {"block"}
    assert found.parts == ("path", "query", "headers", "cookies", "body")
    assert (found.excepted, found.max_body, found.where) == ((), 1 << 20, "x.yaml:3")


def test_a_route_has_what_defaults_say():
    assert read(defaults="{xss: log}").mode("xss") == "log"
    assert read("off", defaults="{xss: log}") is None


def test_a_routes_keys_win_one_by_one():
    found = read("{xml: off, in: [body]}", "{xss: log, in: [query], max_body: 2MB, except: {query: [q]}}")
    assert (found.mode("xml"), found.mode("xss"), found.mode("traversal")) == ("off", "log", "block")
    assert (found.parts, found.max_body, found.excepted) == (("body",), 2 << 20, (("query", "q"),))


def test_exceptions():
    found = read("{except: {query: [q], headers: [X-Note], cookies: [c], body: [/items/*/note, comment]}}")
    assert set(found.excepted) == {
        *(("query", "q"), ("headers", "x-note"), ("cookies", "c")),
        *(("body", "/items/*/note"), ("body", "comment")),
    }


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("{sql_injektion: block}", "did you mean `sql_injection`?"),
        ("{xss: blok}", "sanitize.xss"),
        ("'on'", "routes[0].sanitize"),
        ("{in: []}", "sanitize.in"),
        ("{in: [query, query]}", "there twice"),
        ("{in: [querys]}", "sanitize.in[0]"),
        ("{in: [query], except: {body: [/a]}}", "bodies are not looked at"),
        ("{in: [query], except: {headers: [X]}}", "the headers are not looked at"),
        ("{except: {body: [/a~b]}}", "no JSON pointer"),
        ("{except: {query: [q, q]}}", "there twice"),
        ("{except: {headers: [X-A, x-a]}}", "there twice"),
        ("{except: {headers: ['X A']}}", "a header name"),
        ("{max_body: 1}", "a size such as"),
        (
            "{sql_injection: off, xss: off, traversal: off, headers: off, null_bytes: off, pollution: off, xml: off}",
            "every rule is off",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(complaints, own, expected):
    found = complaints(text(own))
    assert len(found) == 1, found
    assert found[0].startswith("x.yaml:3:") and expected in found[0]
