# What asks several buckets for one request. Included by bucket.pyx.

@cython.final
cdef class Asks:
    """An on_request hook: takes from one bucket after the other, and keeps what was taken in the exchange's state.

    Of a limit the attributes `number`, `pace` and `penalty` are read here, once.  PERF: perf scenario `limits`.
    """

    cdef Buckets buckets
    cdef object ledger, clock, late, blocked
    cdef str room
    cdef tuple limits

    def __init__(self, Buckets buckets not None, ledger, limits, clock, late, blocked, str room not None):
        """`late(exchange, taken, limit, pace, number, wait_ns, now_ns)` is called when a bucket cannot give: it raises,
        or lets the request go on; `blocked(taken, limit, pace, number, now_ns)` where a limit has a penalty.
        """
        self.buckets, self.ledger, self.clock = buckets, ledger, clock
        self.late, self.blocked, self.room = late, blocked, room
        self.limits = tuple([
            (limit, limit.number if limit.pace is not None else 0, limit.pace, limit.bucket, limit.penalty is not None)
            for limit in limits
        ])

    def __call__(self, exchange, /):
        cdef int64_t now = self.clock(), wait
        cdef dict state = get(exchange, STATE_OF)
        cdef list taken
        cdef tuple entry
        cdef Rate pace
        cdef uint64_t number
        if not 0 <= now <= NANOS_MAX:
            raise ValueError(f"a time of {now} ns")
        if state is None:
            state = {}
            give(exchange, STATE_OF, state)
        taken = state.setdefault(self.room, [])
        for entry in self.limits:
            number = entry[1]
            pace = entry[2]
            if not number:
                key, pace = entry[3](exchange)
                number = key
            self.buckets._check_key(number)
            if entry[4]:
                self.blocked(taken, entry[0], pace, number, now)
            wait = self.buckets._take(<int64_t> number, pace.interval, pace.tolerance, pace.units, now)
            if wait <= 0:
                taken.append((self.ledger, entry[0], pace, "", number, -wait))
            else:
                self.late(exchange, taken, entry[0], pace, number, wait, now)


@cython.final
cdef class Tells:
    """An on_response hook: tells of the limit with the fewest requests left, of those that Asks put into `room`."""

    cdef str room

    def __init__(self, str room not None):
        self.room = room

    def __call__(self, exchange, response, /):
        cdef dict state = get(exchange, STATE_OF)
        cdef list taken
        cdef int64_t left = 0, until = 0
        cdef Rate rate
        if state is None:
            return
        taken = state.get(self.room)
        rate = _least(taken, &left, &until) if taken else None
        if rate is not None:
            response.headers += rate.fields(left, until)
