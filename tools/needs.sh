#!/bin/sh
# Installs what is missing on this machine for `build`, `web` (its charts), `test`, `deliver` or `image`, through apt; without root, says what to run.
set -eu

missing=""
need() {  # need COMMAND PACKAGE...
    command -v "$1" >/dev/null 2>&1 || { shift; missing="$missing $*"; }
}

case "${1:-}" in
build)
    need gcc gcc libc6-dev
    "$(dirname "$0")/python.sh" >/dev/null 2>&1 || missing="$missing python3 python3-venv python3-dev"
    ;;
web)
    need npm npm
    ;;
test)
    PATH="$PATH:/usr/sbin"
    need nginx nginx
    need wrk wrk
    need valgrind valgrind
    need openssl openssl
    need redis-server redis-server
    need haproxy haproxy
    need curl curl
    need strace strace
    need chromium chromium
    need node nodejs
    need npm npm
    # its promtool checks what is told to it, too
    need prometheus prometheus
    need amtool prometheus-alertmanager
    # lists of attacks, and texts that are none, which tests/screening reads
    need sqlmap sqlmap
    need wfuzz wfuzz
    [ -e /usr/share/games/fortunes/fortunes ] || missing="$missing fortunes"
    # Debian's own Python runs the unit suite too, and the gateway's extensions are compiled for it.
    if [ -x /usr/bin/python3.13 ]; then
        [ -e /usr/include/python3.13/Python.h ] || missing="$missing python3.13-dev"
        /usr/bin/python3.13 -c "import ensurepip" 2>/dev/null || missing="$missing python3.13-venv"
    fi
    ;;
deliver)
    need npm npm
    need node nodejs
    need promtool prometheus
    need amtool prometheus-alertmanager
    need gitleaks gitleaks
    ;;
image)
    need buildah buildah
    need podman podman
    need crun crun
    need mmdebstrap mmdebstrap
    # on what is not Debian itself
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
    need curl curl
    ;;
*)
    echo "usage: $0 build|web|test|deliver|image" >&2
    exit 2
    ;;
esac

[ -n "$missing" ] || exit 0
sudo=""
if [ "$(id -u)" != 0 ]; then
    sudo="sudo -n"
    if ! sudo -n true 2>/dev/null; then
        echo "missing on this machine; run: sudo apt-get install$missing" >&2
        exit 1
    fi
fi
command -v apt-get >/dev/null 2>&1 || { echo "missing on this machine, and there is no apt-get:$missing" >&2; exit 1; }
echo "installing$missing" >&2
# shellcheck disable=SC2086 # both are lists of words
{
    $sudo apt-get -qq update
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing
} >/dev/null || { echo "could not install$missing; run: sudo apt-get install$missing" >&2; exit 1; }
