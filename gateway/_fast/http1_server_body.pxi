# Request bodies as `wsgi.input` (PEP 3333). Included by http1.pyx.

cdef enum Next:                 # what of the chunked coding comes behind the data (RFC 9112 section 7.1)
    CHUNK_SIZE = 0
    CHUNK_END = 1
    TRAILERS = 2


@cython.final
cdef class Body:
    """`wsgi.input`: the request body, decoded. `read(n)` gives what is there, at least one byte; b"" at the end."""

    cdef Channel channel
    cdef Server server
    cdef Py_ssize_t left        # bytes left of the body, or of the chunk
    cdef bint chunked
    cdef bint expects           # 100 Continue is still to be sent
    cdef int next               # see Next; moved on line by line, so that a read can be interrupted and begun again
    cdef int trailers           # lines of the trailer section so far
    cdef bint broken            # it cannot be read to its end
    cdef readonly bint done     # the whole body was read
    cdef readonly Py_ssize_t taken
    cdef double timeout
    cdef Py_ssize_t limit

    def read(self, Py_ssize_t size=-1):
        """Up to `size` bytes; all of the rest for -1. Raises what server.fail makes."""
        cdef bytes piece
        if size >= 0:
            return self.take(size)
        pieces = []
        while True:
            piece = self.take(BODY_READ_SIZE)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    cdef bytes take(self, Py_ssize_t size):
        cdef bytes data
        if self.done or size == 0:
            return b""
        try:
            if self.expects:
                self.expects = False
                self.channel.send(b"HTTP/1.1 100 Continue\r\n\r\n", 25, self.timeout)
            if self.left == 0 and not self.next_chunk():
                return b""
            data = self.receive(min(size, self.left, BODY_READ_SIZE * 4))
        except TimedOut:
            raise self.fail("request-timeout", "The body stopped arriving.") from None
        except OSError:
            raise self.fail("client-closed", "The client went away while it sent the body.") from None
        self.left -= PyBytes_GET_SIZE(data)
        self.taken += PyBytes_GET_SIZE(data)
        if self.left == 0 and not self.chunked:
            self.done = True
        return data

    cdef object fail(self, str slug, str detail):
        """The exception for a body that cannot be read to its end."""
        self.broken = True
        return self.server.fail(slug, detail)

    cdef bytes receive(self, Py_ssize_t size):
        """Up to `size` bytes of the connection, never past them."""
        cdef bytes data = self.channel.recv(size, self.timeout)
        if not data:
            raise OSError("end of stream")
        if PyBytes_GET_SIZE(data) > size:
            self.channel.unrecv(data[size:])
            data = data[:size]
        return data

    cdef bytes line(self, Py_ssize_t most, str rule):
        """One line of the chunked coding, without its CRLF; at most `most` bytes."""
        cdef bytes data = b""
        cdef Py_ssize_t cut
        while True:
            try:
                data += self.receive(READ_SIZE)
            except Interrupted:
                self.channel.unrecv(data)
                raise
            cut = data.find(b"\n")
            if cut >= 0:
                self.channel.unrecv(data[cut + 1:])
                if cut == 0 or data[cut - 1] != 13 or cut > most or b"\r" in data[:cut - 1]:
                    raise self.fail("malformed-request", f"{RULES[rule].words} ({RULES[rule].section}).")
                return data[:cut - 1]
            if PyBytes_GET_SIZE(data) > most:
                raise self.fail("malformed-request", f"{RULES[rule].words} ({RULES[rule].section}).")

    cdef bint next_chunk(self) except -1:
        """Read up to the data of the next chunk (RFC 9112 section 7.1); trailers are read and dropped."""
        cdef bytes line
        if self.next == CHUNK_END:
            if self.line(2, "chunk-end"):
                raise self.fail("malformed-request", "a chunk does not end with CRLF (RFC 9112 7.1).")
            self.next = CHUNK_SIZE
        if self.next == CHUNK_SIZE:
            line = self.line(1024, "chunk-size")
            self.left = chunk_size(<const unsigned char *>PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
            if self.left < 0:
                raise self.fail("malformed-request", f"{RULES['chunk-size'].words} (RFC 9112 7.1).")
            if self.taken + self.left > self.limit:
                raise self.fail("body-too-large", f"The body is larger than {self.limit} bytes.")
            self.next = CHUNK_END if self.left else TRAILERS
            if self.left:
                return True
        while self.trailers < self.server.settings.limits.lines:
            line = self.line(self.server.settings.limits.line, "trailer")
            self.trailers += 1
            if not line:
                self.done = True
                return False
            if b":" not in line or line.startswith((b" ", b"\t", b":")):
                break
        raise self.fail("malformed-request", f"{RULES['trailer'].words} (RFC 9112 7.1.2).")

    cdef bint is_easy(self):
        """Whether what is left of the body is read, or little enough to be read away (RFC 9112 section 9.3)."""
        if self.done:
            return True
        return not (self.broken or self.expects or (not self.chunked and self.left > DRAIN_SIZE))

    cdef bint drain(self):
        """Read away what the app left, if that is little; whether the connection can go on."""
        cdef Py_ssize_t before = self.taken
        if self.expects or self.broken:
            return False
        try:
            while not self.done and self.taken - before <= DRAIN_SIZE:
                self.take(BODY_READ_SIZE)
        except Exception:
            return False
        return self.done

    def readline(self, Py_ssize_t size=-1):
        """One line of the body (PEP 3333)."""
        cdef bytes data = b"", piece
        while size < 0 or PyBytes_GET_SIZE(data) < size:
            piece = self.take(1)
            data += piece
            if not piece or piece == b"\n":
                break
        return data

    def readlines(self, hint=None):
        """All lines of the body (PEP 3333)."""
        return list(self)

    def __iter__(self):
        return iter(self.readline, b"")


cdef class NoBody:
    """`wsgi.input` of a request without a body."""

    done = True
    taken = 0

    def read(self, size=-1):
        """b"": there is no body."""
        return b""

    readline = read

    def readlines(self, hint=None):
        """[]: there is no body."""
        return []

    def __iter__(self):
        return iter(())


_no_body = NoBody()
