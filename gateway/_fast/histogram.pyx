"""Durations counted in log-linear buckets: each power of two is cut into 32 equal parts.

The unit is a quarter of a microsecond.  Below 32 units a bucket is one unit wide, above that at most 1/32 of what it
counts, so its middle is within 1.6 % of everything in it from 8 us on.  The last of the 1,024 buckets ends after 4.7
hours and takes what is longer; the sum is exact whatever the buckets are.

PERF: a bucket is found in 2 ns; reading, adding and taking differences go over the buckets that are not empty, some
ten bytes each.  Bench: perf/micro/bench_metrics.py.  Oracle: tests/oracles/meter_oracle.py.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport NAN, ceil
from libc.stdint cimport int64_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    static inline int top_bit(uint64_t value) { return 63 - __builtin_clzll(value); }
    """
    int top_bit(uint64_t value) nogil

cdef enum:
    PARTS = 32
    PART_BITS = 5

cdef double UNITS = 4e6  # a second
cdef double UNITS_MAX = <double> (<int64_t> 1 << 36) - 1.0


cdef int bucket_of(double seconds) noexcept nogil:
    """The bucket of a duration; what is no duration belongs to the first."""
    cdef double scaled = seconds * UNITS
    cdef uint64_t units
    cdef int octave
    if not scaled >= 1.0:
        return 0
    units = <uint64_t> (scaled if scaled < UNITS_MAX else UNITS_MAX)
    if units < PARTS:
        return <int> units
    octave = top_bit(units) - PART_BITS
    return (octave << PART_BITS) + <int> (units >> octave)


cdef int64_t nanos_of(double seconds) noexcept nogil:
    """Nanoseconds of a duration, for sums; at most a month of it, and nothing of what is no duration."""
    if not seconds > 0.0:
        return 0
    return <int64_t> ((seconds if seconds < 2678400.0 else 2678400.0) * 1e9 + 0.5)


cdef inline double _edge(int number) noexcept nogil:
    """Where a bucket begins, seconds."""
    cdef int octave = number >> PART_BITS
    if octave < 1:
        return number / UNITS
    return <double> (<int64_t> (PARTS + (number & (PARTS - 1))) << (octave - 1)) / UNITS


cdef Histogram histogram_of(const int64_t *row, int first, int end, int64_t nanos):
    """What is counted in a row of BUCKETS words, of which those from `first` to before `end` are looked at."""
    cdef int number, size = 0
    cdef Histogram made = Histogram.__new__(Histogram)
    if first >= end:
        return made
    for number in range(first, end):
        if row[number] > 0:
            size += 1
    made.hold(size)
    size = 0
    for number in range(first, end):
        if row[number] > 0:
            made.numbers[size], made.counts[size] = number, row[number]
            made.count += row[number]
            size += 1
    if size:
        made.nanos = nanos
    return made


cdef Histogram _joined(Histogram one, Histogram other, int sign):
    """`one` with `other` added (sign 1) or taken away (sign -1); what would be less than none is none."""
    cdef Histogram made = Histogram.__new__(Histogram)
    cdef int left = 0, right = 0, size = 0, number
    cdef int64_t count
    made.hold(one.size + other.size)
    while left < one.size or right < other.size:
        if right == other.size or (left < one.size and one.numbers[left] < other.numbers[right]):
            number, count = one.numbers[left], one.counts[left]
            left += 1
        elif left == one.size or other.numbers[right] < one.numbers[left]:
            number, count = other.numbers[right], sign * other.counts[right]
            right += 1
        else:
            number, count = one.numbers[left], one.counts[left] + sign * other.counts[right]
            left += 1
            right += 1
        if count > 0:
            made.numbers[size], made.counts[size] = number, count
            made.count += count
            size += 1
    made.size = size
    if size:
        made.nanos = max(<int64_t> 0, one.nanos + sign * other.nanos)
    return _fitted(made) if size < one.size + other.size else made


