"""One listening socket in one worker: accepts, shakes hands, and runs a connection loop in a greenlet for each."""

from __future__ import annotations

import logging
import socket
import ssl
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent.pool import Group, Pool
from gevent.server import StreamServer

from gateway._fast.channel import Channel
from gateway._fast.http1_server import Connection, Server
from gateway.http.client_certificate import ENVIRON_KEY, ClientCertificate
from gateway.server import backlog
from gateway.server.http2.service import Service
from gateway.server.proxy_protocol import BadProxyHeader, read_client
from gateway.server.tls import HTTP2, Contexts

log = logging.getLogger("gateway")


class Listener:
    """Serves one socket with one WSGI app until told to stop."""

    def __init__(
        self,
        sock: Any,
        server: Server,
        connections: int,
        *,
        contexts: Callable[[], Contexts | None] = lambda: None,
        proxy_protocol: bool = False,
        share: bool = False,
    ) -> None:
        """`connections` bounds the open ones; `share`: other workers accept from the same socket."""
        self.server = server
        self._http2 = Service(server, connections)
        self._sock = sock
        self._contexts = contexts
        self._proxy_protocol = proxy_protocol
        self._environ = _listener_environ(sock)
        self._pool = Pool(connections)
        self._late = Group()  # those of the backlog, accepted while draining
        sock.setblocking(True)
        if sock.family != socket.AF_UNIX:
            # Accepted sockets inherit it: answers are written whole, there is nothing to wait for.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepting = StreamServer(sock, handle=self._connected, spawn=self._pool)
        if share:
            self._accepting.max_accept = 1  # leave the next connection to another worker

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._pool) + len(self._late)

    @property
    def requests(self) -> int:
        """How many requests came, by either protocol."""
        return self.server.requests + self._http2.requests

    def start(self) -> None:
        """Begin to accept."""
        backlog.open(self._sock)
        self._accepting.start()

    def drain(self, is_last: Callable[[], bool]) -> None:
        """Accept what waits in the backlog, then no more. From now on every answer is the last of its connection.

        `is_last` says whether nobody else will accept from this socket, so that what comes too late finds it closed.
        """
        self.server.drain()
        self._http2.drain()
        self._accepting.stop_accepting()
        self._sock.setblocking(False)
        if is_last():
            backlog.shut(self._sock, is_last)
        while True:
            try:
                client, address = self._sock.accept()
            except ConnectionAbortedError:  # this client left before it was its turn
                continue
            except OSError:
                break
            self._late.spawn(self._connected, client, address)
        self._sock.close()

    def close_idle(self) -> None:
        """Close the connections on which no request has begun."""
        self.server.close_idle()
        self._http2.close_idle()

    def stop(self) -> None:
        """Accept no more and cut off what is still there. Safe to call twice."""
        self._accepting.close()
        for connection in list(self.server.connections):
            connection.channel.abort()
        self._http2.stop()

    def _connected(self, client: Any, address: Any) -> None:
        """A connection's greenlet. The handshakes count into the time that the first head may take."""
        until = monotonic() + self.server.settings.header_timeout
        base = dict(self._environ)
        peer = address if isinstance(address, tuple) else ("", 0)
        try:
            with gevent.Timeout(self.server.settings.header_timeout):
                if self._proxy_protocol:
                    peer = read_client(client) or peer
                contexts = self._contexts()
                if contexts is not None:
                    client = contexts.default.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
                    client.do_handshake()
                    base["wsgi.url_scheme"] = "https"
                    shown = client.getpeercert(binary_form=True) if contexts.asks_clients else None
                    if shown is not None:
                        base[ENVIRON_KEY] = ClientCertificate(shown)
            base["REMOTE_ADDR"] = peer[0]
            base["REMOTE_PORT"] = str(peer[1])
            is_http2 = contexts is not None and client.selected_alpn_protocol() == HTTP2
            channel = None if is_http2 else Channel(client)
        except (gevent.Timeout, ssl.SSLError, OSError, BadProxyHeader) as error:
            log.debug("a connection from %s ended before its first request: %s", peer[0], error)
            client.close()
            return
        if channel is None:
            self._http2.serve(client, base, until)
        else:
            Connection(self.server, channel, base, until).serve()


def _listener_environ(sock: Any) -> dict[str, Any]:
    """The part of the environ that is the same for every request on a listener (PEP 3333)."""
    name = sock.getsockname()
    host, port = name[:2] if isinstance(name, tuple) else ("localhost", 0)
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
    }


def is_address(sock: Any, address: str) -> bool:
    """Whether a listening socket is the one of "host:port", "[v6]:port" or "unix:/path"."""
    name = sock.getsockname()
    if not isinstance(name, tuple):
        return address == f"unix:{name}"
    host, _, port = address.rpartition(":")
    if name[1] != int(port or 0):
        return False
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    return name[0] in {entry[4][0] for entry in found}
