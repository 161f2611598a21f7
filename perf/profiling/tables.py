"""What callgrind counted, as text: instructions by object file and function, allocations by kind and by who asks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from perf.profiling.callgrind import Costs

#: functions that hand out memory, the lowest first
BLOCKS = (
    "malloc",
    "calloc",
    "realloc",
    "_PyObject_Malloc",
    "_PyObject_Calloc",
    "_PyObject_Realloc",
    "_PyMem_RawMalloc",
)
#: functions that make an object
OBJECTS = (
    "PyUnicode_New", "PyBytes_FromStringAndSize", "PyTuple_New", "tuple_alloc", "PyList_New", "PyDict_New", "new_dict",
    "PyMethod_New", "PyLong_FromLong", "_PyLong_New", "PyFloat_FromDouble", "PySlice_New", "PyType_GenericAlloc",
    "_PyObject_GC_New", "_PyObject_GC_NewVar", "_PyObject_New", "PyFunction_New", "PyCell_New",
)  # fmt: skip
CYTHON = re.compile(r"__pyx_(?:pf|pw|f|tp_new|tp_dealloc|pymod|getprop|setprop)_(.*)")
NUMBERED = re.compile(r"(\d+)(?=[A-Za-z_])")


def instructions(costs: Costs, requests: int, most: int = 100) -> Iterator[str]:
    """Lines of the table of instructions per request."""
    yield f"{costs.total / requests:,.0f} instructions per request of the worker, {requests} requests"
    yield ""
    yield "by object file"
    for where, cost in costs.by_object().most_common(20):
        yield f"{_share(cost, costs.total, requests)}  {binary(where)}"
    yield ""
    called = costs.called()
    yield "by function, its own                            calls per request"
    for (function, where), cost in costs.own.most_common(most):
        calls = f"{called[function] / requests:10.2f}"
        yield f"{_share(cost, costs.total, requests)} {calls}  {readable(function)}  [{binary(where)}]"


def allocations(costs: Costs, requests: int, most: int = 60) -> Iterator[str]:
    """Lines of the table of allocations per request."""
    called = costs.called()
    for title, names in (("blocks of memory", BLOCKS), ("objects, by what makes them", OBJECTS)):
        yield f"{title}, per request"
        for name, count in sorted(((n, called[n]) for n in names), key=lambda each: -each[1]):
            if count:
                yield f"{count / requests:10.2f}  {name}"
        yield ""
    yield "who asks, per request"
    makers, middlemen = {*BLOCKS, *OBJECTS}, ("PyMem_", "PyObject_", "_PyMem_", "_PyObject_", "0x")
    asked = {
        (caller, callee): count
        for (caller, callee), count in costs.calls.items()
        if callee in makers and caller not in makers and not caller.startswith(middlemen)
    }
    for (caller, callee), count in Counter(asked).most_common(most):
        yield f"{count / requests:10.2f}  {callee} by {readable(caller)}"


def readable(name: str) -> str:
    """A function's name in its source where Cython made another of it: `gateway._fast.http1_client.talk`."""
    found = CYTHON.fullmatch(name)
    return ".".join(_words(found[1])) if found else name


def binary(path: str) -> str:
    """An object file's name, without the ABI of what was compiled for one Python."""
    return Path(path).name.partition(".cpython-")[0]


def _words(mangled: str) -> Iterator[str]:
    """The parts of `7gateway_5_fast_12http1_client_6Answer_3whole`: each after its length."""
    while found := NUMBERED.match(mangled):
        size, rest = int(found[1]), mangled[found.end() :]
        if rest[size : size + 1] != "_":
            mangled = rest
            break
        yield rest[:size]
        mangled = rest[size + 1 :]
    yield mangled


def _share(cost: int, total: int, requests: int) -> str:
    return f"{cost / requests:12,.0f} {cost / total:6.1%}"
