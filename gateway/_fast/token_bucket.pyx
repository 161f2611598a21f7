"""Token buckets in memory that several processes map: GCRA (ITU-T I.371) on integers, without a lock.

A bucket is one entry of two words, [key | theoretical arrival time, "TAT"]: the monotonic nanosecond at which the
bucket is full again.  Both change together, by a 16-byte compare-and-swap, so a process killed at any instruction
leaves the old entry or the new one.  An absent key is a full bucket; TATs of the past are full buckets as well, and
only such an entry is given to another key: nobody's debt is forgiven.

    0       layout and capacity, seed of the hash, the last ticket, keys that had to share, 32 bytes free
    64      horizons, one word for each block (at least 128): the latest TAT that was ever given away in it
    ...     shared buckets, as many: TATs for keys whose block holds nothing but debts
    ...     entries, in blocks of 32; a key lies anywhere in its block

A new key enters in two steps, so that it never lies in its block twice: first [key | -ticket], a claim that owes
nothing and may be taken over by anyone; then, once a look at the WHOLE block after that saw no other entry of the key,
[key | TAT].  Of two claims the one that lies first stays.  Whoever meets a claim, its owner dead or not, goes on with
it.  Proof: of two that finish different claims, the one whose claim came later saw the other's claim, or its end.
What a key owed in a shared bucket, or before a time that went back, it owes in an entry of its own as well: a new
entry begins with the later of the block's horizon and its shared bucket.
NOTE: a shared bucket is one of a rate, so what a key owes there is forgotten when a reload changes its limit's rate.

PERF: a known key 0.03 us, refused or not; a new one 0.23 us; both with the call.
Bench: perf/micro/bench_token_bucket.py.
Oracle: tests/oracles/bucket_oracle.py.
"""

import os

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint64_t, uintptr_t

