"""From a WSGI environ to an Exchange that knows its route: what every request needs, in one go.

PERF: as a row of Python functions this took a fifth of a proxied request's instructions.  Bench: perf scenario `bare`.
What few requests need (a trusted proxy's headers, a path that must be decoded, a deadline of the caller's) is asked of
the functions that `Ingress` was made with, which live where they are explained: gateway/routing/ingress.py.
"""

cimport cython

from gateway._fast.http1_head cimport RequestHead
from gateway._fast.exchange_slots cimport (
    AUTHORITY_OF, BODY_LENGTH_OF, BODY_OF, CLIENT_OF, DEADLINE_OF, ENVIRON_OF, HEADERS_OF, HOST_OF, METHOD_OF,
    PARAMS_OF, PATH_OF, PEER_OF, PLAN_OF, QUERY_OF, REQUEST_ID_OF, ROUTE_OF, SCHEME_OF, STARTED_OF, STATE_OF, TARGET_OF,
    TRUSTED_OF, VERSION_OF, blank, get, give,
)
from libc.string cimport memchr

from os import register_at_fork, urandom

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 most)

cdef enum:
    ID_BYTES = 16
    POOL = 4096
    HOSTS = 4096

cdef const char *HEX = b"0123456789abcdef"
cdef bytes _pool = b""
cdef Py_ssize_t _pool_at = 0


cpdef str new_id():
    """32 hex digits that nobody can guess, of 128 bits of the system's randomness."""
    global _pool, _pool_at
    cdef str made = PyUnicode_New(2 * ID_BYTES, 127)
    cdef char *to = <char *>PyUnicode_DATA(made)
    cdef const unsigned char *at
    cdef int i
    if _pool_at + ID_BYTES > len(_pool):
        _pool = urandom(POOL)
        _pool_at = 0
    at = <const unsigned char *><const char *>_pool + _pool_at
    _pool_at += ID_BYTES
    for i in range(ID_BYTES):
        to[2 * i] = HEX[at[i] >> 4]
        to[2 * i + 1] = HEX[at[i] & 15]
    return made


def _forget():
    global _pool
    _pool = b""


# SECURITY: a child must not give out what its parent gives out (tests/unit/fast/test_ingress.py).
register_at_fork(after_in_child=_forget)


cpdef bint is_plain(str path):
    """Whether a path is its own canonical form: begins with a slash, printable ASCII, nothing to decode or resolve."""
    cdef const unsigned char *at
    cdef Py_ssize_t i, size = PyUnicode_GET_LENGTH(path)
    cdef unsigned char c, before = 0
    if not PyUnicode_IS_COMPACT_ASCII(path) or size == 0:
        return False
    at = <const unsigned char *>PyUnicode_DATA(path)
    if at[0] != c"/":
        return False
    for i in range(size):
        c = at[i]
        if c <= 0x20 or c >= 0x7f or c == c"%" or c == c"\\" or c == c"#":
            return False
        if before == c"/" and (c == c"/" or c == c"."):
            return False
        before = c
    return True


@cython.final
cdef class Ingress:
    """`ingress(plan, environ, started)` gives the exchange for one request, with its route, parameters and deadline.

    What matches nothing has a route too.  `environ` is a WSGI one (PEP 3333), `started` is monotonic seconds.
    """

    cdef object start, host_of, is_trusted, believe, body, find, hurry
    cdef dict hosts

    def __init__(self, start, host_of, is_trusted, believe, body, find, hurry):
        """start(exchange, environ): target and headers under another worker; find(exchange, plan): the route, whatever
        the path; body(exchange, environ), believe(exchange, networks), hurry(exchange, environ): see there.
        """
        self.start, self.host_of, self.is_trusted, self.believe = start, host_of, is_trusted, believe
        self.body, self.find, self.hurry = body, find, hurry
        self.hosts = {}

    def __call__(self, plan, dict environ not None, double started):
        cdef object exchange = self.begin(environ, started)
        cdef str peer = environ["REMOTE_ADDR"]
        cdef object head = environ.get("gateway.head")
        give(exchange, PLAN_OF, plan)
        give(exchange, SCHEME_OF, environ["wsgi.url_scheme"])
        give(exchange, PEER_OF, peer)
        give(exchange, CLIENT_OF, peer)
        give(exchange, TRUSTED_OF, False)
        networks = plan.trusted
        if networks and self.is_trusted(peer, networks):
            self.believe(exchange, networks)
        else:
            give(exchange, REQUEST_ID_OF, new_id())
        if type(head) is not RequestHead:
            self.body(exchange, environ)
        elif (<RequestHead>head).length:
            give(exchange, BODY_LENGTH_OF, (<RequestHead>head).length)
            give(exchange, BODY_OF, environ["wsgi.input"])
        self.route(exchange, plan, environ)
        give(exchange, DEADLINE_OF, started + <double>get(exchange, ROUTE_OF).total)
        if "HTTP_X_REQUEST_TIMEOUT" in environ or "HTTP_GRPC_TIMEOUT" in environ:
            self.hurry(exchange, environ)
        return exchange

    cdef object begin(self, dict environ, double started):
        """What the request's head says."""
        cdef object exchange = blank()
        cdef str authority = environ.get("HTTP_HOST", ""), protocol = environ["SERVER_PROTOCOL"]
        cdef object headers = environ.get("gateway.headers")
        give(exchange, METHOD_OF, environ["REQUEST_METHOD"])
        give(exchange, TARGET_OF, environ["RAW_URI"])
        give(exchange, HEADERS_OF, headers)
        give(exchange, ENVIRON_OF, environ)
        give(exchange, STARTED_OF, started)
        if headers is None:
            self.start(exchange, environ)
            authority = environ.get("HTTP_HOST", "")
        give(exchange, VERSION_OF, "1.1" if protocol == "HTTP/1.1" else protocol[5:])
        give(exchange, AUTHORITY_OF, authority)
        host = self.hosts.get(authority)
        if host is None:
            host = self.host_of(authority)
            if len(self.hosts) >= HOSTS:
                self.hosts.clear()
            self.hosts[authority] = host
        give(exchange, HOST_OF, host)
        return exchange

    cdef int route(self, exchange, plan, dict environ) except -1:
        """The route of a plain path, and of one that is not, by whoever can read it."""
        cdef str target = get(exchange, TARGET_OF), method = get(exchange, METHOD_OF), path = target, query = ""
        cdef const char *text
        cdef const char *mark
        cdef Py_ssize_t size = PyUnicode_GET_LENGTH(target)
        if PyUnicode_IS_COMPACT_ASCII(target) and method != "OPTIONS" and "gateway.refusal" not in environ:
            text = <const char *>PyUnicode_DATA(target)
            mark = <const char *>memchr(text, c"?", size)
            if mark != NULL:
                path, query = target[:mark - text], target[mark - text + 1:]
            if is_plain(path):
                give(exchange, QUERY_OF, query)
                give(exchange, PATH_OF, path)
                route, found = plan.table.match(get(exchange, HOST_OF), method, path, environ, query)
                if route is None:
                    give(exchange, ROUTE_OF, plan.unmatched)
                    give(exchange, STATE_OF, {"allow": found})
                else:
                    give(exchange, ROUTE_OF, route)
                    give(exchange, PARAMS_OF, found)
                return 0
        self.find(exchange, plan)
        return 0
