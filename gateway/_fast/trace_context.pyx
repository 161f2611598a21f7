"""Trace context on its way through: read, decided about and written anew before anything else exists of a trace.

W3C Trace Context level 2 in and out, B3 by switch.  What is decided here for each request is one small Trace.
PERF: an unsampled request costs less than a microsecond.  Bench: perf/micro/bench_trace_context.py.
Oracle: tests/oracles/trace_oracle.py.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from gateway._fast.headers cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND, same_name
from gateway._fast.exchange_slots cimport ERROR_OF, HEADERS_OF, OUTGOING_OF, RESPONSE_OF, STARTED_OF, TRACE_OF
from gateway._fast.exchange_slots cimport give, get

from contextvars import ContextVar

cdef extern from "time.h" nogil:
    ctypedef int clockid_t
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(clockid_t clock, timespec *to)
    clockid_t CLOCK_MONOTONIC

cdef extern from *:
    """
    #include <pthread.h>
    static unsigned gw_forks = 1;
    static void gw_forked(void) { gw_forks++; }
    static void gw_count_forks(void) { pthread_atfork(NULL, NULL, gw_forked); }
    """
    unsigned gw_forks
    void gw_count_forks()

cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 highest)

cdef enum:
    SAMPLED = 1
    RANDOM = 2
    MEMBERS = 32        # of a tracestate (section 3.3.1.1)
    LONGEST = 256       # of a member's key, and of its value
    NOTED = 64          # tries, and steps, that are kept of one request

cdef uint64_t RANDOM_PART = (<uint64_t>1 << 56) - 1     # of a trace id: its last seven bytes (level 2, section 5)
cdef const char *DIGITS = b"0123456789abcdef"

gw_count_forks()

include "trace_context_parse.pxi"

# Whose input and output a greenlet does; None where nothing of it is kept.
cdef object _current = ContextVar("gateway.trace", default=None)


cdef double now() noexcept nogil:
    cdef timespec time
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec + time.tv_nsec * 1e-9


cdef inline uint64_t rotated(uint64_t value, int by) noexcept nogil:
    return value << by | value >> (64 - by)


cdef inline void write(unsigned char *to, uint64_t value, int size) noexcept nogil:
    while size:
        size -= 1
        to[size] = DIGITS[value & 15]
        value >>= 4


@cython.final
cdef class Trace:
    """What is known of the trace of one request.

    sent      the traceparent that the upstream is given with the first try
    parent    the caller's span: 16 digits, "" where there is none
    span      the gateway's own: 16 digits, "" as long as nobody needs it
    calls     of a sampled request, a list [span, upstream, address, began, ended, status, error] for each try
    steps     of a sampled request, a list [name, began, ended, operations] for each step that did input or output
    """

    cdef readonly str sent
    cdef readonly str parent
    cdef readonly str span
    cdef readonly bint sampled
    cdef readonly list calls
    cdef readonly list steps
    cdef readonly bint b3
    cdef bint used
    cdef str step
    cdef Tracer tracer

    @property
    def trace_id(self):
        """32 hexadecimal digits."""
        return self.sent[3:35]

    def begin(self, exchange, str upstream, address, double began):
        """A try of a sampled request begins: what is known of it, to be ended; None where enough is known already.

        The upstream is given the id of this try: from the second one on, a new one.
        """
        cdef str span = self.sent[36:52]
        cdef list made
        if self.used:
            span = hexadecimal(self.tracer.some(), 16)
            rewrite(exchange, self.sent[:36] + span + self.sent[52:], self.sent[3:35] + "-" + span if self.b3 else None)
        self.used = True
        if len(self.calls) >= NOTED:
            return None
        made = [span, upstream, address, began, 0.0, 0, ""]
        self.calls.append(made)
        return made

    def kept(self):
        """The gateway's own span, made now where there is none."""
        if not self.span:
            self.span = hexadecimal(self.tracer.some(), 16)
        return self.span


cdef str hexadecimal(uint64_t value, int size):
    cdef str made = PyUnicode_New(size, 127)
    write(<unsigned char *>PyUnicode_DATA(made), value, size)
    return made


