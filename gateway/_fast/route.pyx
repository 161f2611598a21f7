"""The route matcher: an immutable table that finds the most specific route of a request.

Routes hang in one tree per host pattern; a tree branches by path segment.  A walk goes depth first, the more specific
branch first, and turns back where a route fails on method, header or query, so the first route that takes the request
in every respect is the most specific one.  Paths are compared as UTF-8 bytes, literals by hash.

`match`, the search for the methods of a 405 and `explain` are one walk: a Walk says what is collected on the way.
"""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8, PyUnicode_FindChar
from libc.stdint cimport uint32_t
from libc.string cimport memchr, memcmp

from collections import namedtuple
from urllib.parse import unquote_plus

__all__ = ["RouteSpec", "Table", "Verdict", "build", "template"]

RouteSpec = namedtuple(
    "RouteSpec", "payload path methods hosts headers query priority", defaults=((), (), (), (), 0)
)
Verdict = namedtuple("Verdict", "payload aspect detail")

cdef enum Fate:  # what became of a route whose host and path took the request
    TAKEN, METHOD, HEADER, QUERY

WANTED = {UUID: "a uuid", INT: "an int", DT: "a date or date-time", FLOAT: "a float",
          UNTYPED: "a non-empty segment", REST: "a rest"}
cdef int BREATH = 500    # nodes between two calls of `pause`
UNROUTABLE = frozenset(("CONNECT", "TRACE"))
# What a route without `methods` shows in the Allow of a 405, which only CONNECT and TRACE can get from it.
ANY_METHOD = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
ASPECTS = ("host", "path", "method", "header", "query", "less specific", "priority")
CLOSEST = 10
NOT_FOUND = (None, ())

include "route_template.pxi"


# ---------------------------------------------------------------- routes

@cython.final
cdef class Route:
    """One route under one of its host patterns."""
    cdef object spec, payload
    cdef str host              # pattern, None for any
    cdef tuple shape           # ((kind, literal or ""), ...)
    cdef tuple names           # per segment its parameter or None, up to the last parameter; None without any
    cdef bint has_rest
    cdef frozenset methods     # None for any but CONNECT and TRACE
    cdef tuple headers         # ((environ key, value or "*", name as written), ...)
    cdef tuple query           # ((name, value or "*", name), ...)
    cdef tuple condition_rank  # smaller is more specific
    cdef tuple rank

    def __init__(self, spec, host):
        self.spec = spec
        self.payload, path, methods, _, headers, query, priority = spec
        self.host = host
        segments = template(path)
        self.shape = tuple([(LITERAL, text) if kind == "literal" else (KINDS[kind], "") for kind, text in segments])
        names = [None if kind == "literal" else text for kind, text in segments]
        while names and names[len(names) - 1] is None:
            names.pop()
        self.names = tuple(names) or None
        self.has_rest = self.shape[len(self.shape) - 1][0] == REST
        if not UNROUTABLE.isdisjoint(methods):
            raise ValueError("CONNECT and TRACE are not routed")
        self.methods = frozenset(methods) if methods else None
        self.headers = tuple([(_environ_key(name), _as_on_the_wire(value), name) for name, value in sorted(headers)])
        self.query = tuple([(name, value, name) for name, value in sorted(query)])
        conditions = self.headers + self.query
        valued = len([value for _, value, _ in conditions if value != "*"])
        self.condition_rank = (self.methods is None, -len(conditions), -valued)
        # NOTE: what follows the priority decides only between routes that no request without a repeated query name
        # can both match (gateway/config/route_conflicts.py), and makes the choice independent of the routes' order.
        self.rank = (*_host_rank(host), self.shape, *self.condition_rank, -priority,
                     self.headers, self.query, sorted(methods))

    cdef Py_ssize_t length(self):
        return len(self.shape)

    cdef dict params(self, str path, tuple raw):
        """The parameters as they came: from the raw segments where they differ from the canonical ones."""
        cdef Py_ssize_t size, last, i = 0
        cdef const char* at
        cdef const char* end
        cdef const char* stop
        cdef dict found
        if self.names is None:
            return None
        found = {}
        last = len(self.names) - 1
        if raw is not None:
            for name in self.names:
                if name is not None:
                    found[name] = "/".join(raw[i:]) if self.has_rest and i == last else raw[i]
                i += 1
            return found
        at = PyUnicode_AsUTF8AndSize(path, &size)
        end = at + size
        for name in self.names:
            at += 1
            stop = NULL
            if not (self.has_rest and i == last):
                stop = <const char*>memchr(at, c'/', end - at)
            if stop is NULL:
                stop = end
            if name is not None:
                found[name] = PyUnicode_DecodeUTF8(at, stop - at, NULL)
            at = stop
            i += 1
        return found


