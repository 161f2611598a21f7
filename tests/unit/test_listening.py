"""Addresses that cannot be had are said in one line, before anything is started."""

import socket

import pytest

from gateway.server.bind_check import problem
from tests.support.ports import free_port


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def free() -> str:
    return f"127.0.0.1:{free_port()}"


def test_a_free_port_is_no_problem_and_stays_free():
    address = free()
    assert problem([address], {}) is None
    assert problem([address], {}) is None


def test_a_used_port_is_named(taken):
    assert problem([free(), taken], {}) == f"{taken} is in use; stop what listens there, or choose another address"


def test_a_port_that_was_just_closed_is_free():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        with socket.create_connection(address) as client, listener.accept()[0] as connection:
            connection.shutdown(socket.SHUT_RDWR)
            assert client.recv(1) == b""
    assert problem([f"127.0.0.1:{address[1]}"], {}) is None


@pytest.mark.parametrize("name", ["GUNICORN_FD", "LISTEN_FDS"])
def test_sockets_that_are_handed_over_are_not_asked_for(taken, name):
    assert problem([taken], {name: "3"}) is None


def test_a_foreign_address_and_an_unknown_host():
    assert "no address of this machine" in problem(["192.0.2.1:8000"], {})
    assert "cannot be resolved" in problem(["no-such-host.invalid:8000"], {})


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:many", "127.0.0.1:99999", "a..b:80"])
def test_what_is_no_address(address):
    assert problem([address], {}).startswith(f"{address} is no address such as 127.0.0.1:8000")


def test_ipv6():
    assert problem(["[::1]:0"], {}) is None


def test_unix_sockets(tmp_path):
    path = tmp_path / "gateway.sock"
    assert problem([f"unix:{path}"], {}) is None
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    assert "is in use" in problem([f"unix:{path}"], {})
    listener.close()
    assert problem([f"unix:{path}"], {}) is None, "left behind by a process that is gone"
    plain = tmp_path / "plain"
    plain.write_text("")
    assert "no socket" in problem([f"unix:{plain}"], {})
    assert "is missing" in problem([f"unix:{tmp_path}/none/gateway.sock"], {})
