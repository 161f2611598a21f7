"""What a reload cannot change is told, setting by setting; all the rest passes."""

import pytest
from msgspec import structs

from gateway.config.document import loads
from gateway.config.restart import needs_restart
from gateway.server.options import Certificate, Server, ServerTLS

ROUTE = "routes:\n  - {name: a, match: {path: /a}, respond: {status: 200}}\n"
TLS = ServerTLS(Certificate((), "/c.crt", "/c.key"), ())


def server(text="{}", more=""):
    return loads(f"version: 1\n{ROUTE}server: {text}\n{more}", "gateway.yaml")


def words(old, new):
    return [str(complaint) for complaint in needs_restart(old, new)]


def test_nothing_changed():
    assert words(server(), server()) == []


@pytest.mark.parametrize(
    ("name", "text", "difference"),
    [
        ("bind", "127.0.0.1:9000", "it is 127.0.0.1:8000, the file says 127.0.0.1:9000"),
        ("bind", "[127.0.0.1:8000, 127.0.0.1:9]", "it is 127.0.0.1:8000, the file says 127.0.0.1:8000, 127.0.0.1:9"),
        ("admin", "127.0.0.1:9001", "it is 127.0.0.1:8001, the file says 127.0.0.1:9001"),
        ("workers", "3", "it is auto, the file says 3"),
        ("connections", "10", "it is 4000, the file says 10"),
        ("graceful_timeout", "5s", "it is 30s, the file says 5s"),
        ("drain_delay", "2s", "it is 0s, the file says 2s"),
        ("proxy_protocol", "true", "it is false, the file says true"),
    ],
)
def test_what_only_a_restart_changes(name, text, difference):
    column = 10 if text.startswith("[") else 12 + len(name)
    place, hint = f"gateway.yaml:4:{column}: server.{name}", "(restart, or upgrade in place with SIGUSR2)"
    expected = f"{place}: cannot be changed by a reload: {difference} {hint}"
    assert words(server(), server(f"{{{name}: {text}}}")) == [expected]


def test_tls_cannot_be_switched_but_its_certificates_can_be_others():
    plain = server()
    one, two = (
        structs.replace(plain, server=structs.replace(plain.server, tls=tls))
        for tls in (TLS, ServerTLS(TLS.default, (TLS.default,)))
    )
    assert "server.tls: cannot be changed by a reload: TLS is off" in words(plain, one)[0]
    assert "server.tls: cannot be changed by a reload: TLS is on" in words(one, plain)[0]
    assert words(one, two) == []


def test_the_store_stays_where_it_is_and_no_address_is_shown():
    (told,) = words(server(), server(more="store: redis://:hush@127.0.0.1/0\n"))
    assert told.startswith("gateway.yaml:5:8: store: cannot be changed by a reload") and "hush" not in told
    (gone,) = words(server(more="store: redis://127.0.0.1/0\n"), server())
    assert gone.startswith("gateway.yaml:1:1: store: "), "it stands nowhere"


def test_what_an_upgrade_keeps_needs_a_restart():
    (told,) = words(server(), server("{limit_keys: 2048}"))
    assert told.startswith("gateway.yaml:4:22: server.limit_keys: cannot be changed by a reload: the room for limits")
    assert "SIGUSR2" not in told and "restart; an upgrade in place keeps the room" in told


def test_several_at_once_are_all_told():
    found = needs_restart(server(), server("{workers: 2, admin: '127.0.0.1:9'}"))
    assert [complaint.path for complaint in found] == ["server.admin", "server.workers"]


def test_every_setting_of_the_server_is_either_live_or_not():
    live = {
        "admin_token",
        "keepalive",
        "trusted_proxies",
        "limits",
        "overload",
        "cache_memory",
        "worker_memory",
        "where",
    }
    restart = {"bind", "admin", "workers", "connections", "graceful_timeout", "drain_delay", "proxy_protocol", "tls"}
    restart |= {"limit_keys"}
    assert set(Server.__struct_fields__) == live | restart
    changed = server("{keepalive: 1s, admin_token: x, trusted_proxies: [10.0.0.0/8], limits: {headers: 5}}")
    assert words(server(), changed) == []
