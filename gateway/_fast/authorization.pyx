"""What a request with a known credential costs: finding the credential, what is known of it, and what it may do.

PERF: a token of 800 characters is read in 0.3 us and found in 0.15; a rule of a scope, a role and a claim is checked in
0.08, in 0.15 with a path parameter.  Bench: perf/micro/bench_authorization.py.  Oracle: tests/oracles/claims_oracle.py.
"""

cimport cython

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void *PyUnicode_DATA(object text)


# -- Authorization ----------------------------------------------------------------------------------------------------

cdef unsigned char[256] _token68      # characters of a token68 but for "=" (RFC 9110 section 11.2)
cdef unsigned char[256] _scheme       # characters of a token (RFC 9110 section 5.6.2)


cdef int _fill() except -1:
    cdef int letter
    for letter in range(256):
        is_word = chr(letter).isalnum() and letter < 128
        _token68[letter] = is_word or letter in b"-._~+/"
        _scheme[letter] = is_word or letter in b"!#$%&'*+-.^_`|~"
    return 0


_fill()


cdef bint _all_token68(str text, Py_ssize_t at):
    """Whether `text` from `at` on is one token68."""
    cdef Py_ssize_t size = len(text), start = at
    cdef const unsigned char *data = <const unsigned char *>PyUnicode_DATA(text)
    if PyUnicode_KIND(text) != 1:
        return False
    while at < size and _token68[data[at]]:
        at += 1
    if at == start:
        return False
    while at < size and data[at] == c"=":
        at += 1
    return at == size


def is_token68(str text not None):
    """Whether a text has the form of a credential (RFC 9110 section 11.2)."""
    return _all_token68(text, 0)


def bearer(str value not None):
    """Return the token of an Authorization field (RFC 6750 section 2.1); None for another scheme, "" for a bad form."""
    cdef Py_ssize_t at = 6, size = len(value)
    cdef const unsigned char *data = <const unsigned char *>PyUnicode_DATA(value)
    cdef Py_ssize_t each
    if size < 6 or PyUnicode_KIND(value) != 1:
        return None
    for each in range(6):
        if (data[each] | 0x20) != b"bearer"[each]:
            return None
    if size == 6:
        return ""
    if data[6] != c" ":
        return None if _scheme[data[6]] else ""
    while at < size and data[at] == c" ":
        at += 1
    return value[at:] if _all_token68(value, at) else ""


# -- what is known of tokens ------------------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class _Entry:
    cdef str token
    cdef object payload
    cdef double until
    cdef long long epoch, revoked
    cdef Py_ssize_t at
    cdef bint is_used