from gateway._fast.atomics cimport Memory, atom_add, atom_compare_and_set, atom_load
from gateway._fast.exchange_slots cimport STATE_OF, get, give

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline void atom_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
    /* NOTE: GCC makes a call to libatomic, which may lock, of __atomic_compare_exchange on 16 bytes. */
    #if defined(__x86_64__)
    static inline int pair_swap(int64_t *at, int64_t key, int64_t tat, int64_t new_key, int64_t new_tat) {
        unsigned char done;
        __asm__ __volatile__("lock cmpxchg16b %1"
            : "=@ccz"(done), "+m"(*(unsigned __int128 *) at), "+a"(key), "+d"(tat)
            : "b"(new_key), "c"(new_tat) : "memory");
        return done;
    }
    #elif defined(__aarch64__) || defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16)
    static inline int pair_swap(int64_t *at, int64_t key, int64_t tat, int64_t new_key, int64_t new_tat) {
        int64_t was[2] = {key, tat}, is[2] = {new_key, new_tat};
        unsigned __int128 old, new;
        memcpy(&old, was, 16);
        memcpy(&new, is, 16);
        return __sync_bool_compare_and_swap((unsigned __int128 *) at, old, new);
    }
    #else
    #error "this processor has no compare-and-swap of 16 bytes"
    #endif
    """
    void atom_fence() nogil
    # a full barrier
    bint pair_swap(int64_t *at, int64_t key, int64_t tat, int64_t new_key, int64_t new_tat) nogil

cdef enum:
    LAYOUT = 1  # raise it with any change of what is where, or of what it means
    BLOCK = 32
    WORDS_MIN = 128  # horizons, and shared buckets
    HEAD = 8  # words
    CLAIMS = 16  # how often a claim may be lost to other keys before a shared bucket serves
    TOP_MAX = 1000
    SECOND = 1000000000

cdef int64_t NANOS_MAX = (<int64_t> 1 << 61) - 1  # 73 years: a sum of three fits into a word
cdef int64_t CAPACITY_MAX = <int64_t> 1 << 32
cdef int64_t AGAIN = -(<int64_t> 1 << 62)


cdef struct Found:
    int64_t *entry  # of the key, NULL = none
    int64_t tat
    int64_t *spare  # what a new key may have: the longest full, NULL = none
    int64_t spare_key, spare_tat


cdef inline uint64_t _mixed(uint64_t word) noexcept nogil:
    """Every bit of the result depends on every bit of `word` (the finalizer of splitmix64)."""
    word = (word ^ word >> 30) * <uint64_t> 0xBF58476D1CE4E5B9
    word = (word ^ word >> 27) * <uint64_t> 0x94D049BB133111EB
    return word ^ word >> 31


cdef inline int64_t _later(int64_t one, int64_t other) noexcept nogil:
    return one if one > other else other


cdef int64_t _blocks_in(int64_t size) noexcept:
    cdef int64_t words = size // 8 - HEAD
    cdef int64_t blocks = words // (2 + 2 * BLOCK)
    if blocks <= WORDS_MIN:
        blocks = min(_later(words - 2 * WORDS_MIN, 0) // (2 * BLOCK), WORDS_MIN)
    return blocks


cdef inline void _raise_to(int64_t *word, int64_t value) noexcept nogil:
    cdef int64_t old = atom_load(word)
    while old < value and not atom_compare_and_set(word, old, value):
        old = atom_load(word)


cdef inline int64_t _given_back(int64_t tat, int64_t less, int64_t now) noexcept nogil:
    """A TAT after a refund: not before `now`, where the bucket is full."""
    return tat if tat <= now else _later(tat - less, now)


cdef int _check(int64_t interval_ns, int64_t tolerance_ns, int64_t cost, int64_t now_ns) except -1:
    if not 1 <= interval_ns <= NANOS_MAX:
        raise ValueError(f"an interval of {interval_ns} ns")
    if not 0 <= tolerance_ns <= NANOS_MAX:
        raise ValueError(f"a tolerance of {tolerance_ns} ns")
    if cost < 0:
        raise ValueError(f"a cost of {cost}")
    if not 0 <= now_ns <= NANOS_MAX:
        raise ValueError(f"a time of {now_ns} ns")
    return 0


include "token_bucket_rate.pxi"


@cython.final
cdef class Buckets:
    """Buckets by 64-bit keys in `size` bytes from byte `start` on: zeros, or what a process of this layout left.

    Every call names the bucket's shape: `interval_ns` for each unit of cost, and `tolerance_ns` = burst * interval_ns.
    Times are nanoseconds of CLOCK_MONOTONIC, which all processes of a host share; an older time never admits more.
    Raises ValueError for memory, keys (0) or numbers that cannot be.
    """

    cdef Memory memory
    cdef int64_t *words
    cdef readonly int64_t capacity
    cdef int64_t blocks, words_each
    cdef int64_t *entries
    cdef uint64_t seed

    def __cinit__(self, Memory memory not None, Py_ssize_t start, Py_ssize_t size):
        if start < 0 or size < 0 or start > memory.view.len - size:
            raise IndexError(f"no {size} bytes at byte {start} of {memory.view.len}")
        self.words = <int64_t *> (<char *> memory.view.buf + start)
        if <uintptr_t> self.words % 16:
            raise ValueError(f"byte {start} is not on a boundary of 16")
        self.blocks = _blocks_in(size)
        self.capacity = self.blocks * BLOCK
        self.words_each = _later(self.blocks, WORDS_MIN)
        self.entries = self.words + HEAD + 2 * self.words_each
        if not 0 < self.capacity <= CAPACITY_MAX:
            raise ValueError(f"{size} bytes hold no buckets; {Buckets.bytes_for(1)} are the least")
        self.memory = memory
        cdef int64_t layout = <int64_t> LAYOUT << 48 | self.capacity
        atom_compare_and_set(self.words, 0, layout)
        if atom_load(self.words) != layout:
            raise ValueError("the buckets have another layout")
        # SECURITY: nobody can choose keys that crowd one block without knowing this number.
        atom_compare_and_set(self.words + 1, 0, int.from_bytes(os.urandom(7), "little") + 1)
        self.seed = <uint64_t> atom_load(self.words + 1)

    @staticmethod
    def bytes_for(int64_t capacity):
        """Bytes for at least `capacity` buckets; they come in blocks of 32."""
        if not 0 < capacity <= CAPACITY_MAX:
            raise ValueError(f"a capacity of {capacity} buckets")
        cdef int64_t blocks = (capacity + BLOCK - 1) // BLOCK
        return 8 * (HEAD + 2 * _later(blocks, WORDS_MIN) + 2 * BLOCK * blocks)

    def take(self, uint64_t key, int64_t interval_ns, int64_t tolerance_ns, int64_t cost, int64_t now_ns):
        """Take `cost`: 0 = taken; above 0 = nothing is taken, so many ns are missing; -1 = never, it is above burst."""
        _check(interval_ns, tolerance_ns, cost, now_ns)
        self._check_key(key)
        if cost > tolerance_ns // interval_ns:
            return -1
        return _later(self._take(<int64_t> key, interval_ns, tolerance_ns, cost * interval_ns, now_ns), 0)

    def debit(self, uint64_t key, int64_t interval_ns, int64_t tolerance_ns, int64_t cost, int64_t now_ns):
        """Take `cost`, and tell what is left.

        At most 0: taken, and the bucket is full in so many ns (negated).  Above 0: nothing is taken, and so many ns are
        missing; for a cost above the burst as many as if it were not.
        """
        _check(interval_ns, tolerance_ns, cost, now_ns)
        self._check_key(key)
        cdef int64_t more = NANOS_MAX if cost > NANOS_MAX // interval_ns else cost * interval_ns
        return self._take(<int64_t> key, interval_ns, tolerance_ns, more, now_ns)

    def draw(self, uint64_t key, Rate rate not None, int64_t now_ns):
        """As `debit`, for what a request takes."""
        if not 0 <= now_ns <= NANOS_MAX:
            raise ValueError(f"a time of {now_ns} ns")
        self._check_key(key)
        return self._take(<int64_t> key, rate.interval, rate.tolerance, rate.units, now_ns)

    def charge(self, uint64_t key, int64_t interval_ns, int64_t cost, int64_t now_ns):
        """Take without asking, so that the bucket may be in debt; what is below 0 is given back.

        NOTE: a debt of more than 73 years stays as it is.
        """
        if cost < 0:
            self.give(key, interval_ns, -cost, now_ns)
            return
        _check(interval_ns, 0, cost, now_ns)
        self._check_key(key)
        cdef int64_t more = NANOS_MAX if cost > NANOS_MAX // interval_ns else cost * interval_ns
        self._take(<int64_t> key, interval_ns, NANOS_MAX, more, now_ns)

    def give(self, uint64_t key, int64_t interval_ns, int64_t cost, int64_t now_ns):
        """Give back what was taken.

        NOTE: what came from a shared bucket stays taken there, since it may by now be another key's.
        """
        _check(interval_ns, 0, cost, now_ns)
        self._check_key(key)
        cdef int64_t less = NANOS_MAX if cost > NANOS_MAX // interval_ns else cost * interval_ns
        cdef int64_t tat
        cdef Found found
        while self._find(<int64_t> key, now_ns, &found) and found.tat > now_ns:
            tat = _given_back(found.tat, less, now_ns)
            if pair_swap(found.entry, <int64_t> key, found.tat, <int64_t> key, tat):
                return

    def left(self, uint64_t key, int64_t interval_ns, int64_t tolerance_ns, int64_t now_ns):
        """(units that could be taken now, ns until the bucket is full)."""
        _check(interval_ns, tolerance_ns, 0, now_ns)
        self._check_key(key)
        cdef Found found
        self._find(<int64_t> key, now_ns, &found)
        cdef int64_t debt = _later(self._start(<int64_t> key, interval_ns, &found) - now_ns, 0)
        return ((tolerance_ns - debt) // interval_ns if debt < tolerance_ns else 0), debt

    def reset(self, uint64_t key):
        """Make a bucket full by forgetting it; whether there was one of the key's own."""
        self._check_key(key)
        cdef Found found
        while self._find(<int64_t> key, 0, &found):
            if pair_swap(found.entry, <int64_t> key, found.tat, 0, 0):
                return True
        return False

    def top(self, Py_ssize_t limit, int64_t now_ns):
        """(key, TAT) of those that owe the most time, at most `limit` and 1,000, the latest first."""
        limit = min(limit, TOP_MAX)
        if limit <= 0:
            return []
        cdef int64_t *best = <int64_t *> PyMem_Malloc(16 * limit)
        if best == NULL:
            raise MemoryError()
        try:
            found = self._top(best, limit, now_ns)
            return [(<uint64_t> best[2 * at], best[2 * at + 1]) for at in range(found)]
        finally:
            PyMem_Free(best)

    def owing(self, int64_t now_ns):
        """How many buckets are not full, so that no other key may have them."""
        cdef int64_t at, count = 0
        for at in range(self.capacity):
            count += atom_load(self.entries + 2 * at + 1) > now_ns
        return count

    @property
    def used(self):
        """How many entries hold a key, that of a full bucket included."""
        cdef int64_t at, count = 0
        for at in range(self.capacity):
            count += atom_load(self.entries + 2 * at) != 0
        return count

    @property
    def overflowed(self):
        """How often a key had to take from a shared bucket, since its block held nothing but debts."""
        return atom_load(self.words + 3)

    cdef int _check_key(self, uint64_t key) except -1:
        if not key:
            raise ValueError("a key of 0")
        return 0

    cdef inline uint64_t _hash(self, int64_t key) noexcept nogil:
        return _mixed(<uint64_t> key ^ self.seed)

    cdef inline int64_t _block(self, int64_t key) noexcept nogil:
        return <int64_t> ((self._hash(key) >> 8) % <uint64_t> self.blocks)

    cdef inline int64_t *_horizon(self, int64_t key) noexcept nogil:
        return self.words + HEAD + self._block(key)

    cdef inline int64_t *_shared(self, int64_t key, int64_t interval) noexcept nogil:
        """The bucket for a key without an entry; limits of different rates seldom meet in one."""
        cdef uint64_t number = _mixed(<uint64_t> (interval ^ self._block(key) << 32)) % <uint64_t> self.words_each
        return self.words + HEAD + self.words_each + number

    cdef int64_t _start(self, int64_t key, int64_t interval, Found *found) noexcept nogil:
        """The TAT of what was found; without an entry (read after it was not found), what the key may owe."""
        if found.entry != NULL and found.tat >= 0:
            return found.tat
        return _later(atom_load(self._horizon(key)), atom_load(self._shared(key, interval)))

    cdef bint _look(self, int64_t key, int64_t now, Found *found) noexcept nogil:
        """One look at a key's block, from where the key is likely on; False when it changed meanwhile."""
        cdef uint64_t home = self._hash(key)
        cdef int64_t *block = self.entries + 2 * BLOCK * self._block(key)
        cdef int64_t *entry
        cdef int64_t held, tat, number
        found.entry = found.spare = NULL
        for number in range(BLOCK):
            entry = block + 2 * ((home + <uint64_t> number) % BLOCK)
            held, tat = atom_load(entry), atom_load(entry + 1)
            if held != key:
                if tat <= now and (
                    found.spare == NULL or tat < found.spare_tat or (tat == found.spare_tat and held < found.spare_key)
                ):
                    found.spare, found.spare_key, found.spare_tat = entry, held, tat
            elif tat >= 0:
                found.entry, found.tat = entry, tat
                return atom_load(entry) == key  # else the time may be that of another key
            elif found.entry == NULL:
                found.entry, found.tat = entry, tat
            elif found.entry < entry:
                pair_swap(entry, key, tat, 0, 0)
                return False
            else:
                pair_swap(found.entry, key, found.tat, 0, 0)
                return False
        return True

    cdef bint _find(self, int64_t key, int64_t now, Found *found) noexcept nogil:
        """Look until all stands still; whether the key has an entry that is more than a claim."""
        while not self._look(key, now, found):
            pass
        return found.entry != NULL and found.tat >= 0

    cdef int64_t _take(
        self, int64_t key, int64_t interval, int64_t tolerance, int64_t more, int64_t now
    ) noexcept nogil:
        """As `debit`."""
        cdef int64_t *claim = NULL
        cdef int64_t ticket = 0, claims = 0, tat, wait
        cdef Found found
        while True:
            if not self._look(key, now, &found):
                continue
            tat = _later(self._start(key, interval, &found), now) + more
            wait = tat - now - tolerance
            if not more:
                return wait if wait > 0 else now - tat
            if found.entry == NULL and (found.spare == NULL or claims == CLAIMS):
                wait = self._take_shared(key, interval, tolerance, more, now)
                if wait != AGAIN:
                    return wait
            elif wait > 0:
                return wait
            elif found.entry == NULL:
                claims += 1
                claim, ticket = found.spare, -atom_add(self.words + 2, 1)
                _raise_to(self._horizon(key), found.spare_tat)  # before it is lost
                pair_swap(claim, found.spare_key, found.spare_tat, key, ticket)
            elif found.tat < 0 and (found.entry != claim or found.tat != ticket):
                claim, ticket = found.entry, found.tat  # another's: it counts from the next look on
            elif pair_swap(found.entry, key, found.tat, key, tat):
                return now - tat

    cdef int64_t _take_shared(
        self, int64_t key, int64_t interval, int64_t tolerance, int64_t more, int64_t now
    ) noexcept nogil:
        """Take from the shared bucket, unless the key got an entry meanwhile: then AGAIN, and nothing is taken."""
        cdef int64_t *word = self._shared(key, interval)
        cdef int64_t old, tat
        cdef Found found
        while True:
            old = atom_load(word)
            tat = _later(_later(old, atom_load(self._horizon(key))), now) + more
            if tat - now > tolerance:
                atom_add(self.words + 3, 1)
                return tat - now - tolerance
            if atom_compare_and_set(word, old, tat):
                break
        # A claim is made before this word is read for it: either it sees what was taken, or its claim is seen here.
        atom_fence()
        self._find(key, now, &found)
        if found.entry == NULL:
            atom_add(self.words + 3, 1)
            return now - tat
        old = atom_load(word)
        while not atom_compare_and_set(word, old, _given_back(old, more, now)):
            old = atom_load(word)
        return AGAIN

    cdef Py_ssize_t _top(self, int64_t *best, Py_ssize_t limit, int64_t now) noexcept nogil:
        """Fill `best` with pairs, in order; how many."""
        cdef Py_ssize_t found = 0, at
        cdef int64_t number, key, tat
        cdef int64_t *entry
        for number in range(self.capacity):
            entry = self.entries + 2 * number
            key, tat = atom_load(entry), atom_load(entry + 1)
            if not key or tat <= now or (found == limit and tat <= best[2 * limit - 1]) or atom_load(entry) != key:
                continue
            at = found if found < limit else limit - 1
            found = at + 1
            while at and best[2 * at - 1] < tat:
                best[2 * at], best[2 * at + 1] = best[2 * at - 2], best[2 * at - 1]
                at -= 1
            best[2 * at], best[2 * at + 1] = key, tat
        return found


include "token_bucket_asks.pxi"
