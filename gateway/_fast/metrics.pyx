"""Counters and histograms of routes, upstreams and targets, in memory that several processes map.

Every count is one 64-bit word that is added to atomically, so sums are exact whatever dies when.  A series is a row of
words in leaves of 32, and a leaf takes memory when the first of its words is needed:

    0      requests that ended: method x status class
    40     outcomes, one for each bit of `Exchange.marks`
    48     bytes to clients; tries that were a retry, a hedge; of routes the outcome of the bit after BESIDE
    51     sums of the three histograms, nanoseconds
    64     errors, by the number of their slug
    192    three histograms, 1,024 buckets each: duration, waiting for upstreams, the gateway's own

Each series has a table of leaves in each stripe.  A worker counts in one stripe (slot modulo stripes), so workers do
not pass cache lines to and fro, and a reader adds the stripes up.  What is on its way is counted apart, by slot,
because what a killed worker had on its way is gone with it.

    0      layout and sizes, leaves given out, counts without a series of their own, stripes and slots in use
    64     names of the series (names.pyx), names of the errors
    ...    requests on their way: 1 + slots planes of a 32-bit count for each series
    ...    which series have anything: a bit for each, by stripe.  A reader looks at nothing else, because reading
           memory that was never written makes it real
    ...    tables, by stripe and series: numbers of leaves, 0 = none
    ...    leaves; leaf 0 takes what finds no room

A process killed while it takes a leaf leaves it unused.  The words of a request go first to histograms and last to
`requests`: killed in between, a request may be in the former alone.

PERF: a request begun and ended costs 0.25 us, both calls included.  Bench: perf/micro/bench_metrics.py.
Oracle: tests/oracles/meter_oracle.py.
"""

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, clockid_t, timespec

from gateway._fast.histogram cimport BUCKETS, bucket_of, histogram_of, nanos_of
from gateway._fast.name_table cimport Names
from gateway._fast.atomics cimport Memory, atom_add, atom_compare_and_set, atom_load
from gateway._fast.recent cimport Recent
from gateway._fast.exchange_slots cimport (
    ERROR_OF, MARKS_OF, METHOD_OF, RESPONSE_OF, SENT_OF, STARTED_OF, UPSTREAM_TIME_OF, get,
)

cdef enum:
    LAYOUT = 1  # raise it with any change of what is where, or of what it means
    METHODS = 8
    CLASSES = 5
    OUTCOMES_AT = 40
    OUTCOMES = 10  # but for BESIDE, whose word is SENT
    SENT = 48
    TRIED_AT = 48  # and what the try was
    RETRIED_TRY = 1
    HEDGED_TRY = 2
    RETRIED = 1 << 5  # bits of Exchange.marks
    BESIDE = 1 << 8
    SUMS_AT = 51
    COUNTERS = 64
    ERRORS_AT = 64
    ERRORS = 128
    TIMES_AT = 192
    TIMES = 3
    LEAVES = (192 + 3 * 1024) / 32
    ROW = 192 + 3 * 1024
    LEAVES_MAX = 1 << 22  # 1 GB
    HEAD = 64
    CAPACITY_MIN = 8
    CAPACITY_MAX = 65536
    STRIPES_MAX = 64

ROUTE, UPSTREAM, TARGET = 1, 2, 3
RETRY, HEDGE = RETRIED_TRY, HEDGED_TRY
OTHER = "(other)"

cdef dict _METHODS = {
    "GET": 0, "HEAD": 1, "POST": 2, "PUT": 3, "DELETE": 4, "PATCH": 5, "OPTIONS": 6,
}


