"""`observability.access_log`."""

import os

from gateway.config.reader import OptionReader
from gateway.config.reading import Reading
from gateway.config.schema_parts import OFF
from gateway.observability.access_log_model import AccessLog


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
