import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import ConfigError, loads, redacted
from gateway.config.interpolate import Interpolator
from gateway.config.yaml import Source


def resolved(text: str, base: str = "/", **env: str):
    source = Source(text.encode(), "x.yaml")
    complaints = Interpolator(env).resolve(source.references, base)
    return source.root, [str(complaint) for complaint in complaints]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:A}", "one"),
        ("x-${env:A}-${env:A}-y", "x-one-one-y"),
        ("${env:NOPE:-two}", "two"),
        ("${env:NOPE:-}", ""),
        ("${env:EMPTY:-two}", "two"),
        ("${env:EMPTY}", ""),
        ("$${env:A}", "${env:A}"),
        ("$$ $A {env:A}", "$$ $A {env:A}"),
        ("${env:REF}", "${env:A}"),
    ],
)
def test_references(text, value):
    tree, complaints = resolved(f'a: "{text}"\n', A="one", EMPTY="", REF="${env:A}")
    assert (tree["a"], complaints) == (value, [])


def test_files_are_relative_to_the_folder_and_lose_one_line_end(tmp_path):
    (tmp_path / "key").write_text("line\n\n")
    tree, complaints = resolved("a: ['<${file:key}>', '${file:./key}']\n", str(tmp_path))
    assert (tree["a"], complaints) == (["<line\n>", "line\n"], [])


def test_a_value_of_a_reference_keeps_its_origin_and_an_escape_has_none():
    tree, _ = resolved("a: '$${x}'\nb: ['${env:A}', 'x${env:A:-secret}']\n", A="one")
    assert tree.origins == {}
    assert tree["b"].origins == {0: "${env:A}", 1: "${env:A}"}