cdef inline double _clock(clockid_t which) noexcept nogil:
    """Seconds."""
    cdef timespec now
    clock_gettime(which, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef inline int64_t _leaves_for(int capacity, int stripes) noexcept nogil:
    cdef int64_t most = <int64_t> capacity * stripes * LEAVES + 1
    return most if most < LEAVES_MAX else LEAVES_MAX


cdef inline Py_ssize_t _up(Py_ssize_t size) noexcept nogil:
    """To whole cache lines."""
    return (size + 63) // 64 * 64


@cython.final
cdef class Meter:
    """All series, as one process sees them. A worker calls `claim` once it has a slot."""

    def __cinit__(self, Memory memory not None, int capacity, int slots, int stripes):
        size = self.bytes_for(capacity, slots, stripes)
        if memory.view.len < size:
            raise ValueError(f"a meter of {capacity} series takes {size} bytes, here are {memory.view.len}")
        cdef char *place = <char *> memory.view.buf
        cdef int64_t word = <int64_t> LAYOUT << 48 | <int64_t> slots << 32 | stripes << 24 | capacity
        if <uintptr_t> place % 8:
            raise ValueError("a meter begins on a word boundary")
        self.memory, self.head = memory, <int64_t *> place
        self.capacity, self.slots, self.stripes = capacity, slots, stripes
        if not atom_compare_and_set(self.head, 0, word) and atom_load(self.head) != word:
            raise ValueError("the meter here has another layout or size")
        cdef Py_ssize_t at = HEAD
        self.series = Names(memory, at, capacity)
        at += _up(Names.bytes_for(capacity))
        self.errors = Names(memory, at, ERRORS)
        at += _up(Names.bytes_for(ERRORS))
        self.planes = <uint32_t *> (place + at)
        at += _up((1 + <Py_ssize_t> slots) * capacity * 4)
        self.marks = <uint64_t *> (place + at)
        at += _up(<Py_ssize_t> stripes * self._lines() * 8)
        self.tables = <uint32_t *> (place + at)
        at += _up(<Py_ssize_t> stripes * capacity * TABLE * 4)
        self.arena = <int64_t *> (place + at)
        self.leaves = _leaves_for(capacity, stripes)
        self.slugs = {}
        for kind in (ROUTE, UPSTREAM, TARGET):
            self.series.place(kind, OTHER.encode())
        self.slugs[OTHER] = self.errors.place(1, OTHER.encode())
        self._use(0)

    @staticmethod
    def bytes_for(int capacity, int slots, int stripes):
        """Bytes of a meter; memory is used for what is counted only."""
        if not CAPACITY_MIN <= capacity <= CAPACITY_MAX or not 1 <= stripes <= STRIPES_MAX or not 0 <= slots < 32768:
            raise ValueError(f"a meter of {capacity} series, {slots} slots and {stripes} stripes")
        return (
            HEAD + _up(Names.bytes_for(capacity)) + _up(Names.bytes_for(ERRORS))
            + _up((1 + <Py_ssize_t> slots) * capacity * 4) + _up(<Py_ssize_t> stripes * ((capacity + 63) // 64) * 8)
            + _up(<Py_ssize_t> stripes * capacity * TABLE * 4) + _leaves_for(capacity, stripes) * LEAF * 8
        )

    def series_of(self, int kind, str name not None):
        """The number of a series, made now if there is none; that of "(other)" of its kind when there is no room."""
        found = self.series.place(kind, name.encode("utf-8", "surrogatepass"))
        return found if found >= 0 else self.series.place(kind, OTHER.encode())

    def name_errors(self, tuple slugs not None):
        """Give each slug its number before any request needs it."""
        for slug in slugs:
            self.slug(slug)

    @property
    def overflow(self):
        """Counts without a series of their own."""
        return atom_load(self.head + 2)

    def claim(self, int slot):
        """Count what is on its way under a slot, the rest in its stripe; what the last owner had on its way is gone."""
        self.forget(slot)
        self._use(1 + slot)

    def release(self):
        """Before the slot is given back: nothing is on its way here any more."""
        column = self.column
        self._use(0)
        if column:
            self.forget(column - 1)

    def forget(self, int slot):
        """Nothing is on its way under a slot: its process has ended, and nobody has claimed the slot since."""
        cdef Py_ssize_t at
        if not 0 <= slot < self.slots:
            raise IndexError(f"no slot {slot} of {self.slots}")
        if slot + 1 < atom_load(self.head + 4):
            for at in range((1 + <Py_ssize_t> slot) * self.capacity, (2 + <Py_ssize_t> slot) * self.capacity):
                if near_load(self.planes + at):
                    near_clear(self.planes + at)

    def read(self):
        """A row of each series that has anything: see `_Row` in the stub, and the words above.

        PERF: of a series in which nothing happened since this process read it last, the very same row.
        Bench: perf/micro/bench_metrics.py.
        """
        cdef uint64_t live = <uint64_t> atom_load(self.head + 3)
        cdef int64_t columns = atom_load(self.head + 4), stamp, flying
        cdef int number
        slugs = [OTHER] * ERRORS
        for number, _, text in self.errors.known():
            slugs[number] = text.decode("utf-8", "surrogatepass")
        slugs = tuple(slugs)
        if self.kept is None:
            self.kept = [None] * self.capacity
        rows = []
        for number, kind, text in self.series.known():
            stamp, flying = self._stamp(number, live), self._flying(number, columns)
            if not stamp and not flying:
                continue
            kept = self.kept[number]
            if kept is None or kept[0] != stamp:
                kept = stamp, (kind, text.decode("utf-8", "surrogatepass"), flying, *self._row(number, live, slugs))
                self.kept[number] = kept
            elif kept[1][2] != flying:
                self.kept[number] = kept = stamp, (*kept[1][:2], flying, *kept[1][3:])
            rows.append(kept[1])
        return rows

    def _use(self, int column):
        """Count in a column from now on."""
        cdef int64_t live = atom_load(self.head + 4)
        while live <= column and not atom_compare_and_set(self.head + 4, live, column + 1):
            live = atom_load(self.head + 4)
        self.column, self.stripe = column, (column - 1) % self.stripes if column else 0
        self.plane = self.planes + <Py_ssize_t> column * self.capacity
        self.table = self.tables + <Py_ssize_t> self.stripe * self.capacity * TABLE
        mark(<uint64_t *> self.head + 3, <uint64_t> 1 << self.stripe)

    def _lines(self):
        return (self.capacity + 63) // 64

    cdef uint32_t _grow(self, int series, uint32_t *leaf) noexcept nogil:
        """Give a table a leaf; where there is no more room, the one that all share whose counts are lost."""
        cdef int64_t number
        mark(self.marks + self.stripe * ((self.capacity + 63) // 64) + series // 64, <uint64_t> 1 << series % 64)
        if atom_load(self.head + 1) + 1 < self.leaves:
            number = atom_add(self.head + 1, 1)
            if number < self.leaves:
                near_set(leaf, <uint32_t> number)
                return near_load(leaf)
        tally(self.head + 2, 1)
        return 0

    cdef int slug(self, slug) except -1:
        """The number of an error; that of "(other)" when there are too many."""
        cdef int number
        found = self.slugs.get(slug)
        if found is None:
            number = self.errors.place(1, (<str?> slug).encode("utf-8", "surrogatepass"))
            if number < 0:
                return self.slugs[OTHER]
            self.slugs[slug] = found = number
        return found

    cdef void time(self, int series, int which, double seconds) noexcept nogil:
        """Count a duration."""
        tally(self.word(series, SUMS_AT + which), nanos_of(seconds))
        tally(self.word(series, TIMES_AT + which * BUCKETS + bucket_of(seconds)), 1)

    cdef uint32_t *_table(self, int number, int stripe, uint64_t live) noexcept nogil:
        """The table of a series in a stripe, NULL when nothing was ever counted there."""
        cdef uint64_t *marks = self.marks + stripe * ((self.capacity + 63) // 64) + number // 64
        if not live >> stripe & 1 or not marks[0] >> (number % 64) & 1:
            return NULL
        return self.tables + (<Py_ssize_t> stripe * self.capacity + number) * TABLE

    cdef int64_t _stamp(self, int number, uint64_t live) noexcept nogil:
        """A number that grows with all that is counted in a series: the sum of its counters and errors.

        Durations are counted before these, so a row that was made after its stamp misses nothing that the stamp has.
        """
        cdef int64_t total = 0
        cdef uint32_t *table
        cdef uint32_t found
        cdef int stripe, at, word
        for stripe in range(self.stripes):
            table = self._table(number, stripe, live)
            if table == NULL:
                continue
            for at in range(TIMES_AT // LEAF):
                found = near_load(table + at)
                if found:
                    for word in range(LEAF):
                        total += atom_load(self.arena + <Py_ssize_t> found * LEAF + word)
        return total

    cdef int64_t _flying(self, int number, int64_t columns) noexcept nogil:
        """How many are on their way, in all workers."""
        cdef int64_t total = 0, column
        for column in range(columns):
            total += near_load(self.planes + column * self.capacity + number)
        return total

    cdef tuple _row(self, int number, uint64_t live, tuple slugs):
        """(counters, errors, histograms) of one series over all stripes."""
        cdef int64_t[ROW] words
        cdef int64_t *leaf
        cdef uint32_t *table
        cdef uint32_t found
        cdef int stripe, at, word, which
        cdef int[TIMES] first = [BUCKETS, BUCKETS, BUCKETS]
        cdef int[TIMES] end = [0, 0, 0]
        memset(words, 0, sizeof(words))
        for stripe in range(self.stripes):
            table = self._table(number, stripe, live)
            for at in range(LEAVES if table != NULL else 0):
                found = near_load(table + at)
                if found:
                    leaf = self.arena + <Py_ssize_t> found * LEAF
                    if at * LEAF >= TIMES_AT:
                        which, word = (at * LEAF - TIMES_AT) // BUCKETS, (at * LEAF - TIMES_AT) % BUCKETS
                        first[which], end[which] = min(first[which], word), max(end[which], word + LEAF)
                    for word in range(LEAF):
                        words[at * LEAF + word] += atom_load(leaf + word)
        counts = {at: words[at] for at in range(COUNTERS) if words[at] and not SUMS_AT <= at < SUMS_AT + TIMES}
        errors = {slugs[at]: words[ERRORS_AT + at] for at in range(ERRORS) if words[ERRORS_AT + at]}
        times = tuple([
            histogram_of(words + TIMES_AT + which * BUCKETS, first[which], end[which], words[SUMS_AT + which])
            for which in range(TIMES)
        ])
        return counts, errors, times


@cython.final
cdef class Route:
    """Counts the requests of one route: `begin` is an on_request hook, `end` an on_close hook."""

    cdef Meter meter
    cdef Recent recent
    cdef str name
    cdef int series
    cdef readonly bint is_other

    def __cinit__(self, Meter meter not None, str name not None, Recent recent=None):
        self.meter, self.recent, self.name = meter, recent, name
        self.series = meter.series_of(ROUTE, name)
        self.is_other = name != OTHER and self.series == meter.series_of(ROUTE, OTHER)

    def begin(self, exchange, /):
        """One more on its way."""
        near_up(self.meter.plane + self.series)

    def end(self, exchange, /):
        """It has ended: the last byte went out, or the client went away."""
        try:
            self._end(exchange, _clock(CLOCK_MONOTONIC), 0.0)
        finally:  # and last, so that who sees nothing on its way has seen all that ended
            near_down(self.meter.plane + self.series)

    def end_at(self, exchange, double ended, double wall, /):
        """The same at a given time: `ended` on the clock of exchange.started, `wall` in seconds since 1970."""
        try:
            self._end(exchange, ended, wall)
        finally:
            near_down(self.meter.plane + self.series)

    cdef int _end(self, exchange, double ended, double wall) except -1:
        cdef Meter meter = self.meter
        cdef int series = self.series, status, digit, method, at
        cdef int64_t sent = get(exchange, SENT_OF), marks = get(exchange, MARKS_OF)
        cdef double whole = ended - <double> get(exchange, STARTED_OF), waited = get(exchange, UPSTREAM_TIME_OF)
        response, error = get(exchange, RESPONSE_OF), get(exchange, ERROR_OF)
        status = 499 if response is None else response.status
        found = _METHODS.get(get(exchange, METHOD_OF))
        method = METHODS - 1 if found is None else found
        digit = min(max(status // 100, 1), CLASSES)
        whole = max(whole, 0.0)
        meter.time(series, 0, whole)
        if waited > 0.0:
            meter.time(series, 1, min(waited, whole))
        if status != 101:  # of a tunnel nobody can tell whose time it was
            meter.time(series, 2, max(whole - waited, 0.0))
        if sent:
            tally(meter.word(series, SENT), sent)
        at = 0
        while marks and at < OUTCOMES:
            if marks & 1 and OUTCOMES_AT + at != SENT:
                tally(meter.word(series, OUTCOMES_AT + at), 1)
            marks >>= 1
            at += 1
        if response is None and error is None:
            error = "client-closed"
        if error is not None:
            tally(meter.word(series, ERRORS_AT + meter.slug(error)), 1)
        tally(meter.word(series, method * CLASSES + digit - 1), 1)
        if self.is_other:
            tally(meter.head + 2, 1)
        if self.recent is not None:
            self.recent.client(exchange)
            if status >= 500 or error is not None:
                self.recent.failure(exchange, wall or _clock(CLOCK_REALTIME), self.name, status, error)
        return 0


@cython.final
cdef class Call:
    """Counts the tries with one target of an upstream."""

    cdef Meter meter
    cdef int upstream, target
    cdef int others

    def __cinit__(self, Meter meter not None, str upstream not None, str target not None):
        self.meter = meter
        self.upstream, self.target = meter.series_of(UPSTREAM, upstream), meter.series_of(TARGET, target)
        self.others = (self.upstream == meter.series_of(UPSTREAM, OTHER)) + (
            self.target == meter.series_of(TARGET, OTHER)
        )

    def through(self, send, exchange, target, first, started, /):
        """What `send` gives for the other arguments, or raises; counted with the time it took.

        What is raised without a `kind` breaks the try off: that is no answer, and no failure of the target.
        """
        cdef Meter meter = self.meter
        cdef int64_t marks = get(exchange, MARKS_OF)
        cdef int which = 0, word = -1
        cdef double seconds
        if marks >= RETRIED:
            which = HEDGED_TRY if marks & BESIDE else RETRIED_TRY if marks & RETRIED else 0
        near_up(meter.plane + self.upstream)
        near_up(meter.plane + self.target)
        try:
            response = send(exchange, target, first, started)
            seconds = max(0.0, _clock(CLOCK_MONOTONIC) - <double> started)
            word = min(max(<int> response.status // 100, 1), CLASSES) - 1
            meter.time(self.upstream, 0, seconds)
            meter.time(self.target, 0, seconds)
            return response
        except Exception as error:
            kind = getattr(error, "kind", None)
            if kind is not None:
                word = ERRORS_AT + meter.slug(kind.slug)
            raise
        finally:
            self._end(word, which)

    cdef void _end(self, int word, int which) noexcept:
        cdef Meter meter = self.meter
        if which:
            tally(meter.word(self.upstream, TRIED_AT + which), 1)
            tally(meter.word(self.target, TRIED_AT + which), 1)
        if word >= 0:
            tally(meter.word(self.upstream, word), 1)
            tally(meter.word(self.target, word), 1)
        if self.others:
            tally(meter.head + 2, self.others)
        near_down(meter.plane + self.upstream)
        near_down(meter.plane + self.target)
