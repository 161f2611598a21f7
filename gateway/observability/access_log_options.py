"""Options of `observability.access_log`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.config import schema_parts as schemas
from gateway.config.options import Options
from gateway.config.schema_parts import LINE, OFF, Schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import Reading


class AccessLog(Options, frozen=True):
    """format: json, combined or off; to: stdout, stderr or an absolute file name; sample: share of requests logged."""

    format: str
    to: str
    sample: float
    where: str


def observability_keys() -> dict[str, Schema]:
    """The keys of `observability` that this module describes."""
    return {"access_log": access_log()}


def access_log() -> Schema:
    """The access log."""
    return schemas.section(
        "The access log.",
        {
            "format": schemas.choice("How a line looks.", "json", "combined", "off", default="json"),
            "to": schemas.text("stdout, stderr or a file name", "stdout, stderr or a file.", LINE, "stdout"),
            "sample": schemas.quantity("share", "The share of requests that is logged.", "100%"),
        },
    )


def read(reading: Reading) -> dict[str, AccessLog]:
    """`access_log` of a configuration."""
    return {"access_log": read_access_log(reading.section("observability").section("access_log"))}


def read_access_log(reader: OptionReader) -> AccessLog:
    """`observability.access_log`, defaults filled in."""
    to = reader.one("to")
    target = reader.text("to")
    if to is not None and target not in ("stdout", "stderr"):
        target = reader.absolute(target)
        if not os.path.isdir(os.path.dirname(target)):
            to.complain(f"the folder of {to.shown} does not exist", "create it, or write stdout or stderr")
        elif os.path.isdir(target):
            to.complain(f"{to.shown} is a folder")
        elif reader.text("format") != OFF:
            to.leads_to("log", target)
    return AccessLog(reader.text("format"), target, reader.share("sample"), reader.where)
