"""`audit`, as a value."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class Audit(Options):
    """`to` is "stdout" or an absolute file name; `secret` keys the chain of hashes, "" = it has no key."""

    to: str
    secret: str
    where: str
