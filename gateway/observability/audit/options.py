"""Options of `audit`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from gateway.config import schema_parts as schemas
from gateway.config.options import Options
from gateway.config.schema_parts import LINE, Schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import Reading


class Audit(Options, frozen=True):
    """`to` is "stdout" or an absolute file name; `secret` keys the chain of hashes, "" = it has no key."""

    to: str
    secret: str
    where: str


def sections() -> dict[str, Schema]:
    """The audit log."""
    secret = schemas.text("a string of 16 characters or more", "Keys the chain: nobody without it can make a line.")
    keys = {
        "to": schemas.text("stdout or a file name", "Where the lines go; a file is never cut nor written over.", LINE),
        "secret": {**secret, "writeOnly": True},
    }
    return {"audit": schemas.section("A log of who changed what, and of who was denied access.", keys, ("to",))}


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
