"""The upstream side of HTTP/1: one request on a connected channel, one answer (RFC 9110, RFC 9112).

    head and first piece of body in one send -> the rest of the body, with an eye on an early answer
    -> the answer's head -> its body: at once where it came with the head, else as an iterable that holds the connection

What is refused in an answer is decided by head.RULES.  Failures leave as WireError, which says what went wrong and
whether the request may be sent again; who called decides what that means.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from gateway._fast.channel cimport READ, WRITE, Channel, monotonic
from gateway._fast.chunk cimport chunk_size
from gateway._fast.http1_head cimport (
    DATE, FORWARDING, HOST, PLAIN, UPGRADE, VIA,
    AnswerHead, Limits, Out, name_of_text, read_answer,
)
from gateway._fast.tunnel cimport Tunnel
from gateway._fast.exchange_slots cimport (
    AUTHORITY_OF, BODY_LENGTH_OF, BODY_OF, CLIENT_OF, ENVIRON_OF, HEADERS_OF, METHOD_OF, OUTGOING_OF, PEER_OF,
    REQUEST_ID_OF, SCHEME_OF, TARGET_OF, TRUSTED_OF, UPSTREAM_PATH_OF, VERSION_OF, get,
)
from libc.string cimport memchr

import ssl

from gateway._fast.channel import Interrupted, TimedOut
from gateway._fast.http1_head import RULES as _RULES, Refused

include "http1_client_error.pxi"
include "http1_client_request.pxi"

cdef Py_ssize_t READ_SIZE = 16384
cdef Py_ssize_t PIECE = 262144          # of a body, both ways
cdef Py_ssize_t HEAD_MAX = 262144
cdef Py_ssize_t LINE_MAX = 1024         # of a chunk's first line, with its extensions
cdef Py_ssize_t TRAILERS_MAX = 16384
cdef int INTERIMS_MAX = 16
cdef double HALF_CLOSED = 0.25          # seconds for an answer when the client had closed its sending half


cpdef Answer talk(object exchange, object owner, double read_timeout, double deadline, bytes first, object fail):
    """Send the exchange's request on `owner.channel` and read the answer: its head, or all where it came at once.

    `first` is the first piece of the request body (b"" without one), `read_timeout` the longest gap in seconds,
    `deadline` monotonic.  Ownership: `owner.release(keep)` is called once when the answer has ended or was closed;
    when talk raises, nothing was released.  `fail(WireError)` makes the exception that iterating the body raises.
    """
    cdef Answer answer = Answer.__new__(Answer)
    answer.owner = owner
    answer.channel = <Channel?>owner.channel
    answer.fail = fail
    answer.read_timeout = read_timeout
    answer.deadline = deadline
    answer.keep = True
    try:
        answer.link(get(exchange, ENVIRON_OF))
        answer.send_request(exchange, first)
        if answer.head is None:
            answer.receive_head()
        answer.frame(get(exchange, METHOD_OF))
    except (TimedOut, Interrupted, Refused, ValueError, OSError) as cause:
        answer.unlink()
        raise answer.error(cause) from cause
    except BaseException:
        answer.unlink()
        raise
    answer.held = not answer.done
    return answer


@cython.final  # NOTE: no freelist, which would keep __del__ from running in an object's second life
cdef class Answer:
    """An upstream's answer. `body` is bytes, or this object: an iterable that holds the connection until close()."""

    def __iter__(self):
        return self

    def __next__(self):
        cdef bytes piece = self.next_chunk()
        if not piece:
            raise StopIteration
        return piece

    @property
    def body(self):
        """The whole body, or this object while there is more of it, or what a 101 opened."""
        return self.tunnel or (self if self.content is None else self.content)

    @property
    def ready(self):
        """Whether the next piece is here already; of a chunk, the first line alone is none."""
        return self.done or bool(self.pending) or (self.framing != CHUNKED and self.at < PyBytes_GET_SIZE(self.data))

    def close(self):
        """End the exchange: a body that was not read to its end costs the connection. Safe to call twice."""
        if not self.done:
            self.finish(False)

    def __del__(self):
        if self.held:  # nobody closed it: that costs the connection, but never the pool's slot
            self.close()

    cdef bytes next_chunk(self):
        """The next piece of the body, b"" at its end; raises what `fail` makes."""
        cdef bytes piece
        if self.done:
            return b""
        try:
            piece = self.read_piece()
        except (TimedOut, Interrupted, Refused, OSError) as cause:
            error = self.error(cause)
            self.finish(False)
            raise self.fail(error) from cause
        if not piece:
            self.finish(self.keep)
        return piece

    cdef double patience(self) except? -1:
        """Seconds that the next wait may take."""
        cdef double left = self.deadline - monotonic()
        return left if left < self.read_timeout else self.read_timeout

    cdef int link(self, object environ) except -1:
        """From here on the client's going away ends what we wait for."""
        self.client = (<dict>environ).get("gateway.channel")
        self.hints = (<dict>environ).get("wsgi.early_hints")
        self.upgrade = (<dict>environ).get("gateway.upgrade")
        if self.client is not None:
            self.client.linked = self.channel
            if self.client.gone:
                self.channel.interrupt(HALF_CLOSED)
        return 0

    cdef int unlink(self) except -1:
        if self.client is not None:
            self.client.linked = None
        return 0

    cdef int finish(self, bint keep) except -1:
        """Give the connection back, once."""
        self.done = True
        self.held = False
        self.unlink()
        if keep:
            self.channel.idle()
        self.owner.release(keep)
        return 0

    cdef object error(self, object cause):
        """The WireError for what was raised inside an exchange."""
        cdef str reason
        cdef str detail = str(cause)
        if isinstance(cause, Interrupted):
            reason, detail = "client-closed", "the client went away"
        elif isinstance(cause, TimedOut):
            reason = "total-timeout" if monotonic() >= self.deadline else "read-timeout"
            detail = "no byte came in time"
        elif isinstance(cause, Refused):
            reason, detail = "bad-answer", f"{cause.rule.words} ({cause.rule.section})"
        elif isinstance(cause, ValueError):
            reason = "unsendable"
        elif isinstance(cause, ssl.SSLError):
            reason = "tls"
        else:
            reason = "incomplete" if self.answered else "reset"
        return WireError(reason, detail, self.sent and not self.channel.unsent, not self.answered and not self.taken)

    # The request

    cdef int send_request(self, object exchange, bytes first) except -1:
        cdef Py_ssize_t length = get(exchange, BODY_LENGTH_OF), sent, size = PyBytes_GET_SIZE(first)
        cdef bytes rest
        cdef bint whole = length >= 0 and size == length
        _write_head(exchange, self.owner.default_host, self.upgrade)
        if length < 0:
            whole = size == 0 or bool(getattr(get(exchange, BODY_OF), "done", False))
            _out.raw(b"Transfer-Encoding: chunked\r\n\r\n", 30)
            _write_chunk(first, whole)
        else:
            if length > 0 or get(exchange, METHOD_OF) in _with_length:
                _out.raw(b"Content-Length: ", 16)
                _out.number(length)
                _out.raw(b"\r\n", 2)
            _out.raw(b"\r\n", 2)
            if size:
                _out.raw(PyBytes_AS_STRING(first), size)
        try:
            sent = self.channel.post(_out.data, _out.size) if whole else self.channel.send_some(_out.data, _out.size)
            if sent != _out.size:
                # NOTE: another exchange may write into _out while this one waits.
                sent = max(sent, 0)
                self.sent = sent > 0
                rest = PyBytes_FromStringAndSize(_out.data + sent, _out.size - sent)
                self.send_watched(rest)
            self.sent = True
            if not whole and self.head is None and not self.ended:
                self.send_body(get(exchange, BODY_OF), length - size if length >= 0 else -1)
        except OSError:
            # The upstream may have answered before it closed; reading tells. Nothing sent: nothing to read.
            if not self.sent:
                raise
            self.keep = False
        return 0

    cdef int send_watched(self, bytes data) except -1:
        """Send all of `data` unless the upstream answers first: then the rest of the request is not wanted."""
        cdef const char *at = PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data), sent
        while size > 0:
            sent = self.channel.send_some(at, size)
            if sent >= 0:
                self.sent = True
                at += sent
                size -= sent
            elif self.channel.wait(READ | WRITE, self.patience()) & READ and self.is_answered(True):
                self.keep = False
                return 0
        return 0

    cdef int send_body(self, object body, Py_ssize_t left) except -1:
        """The rest of the body, piece by piece as the client sends it; `left` is -1 where only its end tells."""
        cdef bint chunked = left < 0
        cdef bytes piece
        while left != 0:
            if self.is_answered(False):
                self.keep = False
                return 0
            piece = self.read_body(body, left)
            if piece is None:
                continue
            self.taken = True
            if chunked:
                left = -1 if piece else 0
                _out.size = 0
                _write_chunk(piece, not piece)
                piece = PyBytes_FromStringAndSize(_out.data, _out.size)
            elif not piece:
                raise WireError("client-closed", "the client's body ended early", True)
            else:
                left -= PyBytes_GET_SIZE(piece)
            self.send_watched(piece)
            if self.head is not None or self.ended:
                return 0
        return 0

    cdef bytes read_body(self, object body, Py_ssize_t left):
        """A piece of the client's body; None when the upstream spoke while we waited for the client."""
        if monotonic() >= self.deadline:
            raise TimedOut()
        if self.client is None:
            return body.read(PIECE if left < 0 else min(left, PIECE))
        self.client.latest = self.deadline
        self.channel.linked = self.client
        self.channel.rings = True
        try:
            return body.read(PIECE if left < 0 else min(left, PIECE))
        except Interrupted:
            if self.channel.has_input():
                return None
            raise
        finally:
            self.channel.linked = None
            self.channel.rings = False
            self.client.latest = 0.0
            self.client.calm()

    cdef bint is_answered(self, bint readable) except -1:
        """Take what the upstream said while the body was on its way; whether that is its answer or its end."""
        if not (readable and not self.channel.tls) and not self.channel.has_input():
            return False
        self.take(self.channel.recv(READ_SIZE, self.patience()))
        return self.head is not None or self.ended

    # The answer's head

    cdef int receive_head(self) except -1:
        while self.head is None:
            if self.ended:
                raise OSError("the upstream closed the connection inside the head" if self.data else _NO_ANSWER)
            self.take(self.channel.recv(READ_SIZE, self.patience()))
        return 0

    cdef int take(self, bytes piece) except -1:
        """Add received bytes to the head; interim answers are passed on or dropped (RFC 9110 section 15.2)."""
        cdef AnswerHead head
        if not piece:
            self.ended = True
            return 0
        self.answered = True
        self.data = self.data + piece if self.data else piece
        while self.data:
            head = read_answer(self.data, _limits)
            if head is None:
                if PyBytes_GET_SIZE(self.data) > HEAD_MAX:
                    raise Refused(_RULES["line-size"])
                return 0
            if head.status >= 200 or self.is_switch(head):
                self.head = head
                self.at = head.size
                return 0
            self.interim(head)
            self.data = self.data[head.size:]
        return 0

    cdef bint is_switch(self, AnswerHead head):
        """Whether the upstream changes to the protocol that the client asked for (RFC 9110 section 7.8)."""
        return head.status == 101 and self.upgrade is not None and (head.upgrade or "").lower() == self.upgrade

    cdef int interim(self, AnswerHead head) except -1:
        self.interims += 1
        if head.status == 101:
            raise WireError("bad-answer", "101 to a protocol that was not asked for (RFC 9110 15.2.2)", True)
        if self.interims > INTERIMS_MAX:
            raise WireError("bad-answer", f"more than {INTERIMS_MAX} interim answers (RFC 9110 15.2)", True)
        if head.status == 103 and self.hints is not None:
            try:
                self.hints(head.headers)
            except (OSError, TimedOut, Interrupted) as error:
                raise WireError("client-closed", "the client went away", True) from error
        return 0

    # The answer's body

    cdef int frame(self, str method) except -1:
        """How the body is delimited (RFC 9112 section 6.3); one that is here already is taken at once."""
        cdef AnswerHead head = self.head
        cdef Py_ssize_t here = PyBytes_GET_SIZE(self.data) - head.size
        cdef bytes piece
        self.status = head.status
        self.headers = head.headers
        if head.status == 101:
            return self.hand_over()
        self.keep = self.keep and head.keep_alive and not self.ended
        if method == "HEAD" or head.status == 304 or head.status == 204:
            if head.length >= 0 and head.status != 204:
                self.announce(head.length)
            return self.whole(b"", here == 0)
        if head.chunked:
            self.framing = CHUNKED
            self.stage = SIZE
            piece = self.decode()
            if self.stage == END:
                self.announce(PyBytes_GET_SIZE(piece))
                return self.whole(piece, self.at == PyBytes_GET_SIZE(self.data))
            self.pending = piece
        elif head.length >= 0:
            self.framing = LENGTH
            self.left = head.length
            self.announce(head.length)
            if here >= self.left:
                return self.whole(self.data[self.at:self.at + self.left], here == self.left)
        else:
            self.framing = UNTIL_CLOSE
            self.keep = False
        return 0

    cdef int hand_over(self) except -1:
        """The connection is a tunnel's from here on; what came behind the 101 is its first bytes."""
        self.tunnel = Tunnel(self.owner, self.channel, self.data[self.at:])
        self.data = None
        self.done = True
        return self.unlink()

    cdef int announce(self, Py_ssize_t length) except -1:
        self.length = length
        self.headers.append(("Content-Length", str(length)))
        return 0

    cdef int whole(self, bytes body, bint exact) except -1:
        """The answer is complete; bytes behind its end were not asked for, so the connection is not used again."""
        self.content = body
        self.data = None
        return self.finish(self.keep and exact)

    cdef bytes rest(self, Py_ssize_t most):
        """Up to `most` of the bytes that came with the head, b"" when there are none left."""
        cdef bytes piece = self.data
        cdef Py_ssize_t here = PyBytes_GET_SIZE(piece) - self.at
        if here <= 0:
            return b""
        if self.at or here > most:
            piece = piece[self.at:self.at + min(here, most)]
        self.at += PyBytes_GET_SIZE(piece)
        return piece

    cdef bytes more(self, Py_ssize_t size):
        """Newly received bytes; b"" at the end of the stream."""
        cdef double timeout = self.patience()
        if self.ended:
            return b""
        if timeout <= 0.0:
            raise TimedOut()
        return self.channel.recv(size, timeout)

    cdef bytes read_piece(self):
        cdef bytes piece
        if self.framing == CHUNKED:
            return self.read_chunks()
        if self.framing == LENGTH:
            if self.left == 0:
                return b""
            piece = self.rest(self.left) or self.more(min(self.left, PIECE))
            self.left -= PyBytes_GET_SIZE(piece)
            if not piece:
                raise OSError(f"the connection closed {self.left} bytes before the body's end")
            return piece
        piece = self.rest(PIECE) or self.more(PIECE)
        if not piece and self.channel.cut:
            raise OSError("the TLS stream was cut without close_notify (RFC 9112 section 9.8)")
        return piece

    cdef bytes read_chunks(self):
        """The data of all chunks that are here, after waiting until there is some; b"" behind the last chunk."""
        cdef bytes piece = self.pending
        self.pending = b""
        while not piece:
            if self.stage == END:
                self.keep = self.keep and self.at == PyBytes_GET_SIZE(self.data)
                return b""
            piece = self.more(min(self.left, PIECE) if self.stage == DATA and self.left > READ_SIZE else PIECE)
            if not piece:
                raise OSError("the connection closed before the last chunk")
            self.data = piece if self.at == PyBytes_GET_SIZE(self.data) else self.data[self.at:] + piece
            self.at = 0
            piece = self.decode()
        return piece

    cdef bytes decode(self):
        """What of the chunked coding (RFC 9112 section 7.1) is here: `data` is used up but for an unfinished line."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.data), here
        cdef const char *raw = PyBytes_AS_STRING(self.data)
        cdef Py_ssize_t line
        if self.stage == DATA and self.left >= size - self.at:
            self.left -= size - self.at
            return self.rest(size)
        _out.size = 0
        while self.stage != END:
            if self.stage == DATA:
                here = min(self.left, size - self.at)
                _out.raw(raw + self.at, here)
                self.at += here
                self.left -= here
                if self.left:
                    break
                self.stage = DATA_END
            line = self.line(raw, size)
            if line < 0:
                break
            self.step(raw + self.at, line)
            self.at += line + 2
        return PyBytes_FromStringAndSize(_out.data, _out.size)

    cdef Py_ssize_t line(self, const char *raw, Py_ssize_t size) except -2:
        """Size of the line at `at` without its CRLF; -1 when it is not all here."""
        cdef const char *start = raw + self.at
        cdef const char *lf = <const char *>memchr(start, c"\n", size - self.at)
        cdef Py_ssize_t most = 0 if self.stage == DATA_END else LINE_MAX if self.stage == SIZE else TRAILERS_MAX
        cdef str rule = "chunk-end" if self.stage == DATA_END else "chunk-size" if self.stage == SIZE else "trailer"
        if lf == NULL:
            if size - self.at > most + 1:
                raise Refused(_RULES[rule])
            return -1
        if lf == start or (lf - 1)[0] != c"\r" or lf - 1 - start > most:
            raise Refused(_RULES[rule])
        if memchr(start, c"\r", lf - 1 - start) != NULL or memchr(start, c"\0", lf - 1 - start) != NULL:
            raise Refused(_RULES[rule])
        return lf - 1 - start

    cdef int step(self, const char *line, Py_ssize_t size) except -1:
        """One line of the chunked coding moves it on."""
        if self.stage == DATA_END:
            self.stage = SIZE
        elif self.stage == SIZE:
            self.left = chunk_size(<const unsigned char *>line, size)
            if self.left < 0:
                raise Refused(_RULES["chunk-size"])
            self.stage = DATA if self.left else TRAILER
        elif size == 0:
            self.stage = END
        else:
            # Trailers are dropped on purpose (RFC 9110 section 6.5.1 allows it): nothing behind the body is believed.
            self.trailers += size
            if self.trailers > TRAILERS_MAX or line[0] == c" " or line[0] == c"\t" or memchr(line, c":", size) == NULL:
                raise Refused(_RULES["trailer"])
        return 0


# A door for tests.

def decode_chunks(bytes data):
    """(body, bytes used) of a whole chunked body at the start of `data`, None while incomplete; raises Refused."""
    cdef Answer answer = Answer.__new__(Answer)
    cdef bytes body
    answer.data = data
    answer.stage = SIZE
    body = answer.decode()
    return (body, answer.at) if answer.stage == END else None
