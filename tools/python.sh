#!/bin/sh
# Prints a Python that can build the gateway: 3.11 or newer, with venv, pip and the C headers. $PYTHON is tried first.
test='
import ensurepip, os, sys, sysconfig, venv
ok = sys.version_info >= (3, 11) and os.path.exists(sysconfig.get_path("include") + "/Python.h")
print(sys.executable) if ok else sys.exit(1)
'
for python in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 /usr/bin/python3; do
    "$python" -c "$test" 2>/dev/null && exit
done
echo "no Python 3.11 or newer with venv and headers; run: sudo apt-get install python3 python3-venv python3-dev" >&2
exit 1
