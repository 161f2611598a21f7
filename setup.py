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
    "http1_head",
    "http1_server",
    "http1_client",
    "route",
    "access_log_line",
    "atomics",
    "log_buffer",
    "headers",
    "header_list",
    "target_stats",
    "rendezvous_hash",
    "tunnel",
    "authorization",
    "token_bucket",
    "json",
    "waf_decode",
    "waf_xss",
    "waf_sql",
    "waf_scan",
    "trace_context",
    "histogram",
    "metrics",
    "name_table",
    "recent",
    "exchange_slots",
    "ingress",
    "body_program",
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
