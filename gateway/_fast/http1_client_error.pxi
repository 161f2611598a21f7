# What goes wrong in an exchange with an upstream. Included by wire.pyx.

cdef str _NO_ANSWER = "the upstream closed the connection without an answer"
cdef Limits _limits = Limits(8190, 32768, 200)  # of an answer's head


class WireError(Exception):
    """An exchange failed.

    `reason` is one of: reset, read-timeout, total-timeout, bad-answer, incomplete, client-closed, tls, unsendable;
    `detail` is for the log.  `is_replayable` tells that the upstream gave no byte of an answer and that nothing of the
    body is lost, `sent` whether it can have seen any of the request.
    """

    def __init__(self, reason, detail, sent=False, is_replayable=False):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.sent = sent
        self.is_replayable = is_replayable
