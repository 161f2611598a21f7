#!/bin/sh
# What the dashboard draws charts with, into gateway/control/dashboard/static/vendor, by npm and as tools/web/package-lock.json
# pins it; `web.sh test` fetches what its tests need as well, into build/web, and `web.sh image` fails where it cannot.
# Nothing that a package brings is run. Its package.json tells a bill of materials what it is.
set -eu
cd "$(dirname "$0")/.."
vendor=gateway/control/dashboard/static/vendor
kind="${1:-build}"

loudly() {
    echo "*** $1: THE DASHBOARD IS BUILT WITHOUT CHARTS, it shows tables alone." >&2
    echo "*** Install npm and run \`make build\` again." >&2
    [ "$kind" = build ] || exit 1
    exit 0
}

command -v npm >/dev/null 2>&1 || tools/needs.sh web || loudly "there is no npm"
rm -rf build/web
mkdir -p build/web "$vendor"
cp tools/web/package.json tools/web/package-lock.json build/web/
omit=""
[ "$kind" = test ] || omit="--omit=dev"
# shellcheck disable=SC2086 # nothing or one word
(cd build/web && npm ci --silent --ignore-scripts --no-audit --no-fund $omit) || loudly "npm could not fetch uPlot"
for file in dist/uPlot.iife.min.js dist/uPlot.min.css LICENSE package.json; do
    install -m 644 "build/web/node_modules/uplot/$file" "$vendor/"
done