def test_aliases_are_resolved_too():
    assert resolved("a: &a '${env:A}'\nb: *a\nc: &c {d: '${env:A}'}\ne: *c\n", A="1")[0] == {
        "a": "1", "b": "1", "c": {"d": "1"}, "e": {"d": "1"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${env:NOPE}", "x.yaml:2:5: b[0]: the environment variable NOPE is not set (set it, or write ${env:NOPE:-def"),
        ("${file:/nope/key}", "x.yaml:2:5: b[0]: the file /nope/key cannot be read: no such file or directory"),
        ("${file:/}", "the file / cannot be read: is a directory"),
        ("${foo}", "b[0]: a reference that is none (write ${env:NAME}"),
        ("${env:}", "a reference that is none"),
        ("${env:A", "a reference that is none"),
        ("${env:1A}", "a reference that is none"),
        ("${env:BYTES}", "the environment variable BYTES is not text in UTF-8"),
    ],
)
def test_a_reference_that_fails_has_a_place(text, words):
    _, complaints = resolved(f"a: 1\nb: ['{text}']\n", BYTES="\udcff")
    assert len(complaints) == 1
    assert words in complaints[0]


def test_a_secret_file_has_to_be_text_and_small(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.config.interpolate.MAX_SECRET_BYTES", 2**20)
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * (2**20 + 1))
    assert "is not text in UTF-8" in resolved("a: '${file:binary}'\n", str(tmp_path))[1][0]
    assert "is larger than 1 MB" in resolved("a: '${file:large}'\n", str(tmp_path))[1][0]


def test_numbers_and_booleans_are_made_where_the_schema_wants_them(complaints, smallest, tmp_path):
    text = smallest + "server: {workers: '${env:W}', connections: '${env:C}', proxy_protocol: '${env:P:-true}'}\n"
    server = loads(text, env={"W": "3", "C": "17"}).server
    assert (server.workers, server.connections, server.proxy_protocol) == (3, 17, True)
    assert loads(text.replace("workers", "admin_token"), env={"W": "3", "C": "17"}).server.admin_token == "3"


@pytest.mark.parametrize("written", ["${env:X}", "$${x}", "${env:X:-many}"])
@pytest.mark.parametrize("key", ["connections", "keepalive", "proxy_protocol", "workers"])
def test_what_a_reference_stands_for_is_held_against_the_schema(complaints, smallest, key, written):
    found = complaints(smallest + f"server: {{{key}: '{written}'}}\n", X="${env:Y}")
    assert len(found) == 1
    assert f"x.yaml:8:{12 + len(key)}: server.{key}: expected " in found[0]


SECRET = "S3cr3t"
EVERY_STRING = """\
version: 1
include: ['${env:S}/include']
server: {{bind: '${env:S}{0}', admin: '${env:S}{0}', admin_token: '${env:S} {0}', workers: '${env:S}{0}', keepalive: '${env:S}',
  trusted_proxies: ['${env:S}{0}'], tls: {{cert: '${env:S}{0}', key: '${env:S}', sni: [{{hosts: ['${env:S}', '${env:S}', 'a:${env:S}'], cert: '${env:S}', key: x}}]}}}}
store: '${env:S}{0}'
upstreams:
  a: {{targets: ['${env:S}{0}', 'http://${env:S}', 'http://${env:S}', 'http://h:${env:S}', 'http://u:${env:S}@h', {{url: 'unix:${env:S}', weight: '${env:S}'}}],
    balance: 'p2c${env:S}', timeout: {{connect: '${env:S}{0}'}}, tls: {{ca: '${env:S}{0}', server_name: '${env:S} {0}'}}}}
defaults: {{headers: {{request: {{set: {{X-A: '{{${env:S}}}'}}}}}}}}
routes:
  - name: '${env:S}'
    match: {{path: '/{{${env:S}}}/{{${env:S}:x}}/{{${env:S}}}', methods: ['${env:S}', '${env:S}'], hosts: ['${env:S}:1', '${env:S}'], headers: {{A: '${env:S}'}}}}
    upstream: '${env:S}'
    rewrite: '/{{${env:S}{0}}}'
    timeout: '${env:S}{0}'
    policies: ['${env:S}', '${env:S}', '${env:S} {0}']
    headers: {{response: {{set: {{A: '{{${env:S}}}{0}'}}, remove: ['${env:S} ', '${env:S}', '${env:S}']}}}}
  - {{name: '${env:S}', match: {{path: '${env:S}{0}'}}, respond: {{status: '${env:S}', body: '{{${env:S}}}'}}}}
  - {{name: '${env:S} x', match: {{path: '/{{${env:S}:path}}/x'}}, upstream: '${env:S}{0}'}}
observability: {{access_log: {{format: '${env:S}', to: '${env:S}/{0}', sample: '${env:S}'}}}}
plugins: ['${env:S}-{0}']
"""  # noqa: E501


@given(st.text("{}/:.*#\\ ü", max_size=4))
def test_no_complaint_shows_what_a_reference_stands_for(noise):
    text = EVERY_STRING.replace("{0}", noise).replace("{{", "{").replace("}}", "}")
    with pytest.raises(ConfigError) as caught:
        loads(text, "x.yaml", base="/nope", env={"S": SECRET})
    assert len(caught.value.complaints) > 15
    assert SECRET.lower() not in str(caught.value).lower()


def test_no_redacted_configuration_shows_it_either(smallest):
    text = smallest + (
        "    headers: {request: {set: {X-A: 'a${env:S}', Authorization: plain}}}\n"
        "    policies: [{name: p, with: {list: ['${env:S}'], api_key: plain, password: plain, shown: yes}}]\n"
        "server: {admin_token: plain, connections: '${env:N}'}\n"
    )
    shown = redacted(loads(text, env={"S": SECRET, "N": "4321"}))
    route = shown["routes"][0]
    assert SECRET not in str(shown)
    assert "plain" not in str(shown)
    assert "4321" not in str(shown)
    assert route["policies"][0]["with"] == {"list": ["***"], "api_key": "***", "password": "***", "shown": "yes"}
    assert route["headers"]["request"]["set"] == {"X-A": "***", "Authorization": "***"}
    assert (shown["server"]["admin_token"], shown["server"]["connections"]) == ("***", "***")
