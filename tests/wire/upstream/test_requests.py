"""What goes out to an upstream, byte for byte: one test per rule, named by its section."""

from __future__ import annotations

import io

import pytest

from gateway._fast.http1_client import WireError
from tests.wire.upstream.play import exchange, sent_for

HOST = ("Host", "a.example")


def lines(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


def fields(raw: bytes, name: bytes) -> list[bytes]:
    """The values of one field, by name without case."""
    pairs = [line.partition(b": ") for line in lines(raw)[1:]]
    return [value for key, _, value in pairs if key.lower() == name.lower()]


def test_rfc9112_3_the_request_line_and_host_come_first():
    raw = sent_for(exchange(target="/a%2Fb?c=%20", headers=[("Accept", "*/*"), HOST]))
    assert lines(raw)[:3] == [b"GET /a%2Fb?c=%20 HTTP/1.1", b"Host: a.example", b"Accept: */*"]
    assert raw.endswith(b"\r\n\r\n")


def test_rfc9112_3_2_asterisk_form():
    assert lines(sent_for(exchange("OPTIONS", "*")))[0] == b"OPTIONS * HTTP/1.1"


def test_rfc9112_3_the_rewritten_path_wins():
    assert lines(sent_for(exchange(target="/old", upstream_path="/new?x=1")))[0] == b"GET /new?x=1 HTTP/1.1"


@pytest.mark.parametrize(
    "target",
    ["", "x", "http://evil/", "@evil/", "/a b", "/a\r\nX: y", "/a\tb", "/a\x00", "/a\x7f", "/ä", "/\u0100", "\\"],
)
def test_rfc9112_3_2_a_target_that_is_none_is_not_sent(target: str):
    with pytest.raises(WireError) as caught:
        sent_for(exchange(upstream_path=target))
    assert (caught.value.reason, caught.value.sent) == ("unsendable", False)


def test_rfc9112_3_2_host_is_the_targets_when_the_client_sent_none():
    assert lines(sent_for(exchange(headers=[])))[1] == b"Host: up.example"


def test_rfc9112_3_2_there_is_one_host_only():
    raw = sent_for(exchange(headers=[HOST, ("host", "b.example")]))
    assert fields(raw, b"host") == [b"a.example"]


def test_rfc9110_7_2_a_policys_host_wins():
    asked = exchange()
    asked.edit_headers().append(("Host", "a.example.internal"))
    assert fields(sent_for(asked), b"host") == [b"a.example.internal"]


@pytest.mark.parametrize(
    "name",
    [
        *("Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Connection", "Proxy-Authorization"),
        *("Transfer-Encoding", "Content-Length", "Expect", "HTTP2-Settings", "proxy-authenticate"),
    ],
)
def test_rfc9110_7_6_1_hop_by_hop_and_framing_fields_never_pass(name: str):
    asked = exchange(headers=[HOST, (name, "5")])
    assert fields(sent_for(asked), name.encode()) == []
    asked = exchange()
    asked.edit_headers().append((name, "5"))
    assert fields(sent_for(asked), name.encode()) == []


def test_rfc9110_5_3_repeated_fields_keep_their_order_and_case():
    raw = sent_for(
        exchange(headers=[HOST, ("X-a", "1"), ("COOKIE", "b"), ("x-A", "2"), ("Cookie", "c"), ("Date", "d")])
    )
    assert lines(raw)[2:7] == [b"X-a: 1", b"COOKIE: b", b"x-A: 2", b"Cookie: c", b"Date: d"]


def test_rfc9110_5_5_obs_text_passes_as_it_came():
    assert fields(sent_for(exchange(headers=[HOST, ("X", "\xe4\tb")])), b"x") == [b"\xe4\tb"]


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\rb", "a\0b", "a\x1b", "a\x7f"])
@pytest.mark.parametrize("name", ["X-Note", "Host", "X-Forwarded-For", "Via"])
def test_rfc9110_5_5_a_value_with_a_control_is_not_sent(name: str, value: str):
    asked = exchange()
    asked.edit_headers().append((name, value))
    with pytest.raises(WireError) as caught:
        sent_for(asked)
    assert (caught.value.reason, caught.value.sent) == ("unsendable", False)


def test_rfc9110_5_1_a_name_with_a_control_is_not_sent():
    asked = exchange()
    asked.edit_headers().append(("X\r\nY", "1"))
    with pytest.raises(WireError):
        sent_for(asked)


# Who is behind the gateway: RFC 7239, RFC 9110 section 7.6.3

SPOOFED = [
    HOST,
    ("X-Forwarded-For", "6.6.6.6"),
    ("x-forwarded-proto", "https"),
    ("X-Forwarded-Host", "evil"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Prefix", "/evil"),
    ("Forwarded", "for=6.6.6.6"),
    ("X-Real-IP", "6.6.6.6"),
    ("X-Request-ID", "mine"),
]


def test_rfc7239_8_1_an_untrusted_clients_forwarding_fields_are_replaced():
    raw = sent_for(exchange(headers=SPOOFED))
    assert b"6.6.6.6" not in raw and b"evil" not in raw and b"mine" not in raw
    assert fields(raw, b"x-forwarded-for") == [b"192.0.2.1"]
    assert fields(raw, b"x-forwarded-proto") == [b"http"]
    assert fields(raw, b"x-forwarded-host") == [b"a.example"]
    assert fields(raw, b"x-forwarded-port") == [b"80"]
    assert fields(raw, b"forwarded") == [b'for=192.0.2.1;host="a.example";proto=http']
    assert fields(raw, b"x-request-id") == [b"req-1"]


def test_rfc7239_7_1_a_trusted_proxys_are_added_to():
    asked = exchange(headers=SPOOFED, trusted=True, peer="10.0.0.1", client="6.6.6.6")
    raw = sent_for(asked)
    assert fields(raw, b"x-forwarded-for") == [b"6.6.6.6, 10.0.0.1"]
    assert fields(raw, b"x-forwarded-proto") == [b"https"]
    assert fields(raw, b"x-forwarded-host") == [b"evil"]
    assert fields(raw, b"x-forwarded-port") == [b"1"]
    assert fields(raw, b"x-forwarded-prefix") == [b"/evil"]
    assert fields(raw, b"x-real-ip") == [b"6.6.6.6"]
    assert fields(raw, b"forwarded") == [b'for=6.6.6.6, for=10.0.0.1;host="a.example";proto=http']
    assert fields(raw, b"x-request-id") == [b"req-1"]


def test_rfc7239_7_1_several_lines_become_one():
    headers = [HOST, ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2")]
    raw = sent_for(exchange(headers=headers, trusted=True, peer="10.0.0.1", client="1.1.1.1"))
    assert fields(raw, b"x-forwarded-for") == [b"1.1.1.1, 2.2.2.2, 10.0.0.1"]


def test_rfc7239_7_4_x_forwarded_for_alone_is_told_by_forwarded_too():
    headers = [HOST, ("X-Forwarded-For", "1.1.1.1, 2001:db8::1")]
    raw = sent_for(exchange(headers=headers, trusted=True, peer="10.0.0.1", client="1.1.1.1"))
    assert fields(raw, b"forwarded") == [b'for=1.1.1.1, for="[2001:db8::1]", for=10.0.0.1;host="a.example";proto=http']


def test_rfc7239_6_an_ipv6_peer_is_quoted_and_in_brackets():
    raw = sent_for(exchange(peer="2001:db8::7", client="2001:db8::7"))
    assert fields(raw, b"forwarded") == [b'for="[2001:db8::7]";host="a.example";proto=http']
    assert fields(raw, b"x-forwarded-for") == [b"2001:db8::7"]


def test_rfc7239_6_2_a_peer_without_an_address_is_unknown():
    raw = sent_for(exchange(peer="", client=""))
    assert fields(raw, b"forwarded") == [b'for=unknown;host="a.example";proto=http']
    assert fields(raw, b"x-forwarded-for") == []


def test_rfc7239_4_a_host_with_a_port_is_quoted():
    raw = sent_for(exchange(headers=[("Host", "[::1]:8443")], scheme="https"))
    assert fields(raw, b"forwarded") == [b'for=192.0.2.1;host="[::1]:8443";proto=https']
    assert fields(raw, b"x-forwarded-port") == [b"8443"]


def test_rfc7239_what_a_policy_sets_wins():
    asked = exchange(headers=SPOOFED)
    asked.edit_headers().extend([("X-Forwarded-For", "hidden"), ("X-Request-Id", "own"), ("X-Real-IP", "0.0.0.0")])
    raw = sent_for(asked)
    assert fields(raw, b"x-forwarded-for") == [b"hidden"]
    assert fields(raw, b"x-request-id") == [b"own"]
    assert fields(raw, b"x-real-ip") == [b"0.0.0.0"]
    assert fields(raw, b"x-forwarded-host") == [b"a.example"]


def test_forwarding_fields_are_those_of_this_request_not_of_one_before():
    for peer, host in [("192.0.2.1", "a.example"), ("192.0.2.2", "a.example"), ("192.0.2.2", "b.example")] * 2:
        raw = sent_for(exchange(headers=[("Host", host)], peer=peer, client=peer))
        assert fields(raw, b"x-forwarded-for") == [peer.encode()]
        assert fields(raw, b"x-forwarded-host") == [host.encode()]


@pytest.mark.parametrize("version", ["1.1", "1.0", "2"])
def test_rfc9110_7_6_3_via_names_the_protocol_that_was_received(version: str):
    assert fields(sent_for(exchange(version=version)), b"via") == [version.encode() + b" gateway"]


def test_rfc9110_7_6_3_via_is_added_to():
    raw = sent_for(exchange(headers=[HOST, ("Via", "1.0 fred"), ("via", "1.1 p.example")]))
    assert fields(raw, b"via") == [b"1.0 fred, 1.1 p.example, 1.1 gateway"]


# The body: RFC 9112 section 6


def test_rfc9112_6_3_no_body_no_framing():
    raw = sent_for(exchange())
    assert fields(raw, b"content-length") == fields(raw, b"transfer-encoding") == []


@pytest.mark.parametrize(("method", "expected"), [("POST", [b"0"]), ("PUT", [b"0"]), ("PATCH", [b"0"]), ("DELETE", [])])
def test_rfc9110_8_6_an_empty_body_is_announced_where_one_is_expected(method: str, expected: list[bytes]):
    assert fields(sent_for(exchange(method)), b"content-length") == expected


def test_rfc9112_6_2_a_known_length_is_sent_as_it_is():
    raw = sent_for(exchange("POST", body=b"hello"))
    assert fields(raw, b"content-length") == [b"5"]
    assert raw.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("size", [65535, 65536, 65537, 1_000_003])
def test_rfc9112_6_2_a_long_body_arrives_whole(size: int):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    raw = sent_for(exchange("PUT", body=body))
    assert fields(raw, b"content-length") == [str(size).encode()]
    assert raw.partition(b"\r\n\r\n")[2] == body


def test_rfc9112_7_1_an_unknown_length_is_sent_in_chunks():
    asked = exchange("POST", body=b"hello world")
    asked.body_length = -1
    raw = sent_for(asked, piece=5)
    assert fields(raw, b"transfer-encoding") == [b"chunked"]
    assert fields(raw, b"content-length") == []
    assert raw.endswith(b"\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")


def test_rfc9112_7_1_an_unknown_length_may_be_none():
    asked = exchange("POST", body=b"")
    asked.body_length = -1
    assert sent_for(asked).endswith(b"\r\n\r\n0\r\n\r\n")


def test_rfc9112_7_1_a_body_whose_end_is_known_goes_out_in_one_send():
    class Done(io.BytesIO):
        done = True

    asked = exchange("POST", body_length=-1)
    asked.body = Done(b"hello")
    raw = sent_for(asked)
    assert raw.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
