"""The last requests that failed, and the clients that ask most, in memory that several processes map.

Each worker writes into a column of its own, so there is one writer; a word before each record is odd while it is
written, and a reader leaves out what is, or what changed while it was read.

    0      layout and slots, columns in use, 48 bytes free
    64     1 + slots columns:
             how many failures there were of each sort, how many samples, 40 bytes free
             32 records of answers of 500 and above, 32 of other errors: nobody can push the former out by asking for
             what is not there
             64 entries of clients

Clients are counted by every 16th request, on average, by "space saving" (Metwally, Agrawal, Abbadi 2005): who is not
among the 64 takes the place of the one seen least and counts on from there, so who is seen often is always among them.
After each 4,096 samples all counts are halved.

Oracle: tests/oracles/meter_oracle.py.
"""

cimport cython
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from gateway._fast.atomics cimport Memory, atom_compare_and_set, atom_load, atom_store

cdef extern from *:
    """
    static inline void read_fence(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
    """
    void read_fence() nogil

cdef enum:
    LAYOUT = 1
    HEAD = 64
    RING = 32
    RECORD = 384
    TEXTS = 5
    CLIENTS = 64
    CLIENT = 64
    ADDRESS = 48  # an IPv6 address has at most 45 characters
    CLIENTS_AT = 64 + 2 * 32 * 384
    COLUMN = 64 + 2 * 32 * 384 + 64 * 64
    TICKS = 16
    HALVED_AFTER = 4096

EVERY, KEPT, ENTRIES, SAMPLES = TICKS, RING, CLIENTS, HALVED_AFTER

#: bytes that are kept of: request id, method, route, upstream, error
cdef Py_ssize_t[TEXTS] _LONGEST = [128, 16, 80, 80, 48]

cdef struct Record:
    int64_t turn
    int64_t at  # microseconds
    int status
    unsigned char[8] lengths
    char[360] text


cdef inline int64_t _begin(int64_t *turn) noexcept nogil:
    """Make a turn odd; the one before it, -1 when somebody is at it."""
    cdef int64_t now = atom_load(turn)
    return now if not now & 1 and atom_compare_and_set(turn, now, now + 1) else -1