cdef int rewrite(object exchange, str parent, str b3) except -1:
    """Let the upstream be told another parent; a policy's own is left alone."""
    cdef list fields = get(exchange, HEADERS_OF) if get(exchange, OUTGOING_OF) is None else get(exchange, OUTGOING_OF)
    cdef list made = []
    cdef tuple pair
    for pair in fields:
        if pair[0] == "traceparent" and (<str>pair[1]).startswith(parent[:36]):
            pair = ("traceparent", parent)
        elif b3 is not None and pair[0] == "b3":
            pair = ("b3", b3 + "-1")
        made.append(pair)
    if get(exchange, OUTGOING_OF) is None:
        give(exchange, HEADERS_OF, made)
    else:
        give(exchange, OUTGOING_OF, made)
    return 0


@cython.final
cdef class Tracer:
    """An on_request hook that reads the trace context, decides about sampling and writes the context anew.

    sample   share (0..1) of the traces that begin here that are kept; of all others their caller decides
    b3       whether B3 fields are read too; the upstream is then told by one of them as well
    answers  whether the client is told the gateway's span
    entropy  `os.urandom`: what ids begin with in each process
    """

    cdef uint64_t rejected
    cdef bint b3
    cdef bint answers
    cdef object entropy
    cdef uint64_t[4] state      # of xoshiro256++
    cdef unsigned seeded        # gw_forks as it was then

    def __cinit__(self, double sample, bint b3, bint answers, entropy):
        self.rejected = <uint64_t>((1.0 - min(max(sample, 0.0), 1.0)) * <double>(RANDOM_PART + 1))
        self.b3 = b3
        self.answers = answers
        self.entropy = entropy

    cdef uint64_t some(self) except? 0:
        """A number other than 0."""
        cdef uint64_t *s = self.state
        cdef uint64_t made = 0, shifted
        if self.seeded != gw_forks:  # SECURITY: no two workers share a row (tests/unit/fast/test_trace.py)
            self.seed()
        while not made:
            made = rotated(s[0] + s[3], 23) + s[0]
            shifted = s[1] << 17
            s[2] ^= s[0]
            s[3] ^= s[1]
            s[1] ^= s[2]
            s[0] ^= s[3]
            s[2] ^= shifted
            s[3] = rotated(s[3], 45)
        return made

    cdef int seed(self) except -1:
        cdef bytes drawn = self.entropy(32)
        if PyBytes_GET_SIZE(drawn) != 32:
            raise ValueError("32 bytes are wanted")
        memcpy(self.state, PyBytes_AS_STRING(drawn), 32)
        self.state[0] |= 1  # never all zeros
        self.seeded = gw_forks
        return 0

    def __call__(self, exchange):
        """Never a Response."""
        cdef list outgoing = get(exchange, OUTGOING_OF)
        cdef list fields = get(exchange, HEADERS_OF) if outgoing is None else outgoing
        cdef list kept = fields[:], states = None
        cdef dict b3 = None
        cdef tuple pair
        cdef str name, parent = None
        cdef int parents = 0
        cdef Py_ssize_t size
        cdef Context context
        cdef bint continues = False
        if self.is_told(fields):
            kept = []
            for pair in fields:
                name = <str>pair[0]
                size = PyUnicode_GET_LENGTH(name)
                if size == 11 and same_name("traceparent", name, 11):
                    parent = <str>pair[1]
                    parents += 1
                elif size == 10 and same_name("tracestate", name, 10):
                    states = (states or []) + [pair]
                elif self.b3 and is_b3(name, size):
                    b3 = b3 or {}
                    b3[name.lower()] = pair[1]
                else:
                    kept.append(pair)
        context.high = context.low = context.parent = 0
        context.flags = 0
        context.known = False
        # Section 3.2.2.5: what is there twice, or cannot be read, is as if it were not there.
        if parents == 1:
            continues = read_parent(parent, &context)
            if not continues:
                context.known = False
                context.flags = 0
        if continues:
            if states is not None and has_room(states):
                kept += states
        elif b3 is not None:
            continues = read_b3(b3, &context)
        self.decide(&context, continues)
        give(exchange, TRACE_OF, self.made(&context, kept, b3 is not None))
        give(exchange, OUTGOING_OF, kept)

    cdef bint is_told(self, list fields) except -1:
        """Whether any field is about traces; most requests have none."""
        cdef tuple pair
        cdef str name
        cdef Py_ssize_t size
        for pair in fields:
            name = <str>pair[0]
            size = PyUnicode_GET_LENGTH(name)
            if (size == 11 or size == 10) and (same_name("traceparent", name, 11) if size == 11 else
                                               same_name("tracestate", name, 10)):
                return True
            if self.b3 and is_b3(name, size):
                return True
        return False

    cdef int decide(self, Context *context, bint continues) except -1:
        """A trace of its own where none goes on; and whether it is sampled, where its caller did not say."""
        if not continues:
            context.high = self.some()
            context.low = self.some()
            context.parent = 0
            context.flags |= RANDOM
        if not context.known and context.low & RANDOM_PART >= self.rejected:
            context.flags |= SAMPLED
        return 0

    cdef Trace made(self, Context *context, list kept, bint b3):
        cdef Trace trace = Trace.__new__(Trace)
        cdef str sent = PyUnicode_New(55, 127)
        cdef unsigned char *text = <unsigned char *>PyUnicode_DATA(sent)
        text[0] = text[1] = c"0"
        text[2] = text[35] = text[52] = c"-"
        write(text + 3, context.high, 16)
        write(text + 19, context.low, 16)
        write(text + 36, self.some(), 16)
        write(text + 53, context.flags, 2)
        trace.sent = sent
        trace.parent = hexadecimal(context.parent, 16) if context.parent else ""
        trace.sampled = context.flags & SAMPLED
        trace.span = ""
        trace.step = "store"
        trace.b3 = b3
        trace.tracer = self
        kept.append(("traceparent", sent))
        if b3:
            kept.append(("b3", f"{sent[3:35]}-{sent[36:52]}-{1 if trace.sampled else 0}"))
        if trace.sampled:
            trace.calls = []
            trace.steps = []
            _current.set(trace)
        if trace.sampled or self.answers:
            trace.span = hexadecimal(self.some(), 16)
        return trace


