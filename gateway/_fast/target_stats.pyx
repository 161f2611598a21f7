"""Figures about targets in memory that several processes map: counts over a sliding time, latency, requests in flight.

As in page.pyx every fact is one atomic word (a count in flight: half of one), so a process killed at any point leaves
the old value or the new one and nothing has to be locked or mended.  Times are milliseconds of the monotonic clock,
see `now_ms`, which all processes of a host share.
"""

cimport cython
from libc.math cimport exp2
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from gateway._fast.atomics cimport Memory, atom_compare_and_set, atom_load

cdef enum:
    LANE_BITS = 48  # of a window's word; the other 16 tell which turn round the buckets it belongs to
    TURN_MASK = 0xFFFF
    LANES_MAX = 3
    TIME_BITS = 24  # of a latency's word
    TIME_MASK = 0xFFFFFF
    LATE_MS = 60_000  # how far a process may be behind the others' clock: until then it is late, not hours ahead

cdef int64_t NANOS_MAX = (1 << 40) - 1


def now_ms():
    """Milliseconds of the monotonic clock, the same for all processes of the host."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t> now.tv_sec * 1000 + now.tv_nsec // 1_000_000


cdef char *_place(Memory memory, Py_ssize_t offset, Py_ssize_t size) except NULL:
    """Where `size` bytes of whole words lie."""
    if offset < 0 or offset > memory.view.len - size:
        raise IndexError(f"no {size} bytes at byte {offset} of {memory.view.len}")
    cdef char *place = <char *> memory.view.buf + offset
    if <uintptr_t> place % 8:
        raise ValueError(f"byte {offset} is not on a word boundary")
    return place


@cython.final
cdef class Window:
    """Counts of the last `span_ms`, in one to three lanes: events are counted in `buckets` words of equal time each.

    A word is [turn 16 bits | lanes of 48, 24 or 16 bits].  When a lane would overflow all lanes of its word are halved:
    their shares stay right, their sums then fall short.
    NOTE: with another span over the same words, as after a change of configuration, counts begin anew.
    """

    def __cinit__(self, Memory memory not None, Py_ssize_t offset, int buckets, int lanes, int64_t span_ms):
        if buckets < 2 or span_ms < 1 or not 1 <= lanes <= LANES_MAX:
            raise ValueError(f"a window of {buckets} buckets, {lanes} lanes and {span_ms} ms")
        self.words = <int64_t *> _place(memory, offset, 8 * <Py_ssize_t> buckets)
        self.memory = memory
        self.buckets, self.lanes, self.bits = buckets, lanes, LANE_BITS // lanes
        self.span_ms, self.width_ms = span_ms, (span_ms + buckets - 2) // (buckets - 1)
        self.top = (<uint64_t> 1 << self.bits) - 1
        self.halves = 0
        for lane in range(lanes):
            self.halves |= self.top >> 1 << (lane * self.bits)

    def add(self, int64_t now_ms, uint32_t first, uint32_t second=0, uint32_t third=0, /):
        """Count into the lanes; a lane takes at most 65,535 at once."""
        cdef uint64_t[LANES_MAX] more = [first, second, third]
        self.count(now_ms, more)

    def sums(self, int64_t now_ms, int64_t span_ms=0, /):
        """A tuple of each lane's sum over the last `span_ms` (0, or more than there is: the window's own).

        Buckets count as a whole, so up to `width_ms` more is in it.
        """
        cdef uint64_t[LANES_MAX] sums
        self.total(now_ms, span_ms, sums)
        if self.lanes == 1:
            return (sums[0],)
        if self.lanes == 2:
            return (sums[0], sums[1])
        return (sums[0], sums[1], sums[2])

    cdef void count(self, int64_t now_ms, const uint64_t *more) noexcept nogil:
        cdef int64_t number = (now_ms if now_ms > 0 else 0) // self.width_ms
        cdef int64_t *word = self.words + number % self.buckets
        cdef uint64_t turn = (number // self.buckets) & TURN_MASK
        cdef uint64_t kept
        cdef int64_t old
        while True:
            old = atom_load(word)
            kept = <uint64_t> old >> LANE_BITS
            if kept == turn:
                kept = <uint64_t> old
            elif (kept - turn) & TURN_MASK == 1:
                return  # this process comes a whole turn late: its time is over
            else:
                kept = 0
            if atom_compare_and_set(word, old, <int64_t> (turn << LANE_BITS | self._added(kept, more))):
                return

    cdef uint64_t _added(self, uint64_t word, const uint64_t *more) noexcept nogil:
        """The lanes of a word with `more` in them."""
        cdef uint64_t made, lane
        cdef int number
        while True:
            made = 0
            for number in range(self.lanes):
                lane = (word >> (number * self.bits) & self.top) + (more[number] if more[number] < 0xFFFF else 0xFFFF)
                if lane > self.top:
                    break
                made |= lane << (number * self.bits)
            else:
                return made
            word = word >> 1 & self.halves

    cdef void total(self, int64_t now_ms, int64_t span_ms, uint64_t *sums) noexcept nogil:
        cdef int64_t last = (now_ms if now_ms > 0 else 0) // self.width_ms, first
        cdef uint64_t word, turn
        cdef int64_t index
        cdef int lane
        sums[0] = sums[1] = sums[2] = 0
        if span_ms <= 0 or span_ms > self.span_ms:
            span_ms = self.span_ms
        first = (now_ms - span_ms) // self.width_ms if now_ms > span_ms else 0
        index, turn = first % self.buckets, first // self.buckets
        while first <= last:
            word = <uint64_t> atom_load(self.words + index)
            if word >> LANE_BITS == turn & TURN_MASK:
                for lane in range(self.lanes):
                    sums[lane] += word >> (lane * self.bits) & self.top
            first += 1
            index += 1
            if index == self.buckets:
                index = 0
                turn += 1


@cython.final
cdef class Ewma:
    """A latency that rises to a higher sample at once and forgets it by half each `half_life_ms`.

    The word is [nanoseconds 40 bits | milliseconds of the last sample 24 bits]; 0 means that nothing was seen yet.
    NOTE: after 4.6 hours without a sample the time comes round, and what had faded is seen once more.
    """

    def __cinit__(self, Memory memory not None, Py_ssize_t offset, int64_t half_life_ms):
        if half_life_ms < 1:
            raise ValueError(f"a half-life of {half_life_ms} ms")
        self.word = <int64_t *> _place(memory, offset, 8)
        self.memory = memory
        self.half_life = half_life_ms

    def observe(self, int64_t now_ms, double seconds, /):
        """Take in a sample; less than a nanosecond (or no number) counts as one, more than 18 minutes as those."""
        self.take(now_ms, seconds)

    def value(self, int64_t now_ms, /):
        """Seconds, faded by the time since the last sample; 0.0 only as long as there was none."""
        return self.at(now_ms)

    cdef void take(self, int64_t now_ms, double seconds) noexcept nogil:
        cdef double sample = 1.0 if not seconds > 1e-9 else min(seconds * 1e9, <double> NANOS_MAX)
        cdef double nanos
        cdef int64_t age, last, old, new
        while True:
            old = atom_load(self.word)
            nanos, age = <double> (<uint64_t> old >> TIME_BITS), _age(now_ms, old)
            if sample < nanos:
                nanos = sample + (nanos - sample) * exp2(-age / self.half_life)
            else:
                nanos = sample
            last = old & TIME_MASK if old and not age else now_ms & TIME_MASK
            new = <int64_t> (<uint64_t> (nanos + 0.5) << TIME_BITS) | last
            if new == old or atom_compare_and_set(self.word, old, new):
                return

    cdef double at(self, int64_t now_ms) noexcept nogil:
        cdef int64_t word = atom_load(self.word)
        return (<uint64_t> word >> TIME_BITS) * exp2(-_age(now_ms, word) / self.half_life) * 1e-9


cdef inline int64_t _age(int64_t now_ms, int64_t word) noexcept nogil:
    """Milliseconds since the last sample; 0 for a process that is late."""
    cdef int64_t age = (now_ms - word) & TIME_MASK
    return 0 if age > TIME_MASK - LATE_MS else age


@cython.final
cdef class Columns:
    """Which column of every in-flight row is this process's, and how many of them are in use (a word in the memory).

    Column 0 is for all processes that claimed none.
    """

    def __cinit__(self, Memory memory not None, Py_ssize_t offset, int count):
        if count < 1:
            raise ValueError(f"{count} columns")
        self.live = <int64_t *> _place(memory, offset, 8)
        self.memory = memory
        self.count = count
        self.own = 0

    def claim(self, int column):
        """Count in `column` from now on. It must belong to this process alone, and be cleared."""
        if not 0 <= column < self.count:
            raise IndexError(f"no column {column} of {self.count}")
        cdef int64_t live = atom_load(self.live)
        while live <= column and not atom_compare_and_set(self.live, live, column + 1):
            live = atom_load(self.live)
        self.own = column


@cython.final
cdef class InFlight:
    """How many requests are on their way: a row of 32-bit counts, one for each column."""

    def __cinit__(self, Columns columns not None, Memory memory not None, Py_ssize_t offset):
        self.row = <uint32_t *> _place(memory, offset, 4 * <Py_ssize_t> columns.count)
        self.memory = memory
        self.columns = columns

    def enter(self):
        """One more of this process."""
        self.up()

    def leave(self):
        """One less of this process; never below none."""
        self.down()

    def total(self):
        """Of all processes."""
        return self.sum()

    def clear(self, int column):
        """Forget a column, whose process is gone."""
        if not 0 <= column < self.columns.count:
            raise IndexError(f"no column {column} of {self.columns.count}")
        count_clear(self.row + column)

    cdef int64_t sum(self) noexcept nogil:
        cdef int64_t live = atom_load(self.columns.live), total = count_load(self.row)
        cdef int64_t column
        for column in range(1, min(live, <int64_t> self.columns.count)):
            total += count_load(self.row + column)
        return total
