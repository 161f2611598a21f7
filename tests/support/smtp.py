"""A real SMTP server of aiosmtpd in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP, AuthResult

from tests.support.certs import Pair
from tests.support.gateway import PATIENCE, free_port
from tests.support.threaded import serving_context

USER, PASSWORD = b"gateway", b"let me in"


class Mails(Message):
    """Keeps what came; `refusing` answers every recipient with 550."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[EmailMessage] = []
        self.refusing = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refusing:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def prepare_message(self, session: Any, envelope: Any) -> Any:
        import email

        return email.message_from_bytes(envelope.content, policy=default)

    def handle_message(self, message: Any) -> None:
        self.found.append(message)


@contextmanager
def mail_server(tls: Pair | None = None, *, auth: bool = False, implicit: bool = False) -> Iterator[tuple[int, Mails]]:
    """(port, what came): with STARTTLS, or TLS from the first byte, where there is a certificate."""
    mails = Mails()
    context = serving_context(tls) if tls else None

    def check(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)

    options: dict[str, Any] = {"authenticator": check, "auth_require_tls": not implicit} if auth else {}
    if context is not None and not implicit:
        options |= {"tls_context": context, "require_starttls": True}
    port = free_port()
    more = {"ssl_context": context} if implicit else {}
    controller = Controller(mails, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE, **more, **options)
    controller.start()
    try:
        yield port, mails
    finally:
        controller.stop()