@cython.final
cdef class TokenCache:
    """What is known of tokens that were verified, by the whole token; bounded in entries and in characters of tokens.

    SECURITY: what one provider believes says nothing to another: `epoch` stands for everything that a token was held
    against, `revoked` for the revocation list when it was checked.  `until` is Unix seconds.

    What was not asked for since the hand came by last goes first (CLOCK), so that tokens which come once, however
    many, do not drive out those in use.
    """

    cdef object __weakref__
    cdef dict entries
    cdef list ring
    cdef Py_ssize_t hand, capacity, room, held

    def __cinit__(self, Py_ssize_t capacity, Py_ssize_t characters=8 << 20):
        if capacity < 1 or characters < 1:
            raise ValueError("a cache has room for one token at least")
        self.capacity, self.room = capacity, characters
        self.entries, self.ring = {}, []

    def __len__(self):
        return len(self.ring)

    @property
    def characters(self):
        """How long all its tokens are together."""
        return self.held

    def get(self, str token not None, double now, long long epoch, long long revoked):
        """Return what is known of a token; None once it ended or the keys or the revocation list are others."""
        cdef _Entry entry = self.alive(token, now, epoch)
        return None if entry is None or entry.revoked != revoked else entry.payload

    def known(self, str token not None, double now, long long epoch):
        """Return the same whatever was revoked since; who asks checks that."""
        cdef _Entry entry = self.alive(token, now, epoch)
        return None if entry is None else entry.payload

    def put(self, str token not None, payload not None, double until, long long epoch, long long revoked):
        """Remember a token that was verified; one that is longer than all the room is not."""
        cdef _Entry entry = <_Entry>self.entries.get(token)
        if entry is None:
            if len(token) > self.room:
                return
            entry = _Entry.__new__(_Entry)
            entry.token = token
            self.add(entry)
        entry.payload, entry.until, entry.epoch, entry.revoked = payload, until, epoch, revoked

    def drop(self, str token not None):
        """Forget a token."""
        cdef _Entry entry = <_Entry>self.entries.get(token)
        if entry is not None:
            self.remove(entry)

    cdef _Entry alive(self, str token, double now, long long epoch):
        cdef _Entry entry = <_Entry>self.entries.get(token)
        if entry is None:
            return None
        if not now < entry.until or entry.epoch != epoch:
            self.remove(entry)
            return None
        entry.is_used = True
        return entry

    cdef int add(self, _Entry entry) except -1:
        """Make room and put an entry in, just behind the hand if that had to move: it comes by there last."""
        cdef Py_ssize_t at = -1
        cdef _Entry other
        while len(self.ring) >= self.capacity or self.held + len(entry.token) > self.room:
            at = self.evict()
        entry.at = len(self.ring)
        self.ring.append(entry)
        if 0 <= at < entry.at:
            other = <_Entry>self.ring[at]
            other.at, entry.at = entry.at, at
            self.ring[at], self.ring[other.at] = entry, other
        self.entries[entry.token] = entry
        self.held += len(entry.token)
        return 0

    cdef Py_ssize_t evict(self) except -1:
        """Throw one out; its place."""
        cdef _Entry entry
        cdef Py_ssize_t at
        while True:
            if self.hand >= len(self.ring):
                self.hand = 0
            at = self.hand
            self.hand += 1
            entry = <_Entry>self.ring[at]
            if not entry.is_used:
                self.remove(entry)
                return at
            entry.is_used = False

    cdef int remove(self, _Entry entry) except -1:
        """Take an entry out; the last of the ring takes its place."""
        cdef _Entry last = <_Entry>self.ring.pop()
        if last is not entry:
            self.ring[entry.at] = last
            last.at = entry.at
        self.held -= len(entry.token)
        del self.entries[entry.token]
        return 0


# -- what a caller may do ---------------------------------------------------------------------------------------------

cdef int EQUALS = 0, ONE_OF = 1, PREFIX = 2
cdef dict KINDS = {"equals": EQUALS, "one_of": ONE_OF, "prefix": PREFIX}


cdef object _get(object claims, str name):
    if type(claims) is dict:
        return (<dict>claims).get(name)
    return claims.get(name) if isinstance(claims, Mapping) else None


cdef bint _same(object wanted, object value):
    """Whether two values of JSON are one; a number is no text, and true is not 1."""
    if type(wanted) is bool or type(value) is bool:
        return wanted is value
    if type(wanted) is str or type(value) is str:
        return type(wanted) is type(value) and wanted == value
    return (type(value) is int or type(value) is float) and wanted == value


cdef str _render(tuple template, object params):
    """The text of a template; None when a parameter is missing or empty, or no text.

    SECURITY: compared is what the path says, decoded once; a parameter that is not there is like no claim.
    """
    cdef str text = "", value
    for piece in template:
        if type(piece) is str:
            text += <str>piece
            continue
        value = None if params is None else params.get((<tuple>piece)[0])
        if not value:
            return None
        if "%" in value or not value.isascii():
            try:
                value = unquote_to_bytes(value.encode("latin-1")).decode()
            except UnicodeError:
                return None
        text += value
    return text


