"""The access log: one line per request, as JSON or in Apache's combined format (docs/access-log.md)."""

from __future__ import annotations

from collections.abc import Iterable

from gateway._fast.access_log_line import CombinedLine, JsonLine, Secrets
from gateway.contracts import Steps
from gateway.observability.access_log_options import AccessLog
from gateway.observability.log_writer import LogWriters

# SECURITY: values under these names never reach the log (tests/unit/observe/test_access_log.py), nor those
# where the configuration looks for credentials (tests/unit/config/test_compile_log.py).
SECRET_NAMES = (
    "assertion", "auth", "code", "key", "otp", "pass", "pin", "pwd", "samlresponse", "session", "sid", "sig", "ticket",
)  # fmt: skip
SECRET_ENDINGS = (
    "access_key", "accesskey", "api_key", "apikey", "auth_key", "authorization", "cookie", "credential", "credentials",
    "jwt", "passphrase", "passwd", "password", "private_key", "secret", "secret_key", "session_id", "sessionid",
    "signature", "token",
)  # fmt: skip

SECRETS = Secrets(SECRET_NAMES, SECRET_ENDINGS)


class AccessLogs:
    """The access logs of one process: one open destination each, whichever plans log to it."""

    def __init__(self) -> None:
        self._sinks = LogWriters()

    def compile(self, spec: AccessLog, headers: Iterable[str], credentials: Iterable[str] = ()) -> Steps:
        """The step that logs, for every route of a plan; `headers` names the request headers that any route matches on.

        `credentials` are names of parameters and headers in which the configuration looks for what lets callers in.

        Raises OSError when the file cannot be opened.
        """
        if spec.format == "off":
            return Steps()
        line = CombinedLine if spec.format == "combined" else JsonLine
        names = sorted({name.lower() for name in headers})
        more = sorted(name.lower().replace("-", "_") for name in credentials)
        secrets = Secrets((*SECRET_NAMES, *more), SECRET_ENDINGS) if more else SECRETS
        return Steps(on_close=line(self._sinks.get(spec.to).batch, names, secrets, round(spec.sample * 2**32)))

    def reopen(self) -> list[str]:
        """Reopen the files, after rotation; gives a sentence for each that cannot be."""
        return self._sinks.reopen()

    def close(self) -> None:
        """Write what waits and close the files."""
        self._sinks.close()
