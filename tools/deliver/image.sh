#!/bin/sh
# image.sh build: the image IMAGE (registry.example/gateway:<version>) from the Dockerfile, by docker, podman or buildah.
# image.sh sbom: build/image/gateway.cdx.json, a CycloneDX list of all that is in it.
# BASE, EXTRAS: what the Dockerfile calls so. BUILDER: one of the three. PIP_CONF: a pip.conf for the build alone.
set -eu
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
IMAGE="${IMAGE:-registry.example/gateway:$version}"
OUT="${OUT:-build/image}"
for each in ${BUILDER:-docker podman buildah}; do
    command -v "$each" >/dev/null 2>&1 && builder="$each" && break
done
[ -n "${builder:-}" ] || { echo "there is no docker, podman or buildah on this machine" >&2; exit 1; }

build() {
    # A commit's time, so that the same commit makes the same labels.
    set -- --tag "$IMAGE" --build-arg "VERSION=$version" "$@"
    if revision=$(git rev-parse HEAD 2>/dev/null); then
        set -- "$@" --build-arg "REVISION=$revision" \
            --build-arg "CREATED=$(TZ=UTC git show -s --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd HEAD)"
    fi
    [ -z "${BASE:-}" ] || set -- "$@" --build-arg "BASE=$BASE"
    [ -z "${EXTRAS+set}" ] || set -- "$@" --build-arg "EXTRAS=$EXTRAS"
    [ -z "${PIP_CONF:-}" ] || set -- "$@" --secret "id=pip,src=$PIP_CONF"
    # OCI's own format knows no health check.
    [ "$builder" = docker ] || set -- --format docker "$@"
    "$builder" build "$@" .
}

sbom() {
    tools/deliver/install.sh
    mkdir -p "$OUT"
    case "$builder" in
    docker) archive="docker-archive" && docker save --output "$OUT/image.tar" "$IMAGE" ;;
    podman) archive="oci-archive" && podman save --quiet --format oci-archive --output "$OUT/image.tar" "$IMAGE" >/dev/null ;;
    buildah) archive="oci-archive" && buildah push --quiet "$IMAGE" "oci-archive:$OUT/image.tar" ;;
    esac
    SYFT_CHECK_FOR_APP_UPDATE=false build/deliver/venv/bin/syft scan --quiet "$archive:$OUT/image.tar" \
        --source-name gateway --source-version "$version" --output "cyclonedx-json=$OUT/gateway.cdx.json"
    echo "$OUT/gateway.cdx.json"
}

what="${1:-}"
[ $# = 0 ] || shift
case "$what" in
build) build "$@" ;;
sbom) sbom ;;
*)
    echo "usage: $0 build|sbom" >&2
    exit 2
    ;;
esac
