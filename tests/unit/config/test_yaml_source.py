import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import yaml as yaml_source
from gateway.config.files import SourceError, read
from gateway.config.nodes import MappingNode, place_of
from gateway.config.yaml import Source

LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(LETTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdé", min_size=1), inner, max_size=3),
    max_leaves=8,
)


def root(text: str) -> MappingNode:
    source = Source(text.encode(), "x.yaml")
    assert source.complaints == []
    return source.root


def refusal(text: str | bytes) -> str:
    with pytest.raises(SourceError) as caught:
        Source(text.encode() if isinstance(text, str) else text, "x.yaml")
    return str(caught.value)


def test_every_member_knows_its_place():
    tree = root("a: 1\nb:\n  - x\n  -   y: {z: 2}\n")
    assert tree.spots["b"] == (("x.yaml", 2, 1), ("x.yaml", 3, 3))
    assert place_of(tree["b"], 0) == ("x.yaml", 3, 5)
    assert place_of(tree["b"][1], "y") == ("x.yaml", 4, 10)
    assert tree["b"][1]["y"].spots["z"] == (("x.yaml", 4, 11), ("x.yaml", 4, 14))


def test_quoted_scalars_are_strings_and_keys_are_text():
    assert root("1: '1'\ntrue: \"true\"\n~: !!str 5\n") == {"1": "1", "true": "true", "~": "5"}


def test_no_merge_keys():
    assert root("a: &a {x: 1}\nb: {<<: *a}\n")["b"] == {"<<": {"x": 1}}


def test_anchors_stand_for_values_and_keys():
    assert root("a: &a [1]\nb: *a\n&k c: 1\nd: {*k : 2}\n") == {"a": [1], "b": [1], "c": 1, "d": {"c": 2}}


@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), JSON, min_size=1, max_size=4))
def test_json_is_yaml(value):
    for ensure_ascii in (True, False):
        source = Source(json.dumps(value, ensure_ascii=ensure_ascii, indent=1).encode(), "x.json")
        assert (source.root, source.complaints) == (value, [])


def test_tabs_between_json_tokens_pass():
    assert root('{\n\t"a":\t[1,\t2]\n}') == {"a": [1, 2]}


def test_duplicate_keys_name_both_places():
    source = Source(b"a:\n  b: 1\n  c: 2\n  b: 3\n", "x.yaml")
    assert [str(one) for one in source.complaints] == ["x.yaml:4:3: a.b: the key is written twice, first at x.yaml:2:3"]
    assert source.root == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "x.yaml: the file is empty"),
        ("# nothing\n", "x.yaml: the file is empty"),
        ("---\n", "x.yaml: the file is empty"),
        ("- a\n", "x.yaml:1:1: expected a mapping of sections"),
        ("word\n", "x.yaml:1:1: expected a mapping of sections"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second YAML document (one document per file"),
        ("a: *nope\n", "x.yaml:1:4: a: the alias *nope names no anchor"),
        ("a: &a [*a]\n", "the alias *a names no anchor that ends before it"),
        ("? [1]\n: 2\n", "x.yaml:1:3: a key must be a plain word"),
        ("? {a: 1}\n: 2\n", "a key must be a plain word"),
        ("a:\n\tb: 1\n", "(a tab is used for indentation; YAML wants spaces)"),
        ("a: {b: /x/{id}}\n", "(a value that contains { or } needs quotes)"),
        ("a: {b: ${env:X}}\n", "(a value that contains { or } needs quotes)"),
        ("a: [1, 2\n", "x.yaml:2:1: YAML syntax: "),
        ("a: 1\nb: 'x\n\n\n", "x.yaml:2:4: YAML syntax: found unexpected end of stream while "),
        ("a: 1\n b: 2\n", "not allowed in this context (a value that contains `: ` needs quotes; else "),
        ("a:\n  b: 1\n c: 2\n", "parsing a block mapping that begins at 1:1 (is it indented by as many"),
        ("a: [1,\n  b: [2\nc: 3\n", "while parsing a flow sequence that begins at "),
        ("a: @x\n", "x.yaml:1:4: YAML syntax: "),
        ("a: " + "[" * 100 + "]" * 100, "nested deeper than 64 levels"),
        (b"a: \xff\n", "x.yaml:1:4: not text in UTF-8"),
        (b"\x7fELF\x02\x01\x00", "x.yaml:1:1: the control character 0x7f"),
        (b"a: 1\nb: \x00\n", "x.yaml:2:4: the control character 0x00"),
        ("a: 1".encode("utf-16"), "not text in UTF-8 (it is UTF-16; save it as UTF-8)"),
    ],
)
def test_one_clear_refusal(text, words):
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: !!python/object:os.system x\n", "the tag tag:yaml.org,2002:python/object:os.system has no meaning here"),
        ("a: !secret x\n", "the tag !secret has no meaning here"),
        ("a: .inf\n", "x.yaml:1:4: a: .inf is not a finite number"),
        ("a: [.nan]\n", "a[0]: .nan is not a finite number"),
    ],
)
def test_what_has_no_meaning_is_complained_about(text, words):
    assert words in str(Source(text.encode(), "x.yaml").complaints[0])


def test_an_alias_bomb_is_refused_before_it_grows():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "aliases repeat more than 500,000 values" in refusal("\n".join(lines))


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.config.files.MAX_BYTES", 1024**2)
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (1024**2 + 1))
    with pytest.raises(SourceError, match="is larger than 1 MB"):
        read(str(path), "big.yaml")


@given(st.binary(max_size=60) | st.text("ab:-{}[]&*!|>'\"%@`#,? \n\t0", max_size=60).map(str.encode))
def test_no_bytes_break_it(data):
    try:
        assert isinstance(Source(data, "x.yaml").root, MappingNode)
    except SourceError as error:
        assert str(error).startswith("x.yaml")


def test_depth_is_counted_in_values():
    assert yaml_source.MAX_DEPTH == 64
    text = "a: " + "[" * 63 + "]" * 63
    assert root(text)
    assert "nested deeper" in refusal(text.replace("[]", "[[]]"))
