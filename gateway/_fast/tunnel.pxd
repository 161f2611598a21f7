from libc.stdint cimport uint64_t

from gateway._fast.channel cimport Channel

cdef enum Stage:            # what byte of a frame comes next (RFC 6455 section 5.2)
    FIRST = 0               # a frame's first: between two frames
    SECOND = 1
    LENGTH = 2
    PAYLOAD = 3             # masking key and payload

cdef class Frames:
    cdef int stage
    cdef int opcode
    cdef int more               # bytes left of an extended length
    cdef bint masked
    cdef uint64_t left          # bytes left of masking key and payload
    cdef readonly bint closed   # a whole Close frame went by
    cdef readonly bint lost     # a length that no frame has: nothing behind it can be told

    cdef Py_ssize_t run(self, const unsigned char *data, Py_ssize_t size, bint stop) noexcept nogil
    cdef void begin(self) noexcept nogil
    cdef bint is_between(self) noexcept nogil

cdef class Tunnel

cdef class Lane:
    cdef Tunnel tunnel
    cdef Channel source
    cdef Channel sink
    cdef Frames frames
    cdef bytes pending          # what the sink did not take, from `at` on; None while nothing waits
    cdef Py_ssize_t at
    cdef bint reading           # the source's watcher is started
    cdef bint ended             # nothing more comes from the source
    cdef bint shut              # and all of it is sent, or cannot be
    cdef bint said              # the gateway's own Close frame is in: what comes now is read away

    cdef int open(self, bytes early) except -1
    cdef int pump(self) except -1
    cdef Py_ssize_t read(self) except -2
    cdef Py_ssize_t read_tls(self) except -2
    cdef int take(self, const char *data, Py_ssize_t size) except -1
    cdef int forward(self, const char *data, Py_ssize_t size) except -1
    cdef int flush(self) except -1
    cdef int say_close(self) except -1
    cdef int end(self) except -1
    cdef void cut(self)
    cdef int finish(self) except -1
    cdef int listen(self) except -1
    cdef int stop(self) except -1
    cdef bint is_finished(self)

cdef class Tunnel:
    cdef object owner               # the pooled connection: owner.release(False) is called exactly once
    cdef Channel upstream
    cdef Channel client
    cdef bytes early                # what came behind the upstream's 101
    cdef Lane down                  # upstream to client
    cdef Lane up                    # client to upstream
    cdef public double idle         # seconds without a byte in either direction
    cdef readonly uint64_t sent     # bytes to the client, to the upstream
    cdef readonly uint64_t received
    cdef double last                # monotonic: when a byte was moved
    cdef double until               # monotonic: when the closing handshake must be over, 0 while there is none
    cdef double waits_until
    cdef bint leaving
    cdef bint over
    cdef bint done

    cpdef run(self, Channel client)
    cdef Lane other(self, Lane lane)
    cdef void count(self, Lane lane, Py_ssize_t size)
    cdef int rest(self) except -1
    cdef double deadline(self)
    cdef bint is_closing(self)
    cdef int leave(self) except -1
    cdef int settle(self) except -1
    cdef int stop(self) except -1