def _host_rank(host):
    """Exact hosts, then wildcards, those with more labels (so more bytes) first, then any host."""
    if host is None:
        return (2, 0, "")
    return (1, -len(host), host) if host.startswith("*.") else (0, 0, host)


def _environ_key(str name):
    """The WSGI key of a header (PEP 3333)."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key


def _as_on_the_wire(str value):
    """A header value as PEP 3333 shows it: its UTF-8 bytes read as latin-1."""
    return value.encode().decode("latin-1")


# ---------------------------------------------------------------- the tree

cdef struct Slot:  # of a hash table with open addressing; text and child are owned by Node.literals
    uint32_t hashed
    Py_ssize_t size
    const char* text
    PyObject* child


@cython.final
cdef class Node:
    """What may follow one prefix of segments."""
    cdef int kind              # of the segment that leads here
    cdef int depth             # segments before here
    cdef object wanted         # that segment, for explain: bytes of a literal, else None
    cdef dict literals         # bytes -> Node
    cdef Slot* slots           # the same, for the walk; made by freeze
    cdef uint32_t mask
    cdef tuple typed           # children by typed and untyped segments, most specific first
    cdef tuple leaves          # routes that end here, in rank order
    cdef tuple rests           # routes whose rest begins here, in rank order

    def __cinit__(self, int kind=LITERAL, int depth=0, wanted=None):
        self.kind, self.depth, self.wanted = kind, depth, wanted
        self.literals = {}
        self.typed = self.leaves = self.rests = ()

    def __dealloc__(self):
        PyMem_Free(self.slots)

    cdef Node child(self, int kind, str text):
        """The child by one segment, made when it is not there."""
        cdef Node node
        if kind == LITERAL:
            key = text.encode()
            return self.literals.setdefault(key, Node(kind, self.depth + 1, key))
        for node in self.typed:
            if node.kind == kind:
                return node
        node = Node(kind, self.depth + 1, None)
        self.typed = tuple(sorted((*self.typed, node), key=_kind_of))
        return node

    cdef freeze(self, pause):
        """Sort the routes and make the hash table, here and below."""
        cdef Py_ssize_t size = 2, done = 0
        cdef Node node
        self.leaves = tuple(sorted(self.leaves, key=_rank_of))
        self.rests = tuple(sorted(self.rests, key=_rank_of))
        for node in (*self.literals.values(), *self.typed):
            node.freeze(pause)
            done += 1
            if not done % BREATH:
                pause()
        if not self.literals:
            return
        while size < 2 * len(self.literals):
            size *= 2
        self.slots = <Slot*>PyMem_Calloc(size, sizeof(Slot))
        if self.slots is NULL:
            raise MemoryError()
        self.mask = size - 1
        for key, node in self.literals.items():
            self.place(key, node)

    cdef place(self, bytes key, Node node):
        """Put a literal child into the first free slot."""
        cdef const char* text = key
        cdef Py_ssize_t size = len(key)
        cdef uint32_t hashed
        segment(text, text + size, &hashed)
        i = hashed & self.mask
        while self.slots[i].child is not NULL:
            i = (i + 1) & self.mask
        self.slots[i] = Slot(hashed, size, text, <PyObject*>node)


def _kind_of(Node node):
    return node.kind


def _rank_of(Route route):
    return route.rank


cdef inline const char* segment(const char* at, const char* end, uint32_t* hashed) noexcept:
    """The end of the segment that begins at `at`, and its hash (FNV-1a)."""
    cdef uint32_t value = 2166136261u
    while at < end and at[0] != c'/':
        value = (value ^ <unsigned char>at[0]) * 16777619u
        at += 1
    hashed[0] = value
    return at


cdef inline Node literal(Node node, uint32_t hashed, const char* text, Py_ssize_t size):
    """The child by a literal segment, or None."""
    cdef Slot* slot
    cdef uint32_t i = hashed & node.mask
    if node.slots is NULL:
        return None
    while node.slots[i].child is not NULL:
        slot = &node.slots[i]
        if slot.hashed == hashed and slot.size == size and memcmp(slot.text, text, size) == 0:
            return <Node>slot.child
        i = (i + 1) & node.mask
    return None


# ---------------------------------------------------------------- the walk

cdef class Search


@cython.final
@cython.freelist(8)
cdef class Walk:
    """One request on its way through the table, and what is collected."""
    cdef str host, method, query
    cdef dict environ
    cdef dict fields           # the query decoded: name -> [values]; None until a route asks
    cdef tuple missed          # the condition that failed last
    cdef bint is_refused       # some route failed on its method
    cdef set allowed           # collects the methods of a 405, or None
    cdef Search search         # collects for explain, or None


cdef Route walk(Node node, const char* at, const char* end, Walk w):
    """The most specific route below `node` that takes the segments from `at` on and all the rest of the request."""
    cdef uint32_t hashed
    cdef const char* stop = segment(at, end, &hashed)
    cdef Node child = literal(node, hashed, at, stop - at)
    cdef Route found
    if child is not None:
        found = step(child, stop, end, w)
        if found is not None:
            return found
    for child in node.typed:
        if fits(child.kind, at, stop - at):
            found = step(child, stop, end, w)
            if found is not None:
                return found
    if w.search is not None:
        w.search.stray(node, at, stop, end, w)
    return choose(node.rests, w) if node.rests else None


cdef inline Route step(Node child, const char* stop, const char* end, Walk w):
    """Go on behind a segment that ends at `stop`."""
    if w.search is not None:
        w.search.around(child, stop, end, w)
    return choose(child.leaves, w) if stop == end else walk(child, stop + 1, end, w)


cdef Route choose(tuple routes, Walk w):
    """The first of some routes, which stand in rank order, that takes method, headers and query; None in a search."""
    cdef Route route
    cdef int fate
    for route in routes:
        fate = judge(route, w)
        if w.search is not None:
            w.search.note(route, fate, w)
        elif fate == TAKEN:
            return route
        elif fate == METHOD:
            w.is_refused = True
            if w.allowed is not None and conditions(route, w) == TAKEN:
                w.allowed.update(ANY_METHOD if route.methods is None else route.methods)
    return None


cdef inline int judge(Route route, Walk w) except -1:
    """What a request meets at a route that takes its host and path."""
    if (w.method in UNROUTABLE) if route.methods is None else (w.method not in route.methods):
        return METHOD
    return conditions(route, w)


cdef int conditions(Route route, Walk w) except -1:
    """Whether headers and query hold: whole values, "*" asks for presence, any value of a repeated name will do."""
    cdef tuple condition
    for condition in route.headers:
        sent = w.environ.get(condition[0])
        if sent is None or (condition[1] != "*" and sent != condition[1]):
            w.missed = condition
            return HEADER
    if not route.query:
        return TAKEN
    if w.fields is None:
        w.fields = _fields(w.query)
    for condition in route.query:
        sent = w.fields.get(condition[0])
        if sent is None or (condition[1] != "*" and condition[1] not in sent):
            w.missed = condition
            return QUERY
    return TAKEN


cdef dict _fields(str query):
    """The query by decoded name; bytes that are not UTF-8 become surrogates and so equal no configured value."""
    found = {}
    for field in query.split("&"):
        if field:
            name, _, value = field.partition("=")
            found.setdefault(_decoded(name), []).append(_decoded(value))
    return found


cdef _decoded(str text):
    if "%" not in text and "+" not in text:
        return text
    return unquote_plus(text, "utf-8", "surrogateescape")


@cython.final
cdef class Table:
    """An immutable set of routes, made by build; one without routes takes nothing."""
    cdef dict exact            # host -> Node
    cdef dict wild             # ".example.com" -> Node
    cdef Py_ssize_t longest    # length of the longest key of wild
    cdef Node any_host
    cdef list ranked           # every Route in rank order

    def __cinit__(self):
        self.exact, self.wild, self.ranked = {}, {}, []

    cdef add(self, Route route):
        cdef Node node
        if route.host is None:
            if self.any_host is None:
                self.any_host = Node()
            node = self.any_host
        elif route.host.startswith("*."):
            node = self.wild.setdefault(route.host[1:], Node())
            self.longest = max(self.longest, len(route.host) - 1)
        else:
            node = self.exact.setdefault(route.host, Node())
        for kind, text in route.shape:
            if kind == REST:
                node.rests += (route,)
                return
            node = node.child(kind, text)
        node.leaves += (route,)

    cdef freeze(self, pause):
        cdef Node node
        for node in self.roots():
            node.freeze(pause)
            pause()
        self.ranked.sort(key=_rank_of)

    cdef list roots(self):
        """The trees of all hosts, most specific first."""
        wild = [self.wild[key] for key in sorted(self.wild, key=len, reverse=True)]
        return [*self.exact.values(), *wild, *([] if self.any_host is None else [self.any_host])]

    cdef Node root(self, str host, Py_ssize_t* state):
        """The next tree whose host pattern takes `host`, most specific first, else None; `state` begins at -1."""
        cdef Py_ssize_t size = len(host), dot
        if state[0] < 0:
            # SECURITY: no suffix longer than a known one is looked up, so a host of 8,000 dots costs nothing.
            state[0] = min(size, max(1, size - self.longest)) if self.longest else size
            found = self.exact.get(host)
            if found is not None:
                return <Node>found
        while 0 < state[0] < size:
            dot = PyUnicode_FindChar(host, c'.', state[0], size, 1)
            state[0] = dot + 1 if dot > 0 else size
            found = self.wild.get(host[dot:]) if dot > 0 else None
            if found is not None:
                return <Node>found
        if state[0] > size:
            return None
        state[0] = size + 1
        return self.any_host

    cdef Route find(self, Walk w, str path, list entered):
        """Walk the trees that take the host; `entered` collects them when it is not None."""
        cdef Py_ssize_t state = -1
        cdef Node node = self.root(w.host, &state)
        cdef Route found
        while node is not None:
            if entered is not None:
                entered.append(node)
            found = enter(node, path, w)
            if found is not None:
                return found
            node = self.root(w.host, &state)
        return None

    def match(self, str host not None, str method not None, str path not None, dict environ not None,
              str query not None, tuple raw=None):
        """(payload, parameters or None) of the most specific route that takes the request, else (None, methods).

        The methods are those with which the same request would be taken: 405 and its Allow; an empty tuple is a 404.
        `host` is in lower case and without port, `path` canonical and `raw` its segments as sent where they differ.
        """
        cdef Walk w = begin(host, method, environ, query)
        cdef Route found = self.find(w, path, None)
        if found is not None:
            return found.payload, (None if found.names is None else found.params(path, raw))
        if not w.is_refused:
            return NOT_FOUND
        w.allowed = set()
        self.find(w, path, None)
        return None, tuple(sorted(w.allowed))

    def explain(self, str host not None, str method not None, str path not None, dict environ not None,
                str query not None, tuple raw=None):
        """At most ten routes that came close to what match gives, closest first: [Verdict(payload, aspect, detail)]."""
        cdef Walk w = begin(host, method, environ, query)
        cdef Search search = Search()
        cdef list entered = []
        w.search = search
        self.find(w, path, entered)
        search.mistakes.append((-1, "host", None))
        for node in self.roots():
            if not any([node is other for other in entered]):
                enter(node, path, w)
        return search.closest()

    def routes(self):
        """The payloads in rank order, the most specific first."""
        cdef Route route
        found = {}
        for route in self.ranked:
            found.setdefault(id(route.spec), route.payload)
        return list(found.values())


cdef Walk begin(str host, str method, dict environ, str query):
    cdef Walk w = Walk.__new__(Walk)
    w.host, w.method, w.environ, w.query = host, method, environ, query
    return w


cdef Route enter(Node root, str path, Walk w):
    """Walk one tree; a path that does not begin with "/" meets nothing."""
    cdef Py_ssize_t size
    cdef const char* at = PyUnicode_AsUTF8AndSize(path, &size)
    return walk(root, at + 1, at + size, w) if size and at[0] == c'/' else None


def build(routes, pause=lambda: None):
    """A Table of RouteSpec-like tuples; ValueError, with words for the user, for a route that could never match.

    `pause` is called every millisecond or so of the work that follows when `routes` has given its last.
    """
    cdef Table table = Table()
    cdef Route route
    for spec in routes:
        hosts = [_host_pattern(host) for host in spec[3]]
        for host in dict.fromkeys(hosts) or (None,):
            route = Route(spec, host)
            table.add(route)
            table.ranked.append(route)
    table.freeze(pause)
    return table


include "route_explain.pxi"