@cython.final
cdef class Recent:
    """What all workers saw lately, as one process sees it. A worker calls `claim` once it has a slot."""

    def __cinit__(self, Memory memory not None, int slots):
        if memory.view.len < self.bytes_for(slots):
            raise ValueError(f"{slots} slots take {self.bytes_for(slots)} bytes, here are {memory.view.len}")
        cdef int64_t word = <int64_t> LAYOUT << 48 | slots
        self.memory, self.slots = memory, slots
        self.head = <int64_t *> memory.view.buf
        if not atom_compare_and_set(self.head, 0, word) and atom_load(self.head) != word:
            raise ValueError("what was seen lately here has another layout or size")
        self.dice = <uint32_t> 0x9E3779B9
        self._use(0)

    @staticmethod
    def bytes_for(int slots):
        """Bytes of it; memory is used for columns in use only."""
        return HEAD + (1 + <Py_ssize_t> slots) * COLUMN

    def claim(self, int slot):
        """Write into the column of a slot; what its last owner was killed in the middle of is forgotten."""
        cdef int number
        cdef int64_t *turn
        if not 0 <= slot < self.slots:
            raise IndexError(f"no slot {slot} of {self.slots}")
        self._use(1 + slot)
        for number in range(2 * RING + CLIENTS):
            turn = <int64_t *> (self.place + 64 + number * RECORD)
            if number >= 2 * RING:
                turn = <int64_t *> (self.place + CLIENTS_AT + (number - 2 * RING) * CLIENT)
            if atom_load(turn) & 1:
                turn[1] = 0
                atom_store(turn, atom_load(turn) + 1)
        self.dice = <uint32_t> ((<int64_t> slot * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF)

    def release(self):
        """Before the slot is given back."""
        self._use(0)

    def note(self, exchange, double wall, str route, int status, error, /):
        """Keep a request that failed."""
        self.failure(exchange, wall, route, status, error)

    def see(self, str address not None, /):
        """Count a client; what is no address is left out."""
        cdef Py_ssize_t length
        cdef const char *text = PyUnicode_AsUTF8AndSize(address, &length)
        cdef char[ADDRESS] padded
        if 0 < length < ADDRESS:
            memset(padded, 0, ADDRESS)
            memcpy(padded, text, length)
            self._count(padded)

    def failures(self):
        """(wall clock, request id, method, route, upstream, status, error) of each record, in no order."""
        cdef int64_t column
        cdef int number
        cdef Record copy
        found = []
        for column in range(min(atom_load(self.head + 1), <int64_t> self.slots + 1)):
            for number in range(2 * RING):
                if _copied(self._column(column) + 64 + number * RECORD, &copy, sizeof(Record)) and copy.at:
                    found.append(_shown(&copy))
        return found

    def clients(self):
        """Address -> about how many requests, since the counts were halved."""
        cdef int64_t column
        cdef int number
        cdef int64_t[8] copy  # CLIENT bytes
        found = {}
        for column in range(min(atom_load(self.head + 1), <int64_t> self.slots + 1)):
            for number in range(CLIENTS):
                if _copied(self._column(column) + CLIENTS_AT + number * CLIENT, copy, CLIENT) and copy[1]:
                    address = (<char *> (copy + 2))[:ADDRESS].rstrip(b"\0").decode("utf-8", "replace")
                    found[address] = found.get(address, 0) + copy[1] * TICKS
        return found

    def _use(self, int column):
        cdef int64_t live = atom_load(self.head + 1)
        while live <= column and not atom_compare_and_set(self.head + 1, live, column + 1):
            live = atom_load(self.head + 1)
        self.column, self.place = column, self._column(column)

    cdef char *_column(self, int column) noexcept nogil:
        return <char *> self.head + HEAD + <Py_ssize_t> column * COLUMN

    cdef int client(self, exchange) except -1:
        """Count the client of one request in sixteen.

        NOTE: by chance, because of clients that take turns every 16th would be always the same one.
        """
        self.dice = self.dice * <uint32_t> 1664525 + <uint32_t> 1013904223
        if not self.dice >> 28:
            self.see(exchange.client)
        return 0

    cdef int failure(self, exchange, double wall, str route, int status, error) except -1:
        cdef int sort = 0 if status >= 500 else 1
        cdef int64_t *seen = <int64_t *> self.place + sort
        cdef int64_t number = atom_load(seen)
        cdef Record *record = <Record *> (self.place + 64 + (sort * RING + number % RING) * RECORD)
        cdef Py_ssize_t length, at = 0
        cdef int which
        cdef const char *text
        texts = (exchange.request_id, exchange.method, route, exchange.upstream or "", error or "")
        cdef int64_t turn = _begin(&record.turn)
        atom_store(seen, number + 1)
        if turn < 0:
            return 0
        try:
            record.at, record.status = <int64_t> (wall * 1e6), status
            for which in range(TEXTS):
                text = PyUnicode_AsUTF8AndSize(<str?> texts[which], &length)
                length = min(length, _LONGEST[which])
                memcpy(record.text + at, text, length)
                record.lengths[which] = <unsigned char> length
                at += length
        except BaseException:
            record.at = 0
            raise
        finally:
            atom_store(&record.turn, turn + 2)
        return 0

    cdef void _count(self, const char *address) noexcept nogil:
        cdef int64_t *entry
        cdef int64_t *least = NULL
        cdef int64_t turn
        cdef int number
        for number in range(CLIENTS):
            entry = <int64_t *> (self.place + CLIENTS_AT + number * CLIENT)
            if entry[1] and memcmp(entry + 2, address, ADDRESS) == 0:
                atom_store(entry + 1, entry[1] + 1)
                break
            if least == NULL or entry[1] < least[1]:
                least = entry
        else:
            turn = _begin(least)
            if turn >= 0:
                memcpy(least + 2, address, ADDRESS)
                least[1] += 1
                atom_store(least, turn + 2)
        entry = <int64_t *> self.place + 2
        atom_store(entry, entry[0] + 1)
        if entry[0] >= HALVED_AFTER:
            atom_store(entry, 0)
            self._halve()

    cdef void _halve(self) noexcept nogil:
        cdef int64_t *entry
        cdef int number
        for number in range(CLIENTS):
            entry = <int64_t *> (self.place + CLIENTS_AT + number * CLIENT)
            atom_store(entry + 1, entry[1] // 2)


cdef bint _copied(char *place, void *into, Py_ssize_t size) noexcept nogil:
    """Whether a record could be copied whole."""
    cdef int64_t turn = atom_load(<int64_t *> place)
    if turn & 1:
        return False
    memcpy(into, place, size)
    read_fence()
    return atom_load(<int64_t *> place) == turn


cdef tuple _shown(Record *record):
    cdef Py_ssize_t at = 0
    cdef int which
    texts = []
    for which in range(TEXTS):
        texts.append(record.text[at:at + record.lengths[which]].decode("utf-8", "replace"))
        at += record.lengths[which]
    return record.at * 1e-6, texts[0], texts[1], texts[2], texts[3], record.status, texts[4]
