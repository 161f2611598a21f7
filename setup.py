"""The Cython build; everything else stands in pyproject.toml.

Extensions are listed by hand.  Switches, all by environment:
  GATEWAY_EXT=route,wire   build only these
  GATEWAY_ANNOTATE=1       write the annotated HTML beside each .pyx
  GATEWAY_LINETRACE=1      line tracing, for coverage of the .pyx files
  GATEWAY_OPTIMIZE=0       gcc's -O level (2): what is only tested need not be compiled for long
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

MODULES = [
    "channel",
    "head",
    "http1",
    "wire",
    "route",
    "line",
    "page",
    "batch",
    "fields",
    "gather",
    "traffic",
    "pick",
    "tunnel",
    "claims",
    "bucket",
    "json",
    "decode",
    "markup",
    "sql",
    "screen",
    "trace",
    "histogram",
    "meter",
    "names",
    "recent",
    "slots",
    "ingress",
    "verdict",
]

only = os.environ.get("GATEWAY_EXT")
names = [name for name in MODULES if not only or name in only.split(",")]
trace = bool(os.environ.get("GATEWAY_LINETRACE"))
level = os.environ.get("GATEWAY_OPTIMIZE", "2")

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"gateway._fast.{name}",
                [f"gateway/_fast/{name}.pyx"],
                extra_compile_args=[f"-O{level}", "-g0", "-Wall", "-Wno-unused-function"],
                define_macros=[("CYTHON_TRACE", "1")] if trace else [],
            )
            for name in names
        ],
        nthreads=os.cpu_count() or 1,
        annotate=bool(os.environ.get("GATEWAY_ANNOTATE")),
        compiler_directives={
            "language_level": 3,
            "binding": trace,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": True,
            "linetrace": trace,
        },
    )
)
