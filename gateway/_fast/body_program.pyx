"""The verdict on a value as json.loads gives it, by a program of small steps (gateway/validation/program.py).

A step is a question or an act, and names the step that comes next: of a question one for yes and one for no.  A value
is looked at where it lies: nothing is made, nothing is called but the formats' own checks.

PERF: of an order of 1 KB 1.3 us, where Python takes 3.3 for the code that the program says.  Bench:
perf/micro/bench_json.py.  Oracle: tests/oracles/verdict_oracle.py.
"""

cimport cython
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItemWithError, PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport Py_GE, Py_GT, Py_LE, Py_LT, Py_TYPE
from cpython.object cimport PyObject, PyObject_IsTrue, PyObject_RichCompareBool, PyObject_Size
from cpython.sequence cimport PySequence_Contains
from cpython.set cimport PySet_Contains

cdef extern from "Python.h":
    PyObject* PyTuple_GET_ITEM(tuple items, Py_ssize_t place)
    Py_ssize_t PyTuple_GET_SIZE(tuple items)

cdef enum:
    REGISTERS = 128     # variables of a program; they lie on the stack
    CONSTANTS = 128     # names, types, bounds and the like

cdef enum What:
    YES, NO, TYPE, NONE, WHOLE, IN, AMONG, KNOWN, FORMAT, ORDER, SIZE, LOAD, LENGTH, BEGIN, EACH

#: what a step may be: its name -> its number
STEPS = {
    "yes": YES, "no": NO, "type": TYPE, "none": NONE, "whole": WHOLE, "in": IN, "among": AMONG, "known": KNOWN,
    "format": FORMAT, "order": ORDER, "size": SIZE, "load": LOAD, "length": LENGTH, "begin": BEGIN, "each": EACH,
}
#: what `order` and `size` may ask
ORDERS = {"<": Py_LT, "<=": Py_LE, ">": Py_GT, ">=": Py_GE}
#: how many variables and constants a program may have
MOST_REGISTERS, MOST_CONSTANTS = REGISTERS, CONSTANTS

cdef struct Step:
    int what
    int to          # the register that it writes; of `order` and `size` which of ORDERS it asks
    int of          # the register that it reads
    int arg         # which constant it needs; of `size` the number itself, of `each` the register of the place
    int then        # the step after it, or after a yes
    int other       # the step after a no, or when `each` is through


