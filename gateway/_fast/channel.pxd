cdef enum:
    READ = 1
    WRITE = 2

cdef double monotonic() noexcept nogil

cdef class Channel:
    cdef readonly object sock
    cdef readonly int fd
    cdef readonly bint tls
    cdef object reader          # io watcher, started for as long as the channel is open and nothing waits unread
    cdef object writer          # io watcher, made when first needed
    cdef object waiter          # the greenlet that waits, or None
    cdef int events             # what it waits for, then what it got
    cdef bint armed             # the read watcher is started
    cdef bint timed_out
    cdef double deadline        # monotonic seconds; 0 = nobody waits
    cdef int where              # which sweep list it stands in: 0 none, 1 fine, 2 coarse
    cdef Channel before, behind
    cdef readonly bint closed
    cdef readonly bint unread   # readable while nobody was reading
    cdef readonly bint gone     # the other end closed or reset
    cdef readonly bint cut      # TLS: the stream ended without close_notify
    cdef public Channel linked  # interrupted soon when the other end of this one goes away
    cdef public bint ahead      # what comes while nobody reads is taken in, so that the end behind it is seen
    cdef bint rings             # interrupts the linked one also when bytes come that nobody reads
    cdef double latest          # no wait goes beyond this moment (monotonic); 0 = no bound
    cdef bint interrupted
    cdef bint posted            # something of it is in the outbox
    cdef readonly bint unsent   # the kernel did not take what was posted: the connection was gone
    cdef bytes owed             # the rest of what was posted, None without
    cdef bytes rest             # bytes given back by the parser
    cdef bint eager             # the last read filled its buffer: more is likely there

    cdef bytes recv(self, Py_ssize_t size, double timeout)
    cdef int send(self, const char *data, Py_ssize_t size, double timeout) except -1
    cdef Py_ssize_t post(self, const char *data, Py_ssize_t size) except -2
    cdef int deliver(self, const char *data, Py_ssize_t size) except -1
    cdef bint _pay(self) except -1
    cdef Py_ssize_t send_some(self, const char *data, Py_ssize_t size) except -2
    cdef void _wake(self, int events)
    cdef int wait(self, int events, double timeout) except -1
    cdef void unrecv(self, bytes data)
    cdef int _arm(self) except -1
    cdef bint _look(self)
    cdef bytes _recv_tls(self, Py_ssize_t size, double timeout)
    cdef bint is_stale(self)
    cdef int idle(self) except -1
    cdef bint has_input(self) except -1
    cdef bint has_bytes(self) except -1
    cdef bint is_quiet(self) except -1
    cdef int settle(self, double timeout) except -1
    cdef void interrupt(self, double after)
    cdef void calm(self)
    cpdef close(self)
    cpdef abort(self)