@cython.final
cdef class Closer:
    """An on_close hook that has `keep(exchange, trace, reason, ended)` called where the request is worth it.

    ours   slugs of the errors that are the gateway's or the upstreams'
    slow   seconds from which on a request is kept, 0.0 = never; a changed protocol takes as long as it takes
    """

    cdef object keep
    cdef frozenset ours
    cdef double slow

    def __cinit__(self, keep, frozenset ours not None, double slow):
        self.keep = keep
        self.ours = ours
        self.slow = slow

    def __call__(self, exchange):
        """After the last byte."""
        cdef Trace trace = get(exchange, TRACE_OF)
        cdef double ended
        if trace is None:
            return
        if trace.sampled:
            _current.set(None)
            self.keep(exchange, trace, "sampled", now())
            return
        response = get(exchange, RESPONSE_OF)
        error = get(exchange, ERROR_OF)
        if error is None:
            if response is not None and response.status >= 500:
                self.keep(exchange, trace, "error", now())
                return
        elif error in self.ours:
            self.keep(exchange, trace, "error", now())
            return
        if self.slow > 0.0:
            ended = now()
            if ended - <double>get(exchange, STARTED_OF) >= self.slow and (response is None or response.status != 101):
                self.keep(exchange, trace, "slow", ended)


@cython.final
cdef class Watched:
    """An on_request hook of the step `name`; of a sampled request it is known when it did input or output."""

    cdef str name
    cdef object hook

    def __cinit__(self, str name not None, hook):
        self.name = name
        self.hook = hook

    def __call__(self, exchange):
        """What the hook gives."""
        cdef Trace trace = get(exchange, TRACE_OF)
        cdef str before
        if trace is None or not trace.sampled:
            return self.hook(exchange)
        before, trace.step = trace.step, self.name
        try:
            return self.hook(exchange)
        finally:
            trace.step = before


def waited(double began):
    """Input or output that began at `began` (monotonic) has just ended: a sampled request takes note of it."""
    cdef Trace trace = _current.get()
    cdef list last
    if trace is None:
        return
    if trace.step != "store" and trace.steps:
        last = trace.steps[len(trace.steps) - 1]
        if last[0] == trace.step:
            last[2] = now()
            last[3] = last[3] + 1
            return
    if len(trace.steps) < NOTED:
        trace.steps.append([trace.step, began, now(), 1])
