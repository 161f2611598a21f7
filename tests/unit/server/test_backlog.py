"""A listening socket whose backlog is shut: what waits is accepted, what comes is dropped, and opening undoes it."""

import socket

import pytest

from gateway.server import backlog


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        yield listener


def connect(listener, timeout=5.0):
    return socket.create_connection(listener.getsockname(), timeout)


def test_what_waits_is_accepted_and_what_comes_is_dropped(listener):
    with connect(listener) as before:
        before.sendall(b"hello")
        backlog.shut(listener, lambda: True)
        with pytest.raises(TimeoutError):
            connect(listener, 0.2)
        client, _ = listener.accept()
        with client:
            assert client.recv(5) == b"hello"
            client.sendall(b"back")
        assert before.recv(4) == b"back"
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_opening_undoes_it_and_does_no_harm(listener):
    backlog.shut(listener, lambda: True)
    backlog.open(listener)
    connect(listener).close()
    backlog.open(listener)
    connect(listener).close()


def test_it_stays_open_when_somebody_else_accepts_after_all(listener):
    backlog.shut(listener, lambda: False)
    connect(listener).close()


def test_a_unix_socket_is_left_alone(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "gateway.sock"))
        listener.listen()
        backlog.shut(listener, lambda: True)
        client.connect(str(tmp_path / "gateway.sock"))