cdef Histogram _fitted(Histogram wide):
    """The same in no more memory than it needs: many are kept for long."""
    cdef Histogram made = Histogram.__new__(Histogram)
    made.hold(wide.size)
    if wide.size:
        memcpy(made.counts, wide.counts, wide.size * sizeof(int64_t))
        memcpy(made.numbers, wide.numbers, wide.size * sizeof(uint16_t))
    made.count, made.nanos = wide.count, wide.nanos
    return made


def _restored(numbers, counts, nanos):
    """A histogram as it was pickled."""
    cdef Histogram made = Histogram.__new__(Histogram)
    cdef int at, size = len(numbers)
    made.hold(size)
    for at in range(size):
        made.numbers[at], made.counts[at] = numbers[at], counts[at]
        made.count += made.counts[at]
    made.nanos = nanos
    return made


@cython.final
cdef class Histogram:
    """Durations in log-linear buckets; immutable, comparable, picklable."""

    def __cinit__(self, durations=()):
        cdef int64_t[BUCKETS] row
        cdef Histogram made
        cdef double seconds
        if durations is () or not durations:
            return
        for at in range(BUCKETS):
            row[at] = 0
        for duration in durations:
            seconds = duration
            row[bucket_of(seconds)] += 1
            self.nanos += nanos_of(seconds)
        made = histogram_of(row, 0, BUCKETS, self.nanos)
        self.count, self.size = made.count, made.size
        self.counts, self.numbers = made.counts, made.numbers
        made.counts = NULL

    def __dealloc__(self):
        PyMem_Free(self.counts)

    cdef int hold(self, int size) except -1:
        """Make room for so many buckets; once, before anything else."""
        if size:
            self.counts = <int64_t *> PyMem_Malloc(size * (sizeof(int64_t) + sizeof(uint16_t)))
            if self.counts == NULL:
                raise MemoryError()
            self.numbers = <uint16_t *> (self.counts + size)
            self.size = size
        return 0

    @property
    def sum(self):
        """Seconds in all."""
        return self.nanos * 1e-9

    def quantile(self, double share, /):
        """The duration in seconds that `share` (0 to 1) of them do not exceed, within 2 %; nan when there is none."""
        cdef int64_t rank = <int64_t> ceil(max(0.0, min(1.0, share)) * self.count - 1e-9)
        cdef int at
        for at in range(self.size):
            rank -= self.counts[at]
            if rank <= 0:
                return (_edge(self.numbers[at]) + _edge(self.numbers[at] + 1)) / 2.0
        return NAN

    def at_most(self, double seconds, /):
        """How many did not exceed `seconds`, or share a bucket with it."""
        cdef int last = bucket_of(seconds)
        cdef int64_t found = 0
        cdef int at
        for at in range(self.size):
            if self.numbers[at] > last:
                break
            found += self.counts[at]
        return found

    def buckets(self):
        """(upper edge in seconds, how many in this bucket) of those that are not empty, ascending."""
        return [(_edge(self.numbers[at] + 1), self.counts[at]) for at in range(self.size)]

    def plus(self, Histogram other not None, /):
        """Both together."""
        return self if not other.size else other if not self.size else _joined(self, other, 1)

    def minus(self, Histogram earlier not None, /):
        """What came since `earlier`."""
        return self if not earlier.size else _joined(self, earlier, -1)

    def __eq__(self, other):
        cdef Histogram its
        if not isinstance(other, Histogram):
            return NotImplemented
        its = other
        return self.size == its.size and self.nanos == its.nanos and (
            not self.size
            or memcmp(self.counts, its.counts, self.size * sizeof(int64_t)) == 0
            and memcmp(self.numbers, its.numbers, self.size * sizeof(uint16_t)) == 0
        )

    def __hash__(self):
        return hash((self.count, self.nanos, self.size))

    def __reduce__(self):
        numbers, counts = self._parts()
        return _restored, (numbers, counts, self.nanos)

    def __repr__(self):
        return f"<Histogram of {self.count} durations, {self.sum:g} s in all>"

    def _parts(self):
        return [self.numbers[at] for at in range(self.size)], [self.counts[at] for at in range(self.size)]
