#!/bin/sh
# Does this tree cost more per request than the commit $BASE?  Both are built and measured here, one after the other;
# what looks worse is measured once more, since one comparison in a hundred cries wolf.  SCENARIOS says what (bare).
set -eu
cd "$(dirname "$0")/.."
refuse() { echo "gate: $*" >&2; exit 2; }

base="${BASE:-}"
[ -n "$base" ] || refuse "say what to compare with: BASE=commit"
git rev-parse --verify --quiet "$base^{commit}" >/dev/null || refuse "there is no commit $base here"
here=$(pwd)
there="$here/build/gate"
results="$here/build/gate-results"

if [ "$(cat "$there/.commit" 2>/dev/null)" != "$(git rev-parse "$base^{commit}")" ]; then
    rm -rf "$there"
    mkdir -p "$there"
    git archive "$base" | tar -xf - -C "$there"
    make -C "$there" build >&2
    git rev-parse "$base^{commit}" >"$there/.commit"
fi

measure() {  # measure TREE FILE
    # shellcheck disable=SC2086 # a list of words
    (cd "$1" && .venv/bin/python -m perf run ${SCENARIOS:-bare} --only nginx --json "$2")
}

mkdir -p "$results"
for try in 1 2; do
    measure "$there" "$results/before.json"
    measure "$here" "$results/now.json"
    status=0
    .venv/bin/python -m perf compare --gate "$results/now.json" "$results/before.json" || status=$?
    case "$status" in
    0) echo "gate: not worse than $base" >&2; exit 0 ;;
    1) echo "gate: worse than $base in try $try" >&2 ;;
    *) refuse "nothing could be compared" ;;
    esac
done
exit 1
