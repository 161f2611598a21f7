#!/bin/sh
# Writes requirements.lock (what the gateway needs, with all its extras) and requirements-build.lock (what builds it), with
# the hash of every file that may be installed. What is pinned stays so unless it must move: `lock.sh --upgrade` moves all.
# FOLDER is where pyproject.toml and the two files are, else the top.
set -eu
cd "$(dirname "$0")/../.."
tools/deliver/install.sh
uv="$PWD/build/deliver/venv/bin/uv"
python="$PWD/build/deliver/venv/bin/python"
cd "${FOLDER:-.}"

lock() {  # lock OUTPUT INPUT ARGUMENT...
    output="$1"
    shift
    "$uv" pip compile --quiet --system-certs --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make lock" --output-file "$output" "$@" >/dev/null
}

lock requirements.lock pyproject.toml --extra graphql --extra http2 --extra otel --extra grpc "$@"
"$python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' |
    lock requirements-build.lock - "$@"
