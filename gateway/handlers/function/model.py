"""Options of functions and WSGI applications in the workers, as values."""

from dataclasses import dataclass

from gateway.config.record import Options


@dataclass(frozen=True, slots=True)
class Function(Options):
    """`call` is "package.module:name", of a WSGI application where `is_wsgi`.

    `timeout` is seconds; `concurrency` is calls at a time in each worker; `prefix` is the path in front of a WSGI
    application, "" = none.
    """

    call: str
    is_wsgi: bool
    timeout: float
    concurrency: int
    prefix: str
    where: str
