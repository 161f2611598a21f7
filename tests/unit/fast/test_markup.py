"""The markup rules: what a parser of the standard library sees run, they find; what people write, they let pass."""

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast.waf_xss import xss_attack
from tests.oracles import markup_oracle

ATTACKS = {
    "xss-script": [
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example/x.js>",
        "</script><b>",
        "<script\n>",
        "<x:script>",
        "<script",
        "<svg><script>x",
        "<style type=text/javascript>alert(1)</style>",
    ],
    "xss-handler": [
        "<svg/onload=alert(1)>",
        "<img src=x onerror=alert(1)//",
        "<b onfoo='x'>",
        '" onfocus=go autofocus x="',
        "' onmouseover='alert(1)",
        "x onclick=alert(1)",
        "onclick=alert`1`",
        "<body onload!#$%&()*~+-_.,:;?@[=alert(1)>",
        '<img src="x"onerror="go()">',
        "<img/src=`x`onerror=go()>",
        "<div x-data='{ a: alert(1) }'>",
        '<a title="\'" onclick=b()>',
    ],
    "xss-url": [
        "javascript:alert(1)",
        " java\tscri\npt\n:alert(1)",
        "<a href=javascript:x>",
        "vbscript:msgbox(1)",
        "[a](javascript:alert(1))",
        "data:text/html,<b>",
        "data:text/html;base64,PGI+",
        "<form action='javascript:go'>",
        "javascript://%0aalert(1)",
        '<use href="x\nJavaScript:go(1)">',
    ],
    "xss-tag": [
        "<iframe>",
        "<object data=x>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0>",
        "<!--#exec cmd=x-->",
        "<link rel=stylesheet href=//evil.example>",
        "</title><b>",
        "<embed/src=x>",
        "< iframe >",
        "<?xml-stylesheet href=x?>",
    ],
    "xss-attribute": [
        '"><b>',
        "'/><h1>",
        "--><img src=x>",
        "<iframes srcdoc=x>",
        '" formaction=x',
        '<br size="&{go()}">',
    ],
    "xss-css": [
        "<p style='a:expression(go())'>",
        '<p style="width:ex/**/pression(go())">',
        "-moz-binding:url(x)",
        "a:expression(go())",
        "<style>@import 'x'",
        "behavior: url(x.htc)",
    ],
    "xss-js": [
        "';alert(1)//",
        '"-alert(1)-"',
        "'-alert`1`-'",
        "\\';alert(1)//",
        ");alert(1)//",
        "1;alert(1)",
        "alert(1)",
        "(alert)(1)",
        "'+top['al'+'ert'](1)+'",
        "window['alert'](1)",
        "';location=name//",
        "'|x['constructor'](1)|'",
        "[][(![]+[])[+[]]]",
        "it's \\';alert(1)//",
        "'-(a=alert,a(1))-'",
        "';x=document.cookie//",
        "*/alert/**/(1)/*",
        "x.constructor('go()')()",
        "a=1;alert(1)",
        "Function('go()')()",
        "'-alert?.(1)-'",
    ],
    "xss-template": ["{{constructor.constructor('x')()}}", "${alert(1)}", "{{7*7}}", "#{ 7 * '7' }", "{{x.__proto__}}"],
}

HARMLESS = [
    "a < b and c > d",
    "I <3 you",
    "x<y",
    "<john@example.com>",
    "List<String>",
    "Map<String, Object>",
    "<br>",
    "<b>bold</b>",
    "<p>",
    '<a href="https://example.com/?a=b&c=d">x</a>',
    "only = 5",
    "once upon a time",
    '{"a": "b", "javascript": "x"}',
    "Script (film)",
    "javascript: the good parts (2008)",
    "JavaScript: The Definitive Guide (6th ed.)",
    "template <typename T> class A;",
    "if (a<b) alert",
    "onboarding=done",
    'he said "go", once = 5',
    "regular expression(s)",
    "style: expression(s)",
    "12:30:00",
    "emergency/alert(s)",
    "Re: set the alert (again)",
    "O'Reilly & Sons; open (daily)",
    "rmtree('x', onerror=remove)",
    "{{ user.name }}",
    "${HOME}/bin",
    "[x](https://example.com)",
    "- [ ] done, [x] done",
    "the <svg> element",
    "a[i](b)",
    "std::vector<int> a{1};",
    "From: J <j@example.com>\nSubject: 'x'; eval",
    "data: text/plain",
    "x == 'a' && y(1)",
    "<!-- note -->",
    "</p>",
    "tel:(030)123",
    '<p class="x" style="color: red">',
    "d'accord - oui (non)",
    "https://example.com/?onload=cb&x=(1)",
    "a <- b; c(d)",
    "f`x`",
    "=(",
    "<",
    "5 > 3 = true",
    "\u00fcber <\u00e4>",
    "'",
    "(",
    "{{",
    "<a",
    "x:",
    "[",
    "javascript:",
    "on=",
    "</",
]