@cython.final
cdef class _Condition:
    """What one claim must be."""

    cdef tuple path
    cdef str name
    cdef int kind
    cdef tuple values, templates

    def __cinit__(self, tuple path not None, str kind not None, tuple values not None):
        if not path or not values or kind not in KINDS:
            raise ValueError("a condition has a claim, one of equals, one_of and prefix, and a value")
        self.path, self.name, self.kind = path, ".".join(path), KINDS[kind]
        self.values = tuple([value for value in values if type(value) is not tuple])
        self.templates = tuple([value for value in values if type(value) is tuple])
        if self.kind == PREFIX and not all([value and type(value) is str for value in self.values]):
            raise ValueError("a prefix is text and not empty")

    cdef bint holds(self, object claims, object params) except -1:
        cdef object value = self.find(claims)
        cdef list wanted = []
        if value is None:
            return False
        if self.templates:
            wanted = [text for template in self.templates if (text := _render(template, params)) is not None]
        if self.kind == PREFIX:
            return type(value) is str and self.begins(<str>value, wanted)
        if type(value) is list or type(value) is tuple:
            for each in value:
                if self.is_one(each, wanted):
                    return True
            return False
        return self.is_one(value, wanted)

    cdef object find(self, object claims):
        """The claim: a name with dots in it, or else a path of names."""
        cdef object value
        if len(self.path) > 1:
            value = _get(claims, self.name)
            if value is not None:
                return value
        for name in self.path:
            claims = _get(claims, <str>name)
            if claims is None:
                return None
        return claims

    cdef bint is_one(self, object value, list rendered) except -1:
        for wanted in self.values:
            if _same(wanted, value):
                return True
        for wanted in rendered:
            if _same(wanted, value):
                return True
        return False

    cdef bint begins(self, str value, list rendered) except -1:
        for wanted in self.values:
            if value.startswith(<str>wanted):
                return True
        for wanted in rendered:
            if value.startswith(<str>wanted):
                return True
        return False


@cython.final
cdef class Rule:
    """What a route asks of its callers: all `scopes`, any of `roles` (none = none needed), and every one of `claims`.

    A claim is (path, kind, values); a value that is a tuple is a template of path parameters, its pieces texts and,
    for a parameter, (name,).  A claim that is a list is equal where any of its elements is.
    """

    cdef tuple scopes
    cdef frozenset roles
    cdef tuple conditions

    def __cinit__(self, tuple scopes not None, frozenset roles not None, tuple claims not None):
        self.scopes, self.roles = scopes, roles
        self.conditions = tuple([_Condition(*claim) for claim in claims])

    def check(self, frozenset scopes not None, frozenset roles not None, claims not None, params=None):
        """Return 0 for a caller who may, else which part fails first: 1 scopes, 2 roles, 3 and on the claims."""
        cdef Py_ssize_t at
        cdef _Condition condition
        if self.scopes:
            for scope in self.scopes:
                if scope not in scopes:
                    if "*" in scopes:
                        break
                    return 1
        if self.roles and self.roles.isdisjoint(roles):
            return 2
        for at in range(len(self.conditions)):
            condition = <_Condition>self.conditions[at]
            if not condition.holds(claims, params):
                return 3 + at
        return 0

    def missing(self, frozenset scopes not None, frozenset roles not None, claims not None, params=None):
        """Return words for what a caller lacks, all of it; "" for who may. They say nothing of what the caller has."""
        cdef _Condition condition
        cdef list words = []
        lacking = [] if "*" in scopes else [scope for scope in self.scopes if scope not in scopes]
        if lacking:
            words.append(("the scope " if len(lacking) == 1 else "the scopes ") + ", ".join(lacking))
        if self.roles and self.roles.isdisjoint(roles):
            listed = sorted(self.roles)
            words.append(f"the role {listed[0]}" if len(listed) == 1 else f"one of the roles {', '.join(listed)}")
        for condition in self.conditions:
            if not condition.holds(claims, params):
                words.append(f"a claim {condition.name} that may do this")
        return "; ".join(words)
