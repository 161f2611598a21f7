"""POST JSON to a receiver. SECURITY: certificates are verified, redirects are not followed, no address is told."""

from __future__ import annotations

import json
import ssl

import urllib3
from urllib3.exceptions import HTTPError

from gateway import __version__
from gateway.alerting.channels.sending import ANSWER, CONNECT, DeliveryError
from gateway.alerting.options import Channel

#: bytes of an answer that are read
_LARGEST = 2048


def post(channel: Channel, url: str, body: object) -> str:
    """The status in words. Raises Unsent for anything but 2xx (RFC 9110 section 15.3)."""
    timeout = urllib3.Timeout(connect=CONNECT, read=ANSWER, total=CONNECT + ANSWER)
    headers = {"Content-Type": "application/json", "User-Agent": f"gateway/{__version__}", **dict(channel.headers)}
    data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    with urllib3.PoolManager(1, ssl_context=_context(channel), timeout=timeout, retries=False) as pool:
        try:
            answer = pool.request("POST", url, body=data, headers=headers, redirect=False, preload_content=False)
            try:
                answer.read(_LARGEST)
            finally:
                answer.close()
        except (HTTPError, OSError, ValueError) as error:
            raise DeliveryError(_words(error)) from None
    if not 200 <= answer.status < 300:
        raise DeliveryError(f"it answered {answer.status}")
    return f"answered {answer.status}"


def _context(channel: Channel) -> ssl.SSLContext | None:
    if not channel.url.startswith("https:"):
        return None
    try:
        return ssl.create_default_context(cafile=channel.ca or None)
    except (OSError, ssl.SSLError) as error:
        raise DeliveryError(f"the authorities in `ca` cannot be read: {type(error).__name__}") from None


def _words(error: Exception) -> str:
    """Without the address, which urllib3 puts into its texts: its path may be the secret."""
    names = {
        "ConnectTimeoutError": "connecting took too long",
        "ReadTimeoutError": "it did not answer in time",
        "NewConnectionError": "it refuses the connection",
        "NameResolutionError": "its name cannot be resolved",
        "SSLError": "its certificate is not trusted",
        "ProtocolError": "it closed the connection",
    }
    return names.get(type(error).__name__, type(error).__name__)
