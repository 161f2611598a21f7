#!/bin/sh
# Publishes what is in dist/ as the release v$VERSION, with what the changelog says of it, through GitHub's own command.
set -eu
refuse() { echo "publish: $*" >&2; exit 1; }

version="${VERSION:-}"
[ -n "$version" ] || refuse "say which: VERSION=1.2.3"
notes=$(python3 "$(dirname "$0")/release.py" notes)
[ -e dist/provenance.json ] || refuse "there is no dist/provenance.json; run: make provenance"
case "$version" in
*-*) kind=--prerelease ;;
*) kind=--latest ;;
esac
printf '%s\n' "$notes" | gh release create "v$version" --verify-tag --title "$version" --notes-file - "$kind" dist/*