@cython.final
cdef class Verdict:
    """Says whether a value fits; the value begins in register 0."""

    cdef Step* steps
    cdef int start
    cdef int registers
    cdef tuple constants

    def __cinit__(self, list steps not None, tuple constants not None, int start, int registers):
        """`steps` are (what, to, of, arg, then, other). Raises ValueError for one that points nowhere."""
        cdef Py_ssize_t count = len(steps), place
        cdef Step* step
        self.steps = <Step*>PyMem_Malloc(max(count, 1) * sizeof(Step))
        if self.steps == NULL:
            raise MemoryError
        self.start, self.registers, self.constants = start, registers, constants
        if not (0 <= start < count and 0 < registers <= REGISTERS and len(constants) <= CONSTANTS):
            raise ValueError("no such step, or too many variables or constants")
        for place in range(count):
            step = self.steps + place
            step.what, step.to, step.of, step.arg, step.then, step.other = steps[place]
            if not (0 <= step.then < count and 0 <= step.other < count):
                raise ValueError("no such step")
            if not (0 <= step.to < registers or step.what in (ORDER, SIZE)) or not 0 <= step.of < registers:
                raise ValueError("no such register")
            if step.what == EACH and not 0 <= step.arg < registers:
                raise ValueError("no such register")
            if TYPE <= step.what <= ORDER and step.what not in (NONE, WHOLE) or step.what == LOAD:
                if not 0 <= step.arg < len(constants):
                    raise ValueError("no such constant")

    def __dealloc__(self):
        PyMem_Free(self.steps)

    def __call__(self, value):
        """Whether `value` fits."""
        return self.judge(<PyObject*>value)

    cdef inline PyObject* constant(self, Step* step) noexcept:
        return PyTuple_GET_ITEM(self.constants, step.arg)

    cdef bint judge(self, PyObject* value) except -1:
        cdef PyObject* held[REGISTERS]      # NOTE: borrowed from `value`, which the caller holds and nobody changes
        cdef Py_ssize_t counts[REGISTERS]
        cdef PyObject* asked[CONSTANTS]     # of which object the member of this name and register was asked for
        cdef PyObject* members[CONSTANTS]   # and what it was
        cdef Step* step = self.steps + self.start
        cdef PyObject* one
        cdef int place
        cdef bint said
        for place in range(self.registers):
            held[place] = <PyObject*>None
        for place in range(<int>PyTuple_GET_SIZE(self.constants)):
            asked[place] = NULL
        held[0] = value
        while True:
            one = held[step.of]
            said = True
            if step.what == TYPE:
                said = <PyObject*>Py_TYPE(<object>one) == self.constant(step)
            elif step.what == IN or step.what == LOAD:
                if asked[step.arg] != one:  # PERF: mostly one asks for a member and then takes it
                    asked[step.arg] = one
                    members[step.arg] = member(one, self.constant(step))
                said = members[step.arg] != NULL
                if step.what == LOAD:
                    if not said:
                        return False
                    held[step.to] = members[step.arg]
            elif step.what == EACH:
                # NOTE: a value of another type was refused before; whatever it be, a no is only asked about once more.
                if not PyList_CheckExact(<object>one):
                    return False
                said = counts[step.arg] < PyList_GET_SIZE(<object>one)
                if said:
                    held[step.to] = PyList_GET_ITEM(<object>one, counts[step.arg])
                    counts[step.arg] += 1
            elif step.what == BEGIN:
                counts[step.to] = 0
            elif step.what == LENGTH:
                counts[step.to] = PyObject_Size(<object>one)
            elif step.what == SIZE:
                said = ordered(counts[step.of], step.arg, step.to)
            elif step.what == ORDER:
                said = compared(<object>one, <object>self.constant(step), step.to)
            elif step.what == NONE:
                said = one == <PyObject*>None
            elif step.what == WHOLE:
                said = is_whole(<object>one)
            elif step.what == AMONG:
                said = PySequence_Contains(<object>self.constant(step), <object>one)
            elif step.what == KNOWN:
                said = is_known(<object>one, <object>self.constant(step))
            elif step.what == FORMAT:
                said = PyObject_IsTrue((<object>self.constant(step))(<object>one))
            else:
                return step.what == YES
            step = self.steps + (step.then if said else step.other)


cdef inline PyObject* member(PyObject* value, PyObject* name) except? NULL:
    return PyDict_GetItemWithError(<object>value, <object>name) if PyDict_CheckExact(<object>value) else NULL


cdef inline bint ordered(long long left, long long right, int order) noexcept:
    if order == Py_LT:
        return left < right
    if order == Py_LE:
        return left <= right
    if order == Py_GT:
        return left > right
    return left >= right


cdef int compared(object value, object bound, int order) except -1:
    """Whether a number stands so to a bound that a double holds."""
    cdef int beyond = 0
    cdef long long number, most
    cdef double real
    if PyLong_CheckExact(value):
        number = PyLong_AsLongLongAndOverflow(value, &beyond)
        most = bound
        return ordered(beyond if beyond else number, 0 if beyond else most, order)
    if PyFloat_CheckExact(value):
        real, most = PyFloat_AS_DOUBLE(value), bound
        if order == Py_LT:
            return real < <double>most
        if order == Py_LE:
            return real <= <double>most
        return real > <double>most if order == Py_GT else real >= <double>most
    return PyObject_RichCompareBool(value, bound, order)


cdef bint is_whole(object value):
    return (<double>value).is_integer() if PyFloat_CheckExact(value) else False


cdef int is_known(object value, object names) except -1:
    """Whether an object has no members but those of these names."""
    cdef PyObject* name
    cdef Py_ssize_t place = 0
    if not PyDict_CheckExact(value):
        return False
    while PyDict_Next(value, &place, &name, NULL):
        if not PySet_Contains(names, <object>name):
            return False
    return True
