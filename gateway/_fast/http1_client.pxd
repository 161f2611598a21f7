from gateway._fast.channel cimport Channel
from gateway._fast.http1_head cimport AnswerHead
from gateway._fast.tunnel cimport Tunnel

cdef enum Framing:
    LENGTH = 1
    CHUNKED = 2
    UNTIL_CLOSE = 3

cdef enum Stage:            # where the chunked coding stands (RFC 9112 section 7.1)
    SIZE = 1
    DATA = 2
    DATA_END = 3
    TRAILER = 4
    END = 5

cdef class Answer:
    cdef Channel channel        # the upstream's
    cdef Channel client         # the client's, None under another worker
    cdef object owner           # the pooled connection: owner.release(keep) is called exactly once
    cdef str upgrade            # the protocol that the client asks to change to, None without
    cdef Tunnel tunnel          # of a 101, None else
    cdef object hints           # wsgi.early_hints, None where the server has none
    cdef object fail            # fail(WireError) -> what an iteration raises
    cdef double read_timeout
    cdef double deadline
    cdef bytes data             # what was received and not yet used, from `at` on
    cdef Py_ssize_t at
    cdef bytes pending          # decoded data that came with the head
    cdef AnswerHead head
    cdef int interims
    cdef int framing
    cdef int stage
    cdef Py_ssize_t left        # bytes left of the body, or of the chunk
    cdef Py_ssize_t trailers    # bytes of the trailer section so far
    cdef bint keep              # the connection may be used again
    cdef bint ended             # the upstream sent its last byte
    cdef bint done              # the connection was given back
    cdef bint held              # the connection is still to be given back
    cdef bint sent              # a byte of the request left
    cdef bint answered          # a byte of the answer came
    cdef bint taken             # more of the body than the first piece was read
    cdef readonly int status
    cdef readonly list headers
    cdef bytes content          # the whole body, None while it streams
    cdef readonly object length

    cdef bytes next_chunk(self)
    cdef double patience(self) except? -1
    cdef int link(self, object environ) except -1
    cdef int unlink(self) except -1
    cdef int finish(self, bint keep) except -1
    cdef object error(self, object cause)
    cdef int send_request(self, object exchange, bytes first) except -1
    cdef int send_watched(self, bytes data) except -1
    cdef int send_body(self, object body, Py_ssize_t left) except -1
    cdef bytes read_body(self, object body, Py_ssize_t left)
    cdef bint is_answered(self, bint readable) except -1
    cdef int receive_head(self) except -1
    cdef int take(self, bytes piece) except -1
    cdef bint is_switch(self, AnswerHead head)
    cdef int interim(self, AnswerHead head) except -1
    cdef int frame(self, str method) except -1
    cdef int hand_over(self) except -1
    cdef int announce(self, Py_ssize_t length) except -1
    cdef int whole(self, bytes body, bint exact) except -1
    cdef bytes rest(self, Py_ssize_t most)
    cdef bytes more(self, Py_ssize_t size)
    cdef bytes read_piece(self)
    cdef bytes read_chunks(self)
    cdef bytes decode(self)
    cdef Py_ssize_t line(self, const char *raw, Py_ssize_t size) except -2
    cdef int step(self, const char *line, Py_ssize_t size) except -1
