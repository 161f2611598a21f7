"""Where the attributes of an Exchange lie; see slots.pxd."""

from cpython.ref cimport Py_INCREF

cdef extern from *:
    """
    /* The place of a slot in its objects, -1 for what is no slot of a Python class. */
    static Py_ssize_t gateway_place(PyObject *descriptor) {
        PyMemberDef *member;
        if (Py_TYPE(descriptor) != &PyMemberDescr_Type) return -1;
        member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : -1;
    }
    /* Whether objects of a class are slots from one end to the other. */
    static int gateway_is_slots(PyObject *type, int count) {
        PyTypeObject *of = (PyTypeObject *)type;
        return of->tp_basicsize == (Py_ssize_t)(sizeof(PyObject) + count * sizeof(PyObject *)) && !of->tp_itemsize;
    }
    /* Another object with the same values. */
    static PyObject *gateway_copy(PyObject *from) {
        PyTypeObject *type = Py_TYPE(from);
        PyObject *copy = type->tp_alloc(type, 0);
        Py_ssize_t at;
        if (copy == NULL) return NULL;
        for (at = sizeof(PyObject); at < type->tp_basicsize; at += sizeof(PyObject *)) {
            PyObject *value = *(PyObject **)((char *)from + at);
            Py_XINCREF(value);
            *(PyObject **)((char *)copy + at) = value;
        }
        return copy;
    }
    """
    Py_ssize_t gateway_place(object descriptor)
    bint gateway_is_slots(object type, int count)
    object gateway_copy(object thing)

NAMES = (
    "method", "target", "path", "query", "host", "authority", "scheme", "version", "headers", "environ",
    "peer", "client", "trusted", "body", "body_length", "request_id",
    "plan", "route", "params", "deadline", "upstream_path", "outgoing", "state",
    "response", "error", "upstream", "address", "attempts", "started", "upstream_started", "upstream_time",
    "sent", "received", "caller", "trace", "marks",
)

cdef object _fresh = None


cdef int _name(str name, int which) except -1:
    Py_INCREF(name)
    EXCHANGE.names[which] = <void *>name
    return 0


for _which, _each in enumerate(NAMES):
    _name(_each, _which)


def learn(type exchange not None):
    """From here on objects of just this class are known. Raises TypeError unless every name is one of its slots."""
    global _fresh
    cdef int which
    cdef list places
    if len(NAMES) != COUNT or not gateway_is_slots(exchange, len(getattr(exchange, "__slots__", ()))):
        raise TypeError(f"{exchange.__name__} is more than its slots")
    places = [gateway_place(exchange.__dict__.get(name)) for name in NAMES]
    if min(places) < 0:
        raise TypeError(f"{NAMES[places.index(-1)]} is no slot of {exchange.__name__}")
    for which in range(<int>COUNT):
        EXCHANGE.places[which] = places[which]
    _fresh = exchange("", "", [], {}, 0.0)
    del _fresh.headers, _fresh.environ  # nobody shares those
    EXCHANGE.type = <void *>exchange


cdef object blank():
    """An Exchange with the values that its class begins with, but for `headers` and `environ`."""
    return gateway_copy(_fresh)


# What a request that the gateway makes on a client's behalf has of the client's.
cdef Of[13] _INHERITED = [
    HOST_OF, AUTHORITY_OF, SCHEME_OF, VERSION_OF, PEER_OF, CLIENT_OF, TRUSTED_OF, REQUEST_ID_OF, CALLER_OF, PLAN_OF,
    ROUTE_OF, PARAMS_OF, TRACE_OF,
]


def another(object exchange not None, str method not None, str target not None, list headers not None, double deadline):
    """A request of the gateway's own on behalf of an exchange: of the same caller and route, within its time."""
    cdef object made = blank()
    cdef Of which
    for which in _INHERITED:
        give(made, which, get(exchange, which))
    path, _, query = target.partition("?")
    give(made, METHOD_OF, method)
    give(made, TARGET_OF, target)
    give(made, PATH_OF, path)
    give(made, QUERY_OF, query)
    give(made, HEADERS_OF, headers)
    give(made, ENVIRON_OF, {})
    give(made, STARTED_OF, get(exchange, STARTED_OF))
    give(made, DEADLINE_OF, min(<double>get(exchange, DEADLINE_OF), deadline))
    return made


# Doors for tests.

def read(object exchange, str name not None):
    """The attribute as C code sees it."""
    return get(exchange, <Of>(<int>NAMES.index(name)))


def write(object exchange, str name not None, object value):
    """Set the attribute as C code does."""
    give(exchange, <Of>(<int>NAMES.index(name)), value)
