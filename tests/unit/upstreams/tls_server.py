"""A TLS server that says who asked it, and by which name."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.upstreams.conftest import Certificates


class TLSServer:
    """A TLS server in a thread: it answers each head with the client's name and the one that it was asked by."""

    def __init__(self, certificates: Certificates, host: str, client_ca: bool, ragged: bool, plain: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates.cert, certificates.key)
        self.context.sni_callback = lambda sock, name, _context: setattr(sock, "sni", name)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(certificates.ca)
        self.ragged, self.plain = ragged, plain
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                if self.plain:
                    sock.sendall(b"220 mail.example ESMTP\r\n")
                    sock.recv(65536)
                else:
                    with self.context.wrap_socket(sock, server_side=True) as secure:
                        self.serve(secure)

    def serve(self, sock: ssl.SSLSocket) -> None:
        seen = b""
        while data := sock.recv(65536):
            seen += data
            if not seen.endswith(b"\r\n\r\n"):
                continue
            if self.ragged:
                sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
                sock.shutdown(socket.SHUT_RDWR)
                return
            seen = b""
            subject = dict(pair[0] for pair in (sock.getpeercert() or {}).get("subject", ()))
            body = f"{subject.get('commonName', '')} {sock.sni}".encode()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def end(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()
