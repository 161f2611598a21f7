"""Options of `respond`, as values."""

from gateway.config.header_edits_model import Pairs
from gateway.config.options import Options


class Respond(Options, frozen=True):
    """An answer of the gateway's own; header values and the body are templates."""

    status: int
    headers: Pairs
    body: str
    where: str
