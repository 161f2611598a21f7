"""`audit`."""

import os
from typing import Final

from gateway.config.reader import OptionReader
from gateway.config.reading import Reading
from gateway.observability.audit.model import Audit

SHORTEST: Final = 16  # characters of a secret


def read_audit(reader: OptionReader, access_log: str) -> Audit | None:
    """The section, None where it is not written; `access_log` is where that one goes."""
    if "to" not in reader:
        return None
    to, secret = reader.one("to"), reader.one("secret")
    target = reader.text("to")
    if to is not None and target != "stdout":
        target = reader.absolute(target)
        if not os.path.isdir(os.path.dirname(target)):
            to.complain(f"the folder of {to.shown} does not exist", "create it, or write stdout")
        elif os.path.isdir(target):
            to.complain(f"{to.shown} is a folder")
        elif target == access_log:
            to.complain("the audit log may not share a file with the access log")
        else:
            to.leads_to("log", target, f"{target}.head")
    if secret is not None and len(secret.value) < SHORTEST:
        secret.complain(f"a secret has at least {SHORTEST} characters")  # SECURITY: without what it is
    return Audit(target, reader.text("secret"), reader.where)


def read(reading: Reading) -> dict[str, Audit | None]:
    """`audit` of a configuration; it may not share a file with the access log."""
    return {"audit": read_audit(reading.section("audit"), reading.found["access_log"].to)}
