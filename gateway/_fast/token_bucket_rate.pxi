# How fast buckets fill, and what answers say of that. Included by bucket.pyx.

cdef char *_before(char *end, const char *name, int64_t value) noexcept nogil:
    """Write a name of three bytes and a number, at least 0, so that they end at `end`; where they begin."""
    cdef uint64_t number = <uint64_t> _later(value, 0)
    while True:
        end -= 1
        end[0] = <char> (48 + number % 10)
        number //= 10
        if not number:
            break
    end -= 3
    end[0], end[1], end[2] = name[0], name[1], name[2]
    return end


cdef class Rate:
    """How fast buckets fill and what a request takes, checked once; and the fields that name that.

    `units` is the ns that a request takes; `is_told` whether it is one that clients are told of; `policy` is the field
    that is always the same; `shown` the burst where the older fields tell of it, else 0.
    """

    cdef readonly int64_t interval, tolerance, units, shown
    cdef readonly bint is_told
    cdef readonly tuple policy
    cdef str name

    def __cinit__(
        self, str name not None, int64_t interval_ns, int64_t burst, int64_t cost, bint is_told,
        tuple policy=("RateLimit-Policy", ""), int64_t shown=0,
    ):
        if not 0 < burst <= NANOS_MAX // _later(interval_ns, 1) or not 0 < cost <= burst:
            raise ValueError(f"a burst of {burst} and a cost of {cost}")
        _check(interval_ns, burst * interval_ns, cost, 0)
        self.interval, self.tolerance, self.units = interval_ns, burst * interval_ns, cost * interval_ns
        self.is_told, self.policy, self.shown = is_told, policy, shown
        self.name = f'"{name}"'

    def left(self, int64_t debt_ns):
        """How many requests there are in a bucket that is full in so many ns."""
        return self._left(debt_ns)

    def told(self, int64_t left, int64_t wait_ns):
        """The value of the field: requests left, and seconds, rounded up."""
        cdef char text[64]
        cdef char *at = _before(text + sizeof(text), b";t=", wait_ns // SECOND + (wait_ns % SECOND > 0))
        at = _before(at, b";r=", left)
        return self.name + at[:text + sizeof(text) - at].decode("ascii")

    def fields(self, int64_t left, int64_t wait_ns):
        """The fields of draft-ietf-httpapi-ratelimit-headers-10, for requests left and ns until there are more."""
        told = (self.policy, ("RateLimit", self.told(left, wait_ns)))
        if not self.shown:
            return told
        reset = _later(wait_ns // SECOND + (wait_ns % SECOND > 0), 0)
        return told + (
            ("X-RateLimit-Limit", str(self.shown)),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(reset)),
        )

    cdef inline int64_t _left(self, int64_t debt) noexcept nogil:
        return (self.tolerance - debt) // self.units if debt < self.tolerance else 0


def least(list taken):
    """(rate, requests left, ns until it is full) of the one with the fewest left, of those the one that is full last.

    `taken` are tuples that have a Rate at 2 and the ns at 5; None when clients are told of none.
    """
    cdef int64_t fewest = 0, last = 0
    cdef Rate found = _least(taken, &fewest, &last)
    return None if found is None else (found, fewest, last)


cdef Rate _least(list taken, int64_t *fewest, int64_t *last):
    cdef Rate rate, found = None
    cdef int64_t left, debt
    cdef tuple row
    for row in taken:
        if len(row) < 6:
            raise IndexError(f"{len(row)} members")
        rate = row[2]
        if rate is None:
            raise TypeError("None is no rate")
        if rate.is_told:
            debt = row[5]
            left = rate._left(debt)
            if found is None or left < fewest[0] or (left == fewest[0] and debt > last[0]):
                found, fewest[0], last[0] = rate, left, debt
    return found