pieces = [
    "<",
    ">",
    "/",
    "=",
    " ",
    "\n",
    "\t",
    '"',
    "'",
    "`",
    "x",
    "go(1)",
    "onload",
    "onerror=",
    "onclick=go()",
    "<script",
    "<svg",
    "<a ",
    "href=",
    "src",
    "javascript:",
    "java\tscript",
    ":",
    "(",
    ")",
    "</script>",
    "<!--",
    "-->",
    "&",
    ";",
    "<b>",
    "[",
    "{",
    "title=",
    "]",
]
soup = st.lists(st.sampled_from(pieces), max_size=12).map("".join)


@pytest.mark.parametrize("rule", ATTACKS)
def test_an_attack_is_found_by_its_rule(rule: str) -> None:
    assert {text: xss_attack(text) for text in ATTACKS[rule]} == dict.fromkeys(ATTACKS[rule], rule)


@pytest.mark.thorough
@pytest.mark.parametrize("rule", ATTACKS)
def test_upper_case_bytes_and_padding_hide_nothing(rule: str) -> None:
    for text in ATTACKS[rule]:
        assert xss_attack(text.encode()) == rule
        assert xss_attack(text.upper()), text
        assert xss_attack(text + " lorem ipsum" * 3000), text
    padded = [text for text in ATTACKS[rule] if text.startswith("<") and not text.startswith("</title")]
    assert all(xss_attack("lorem <b>ipsum</b> " * 3000 + text) for text in padded)


def test_what_people_write_passes() -> None:
    assert {text: rule for text in HARMLESS if (rule := xss_attack(text))} == {}


@given(soup)
@example('<a title="<svg onload=go(1)>">')
@example("<svg x='\"onload=go(1) '>")
def test_what_a_parser_sees_run_is_found(text: str) -> None:
    if "==" not in text and markup_oracle.runs(text):
        assert xss_attack(text)


@given(st.text(alphabet=st.characters(exclude_characters="<=:([{`")))
def test_without_a_sign_of_markup_nothing_is_found(text: str) -> None:
    assert xss_attack(text) == ""


@given(st.binary() | st.text() | soup)
def test_any_text_has_an_answer(text: str | bytes) -> None:
    assert re.fullmatch(r"|xss-[a-z]+", xss_attack(text))


def test_a_lone_surrogate_is_text() -> None:
    assert xss_attack("\ud800<script>") == "xss-script"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError):
        xss_attack(bytearray(b"x"))


def test_blanks_beyond_ascii_are_blanks() -> None:
    assert xss_attack("'-alert\u00a0(1)-'") == "xss-js"
    assert xss_attack("1\u2028alert(1)") == "xss-js"


@pytest.mark.thorough
def test_what_cannot_be_read_within_the_bound_is_an_attack() -> None:
    """The work is counted, and ends where it would be quadratic: each of these would be read to the end of the text."""
    assert xss_attack("javascript:" * 50_000) == "xss-url"
    assert xss_attack("<style>" * 50_000) == "xss-css"


@pytest.mark.thorough
def test_large_soups_end() -> None:
    chance = random.Random(7)
    for _ in range(30):
        few = chance.sample(pieces, 3)
        xss_attack("".join(chance.choices(few, k=5000)))
