"""Send an e-mail over SMTP (RFC 5321), by STARTTLS (RFC 3207) or TLS from the first byte."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import urlsplit

from gateway.alerting.channels.sending import ANSWER, DeliveryError
from gateway.alerting.options import Channel


def send_mail(channel: Channel, message: EmailMessage) -> str:
    """What the server made of it, in words. Raises Unsent."""
    try:
        with _server(channel) as server:
            if channel.user:
                server.login(channel.user, channel.password)
            refused = server.send_message(message, channel.sender, list(channel.to))
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"the server answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise DeliveryError("the server takes none of the recipients") from None
    except smtplib.SMTPNotSupportedError:
        raise DeliveryError("the server does not offer STARTTLS or the login") from None
    except ssl.SSLError:
        raise DeliveryError("the server's certificate is not trusted, or TLS failed") from None
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the server cannot be reached: {type(error).__name__}") from None
    return f"taken for all but {len(refused)} of {len(channel.to)}" if refused else "taken"


def _server(channel: Channel) -> smtplib.SMTP:
    """Connected and, where it is asked for, encrypted."""
    url = urlsplit(channel.url)
    host = url.hostname or ""
    context = ssl.create_default_context(cafile=channel.ca or None)
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(host, url.port or 465, timeout=ANSWER, context=context)
    server = smtplib.SMTP(host, url.port or 587, timeout=ANSWER)
    if channel.tls == "none":
        return server
    try:
        # SECURITY: a server that offers no TLS gets nothing (tests/unit/observer/test_mail.py)
        server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server
