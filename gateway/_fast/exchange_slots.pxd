"""The attributes of an Exchange, read and written where they lie.

PERF: an Exchange is a plain class with __slots__, which Python's own code reaches as fast as it reaches anything.
C code would go through the type's dict for every attribute (170 instructions); with the place of a slot known it is
two loads.  Bench: perf scenario `bare`.  Objects of any other type (tests have their own) are asked as usual.
"""

cdef extern from *:
    """
    #include <structmember.h>

    typedef struct { PyObject *type; Py_ssize_t places[64]; PyObject *names[64]; } gateway_layout;

    static inline PyObject *gateway_get(gateway_layout *of, PyObject *object, int which) {
        if ((PyObject *)Py_TYPE(object) == of->type) {
            PyObject *value = *(PyObject **)((char *)object + of->places[which]);
            if (value != NULL) { Py_INCREF(value); return value; }
        }
        return PyObject_GetAttr(object, of->names[which]);
    }

    static inline int gateway_put(gateway_layout *of, PyObject *object, int which, PyObject *value) {
        PyObject **place, *old;
        if ((PyObject *)Py_TYPE(object) != of->type) return PyObject_SetAttr(object, of->names[which], value);
        place = (PyObject **)((char *)object + of->places[which]);
        old = *place;
        Py_INCREF(value);
        *place = value;
        Py_XDECREF(old);
        return 0;
    }
    """
    ctypedef struct Layout "gateway_layout":
        void *type
        Py_ssize_t *places
        void **names
    object gateway_get(Layout *of, object thing, int which)
    int gateway_put(Layout *of, object thing, int which, object value) except -1

# In the order of slots.pyx's NAMES.
cdef enum Of:
    METHOD_OF, TARGET_OF, PATH_OF, QUERY_OF, HOST_OF, AUTHORITY_OF, SCHEME_OF, VERSION_OF, HEADERS_OF, ENVIRON_OF,
    PEER_OF, CLIENT_OF, TRUSTED_OF, BODY_OF, BODY_LENGTH_OF, REQUEST_ID_OF,
    PLAN_OF, ROUTE_OF, PARAMS_OF, DEADLINE_OF, UPSTREAM_PATH_OF, OUTGOING_OF, STATE_OF,
    RESPONSE_OF, ERROR_OF, UPSTREAM_OF, ADDRESS_OF, ATTEMPTS_OF, STARTED_OF, UPSTREAM_STARTED_OF, UPSTREAM_TIME_OF,
    SENT_OF, RECEIVED_OF, CALLER_OF, TRACE_OF, MARKS_OF,
    COUNT

cdef Layout EXCHANGE


cdef inline object get(object exchange, Of which):
    return gateway_get(&EXCHANGE, exchange, which)


cdef inline int give(object exchange, Of which, object value) except -1:
    return gateway_put(&EXCHANGE, exchange, which, value)


cdef object blank()
