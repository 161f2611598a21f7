#!/bin/sh
# Writes the locks, each with the hash of every file that may be installed: requirements.lock (the gateway with its extras),
# requirements-build.lock (what builds it), requirements-dev.lock (both and the tests' tools, for .venv) and
# tools/deliver/requirements.lock (what checks the delivery). A pin stays unless it must move: `lock.sh --upgrade` moves all.
# FOLDER is where pyproject.toml and its three locks are, else the top.
set -eu
cd "$(dirname "$0")/../.."
tools/deliver/install.sh
uv="$PWD/build/deliver/venv/bin/uv"
python="$PWD/build/deliver/venv/bin/python"
tools="$PWD/tools/deliver"

lock() {  # lock OUTPUT INPUT ARGUMENT...
    output="$1"
    shift
    "$uv" pip compile --quiet --system-certs --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make lock" --output-file "$output" "$@" >/dev/null
}

[ -n "${FOLDER:-}" ] || lock "$tools/requirements.lock" "$tools/requirements.txt" "$@"
cd "${FOLDER:-.}"
lock requirements.lock pyproject.toml --extra graphql --extra http2 --extra otel --extra grpc "$@"
"$python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' |
    lock requirements-build.lock - "$@"
lock requirements-dev.lock pyproject.toml --all-extras --constraint requirements.lock --constraint requirements-build.lock "$@"
