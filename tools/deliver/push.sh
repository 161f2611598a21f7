#!/bin/sh
# Pushes the image that `make image` made, IMAGE (registry.example/gateway:1.2.3), and writes its digest to dist/image.digest.
# REGISTRY_USER and REGISTRY_PASSWORD log in first; without them, whoever is logged in already pushes.
set -eu
refuse() { echo "push: $*" >&2; exit 1; }

image="${IMAGE:-}"
name="${image%:*}"
case "$image" in
*/*:*) ;;
*) refuse "say which, with its registry and its version: IMAGE=registry.example/gateway:1.2.3" ;;
esac
for each in ${BUILDER:-docker podman buildah}; do
    command -v "$each" >/dev/null 2>&1 && builder="$each" && break
done
[ -n "${builder:-}" ] || refuse "there is no docker, podman or buildah on this machine"
"$builder" inspect --type image "$image" >/dev/null 2>&1 || refuse "there is no image $image here; run: make image"
if [ -n "${REGISTRY_USER:-}" ]; then
    printf %s "${REGISTRY_PASSWORD:-}" |
        "$builder" login --username "$REGISTRY_USER" --password-stdin "${image%%/*}" >/dev/null
fi
mkdir -p dist
if [ "$builder" = docker ]; then
    docker push --quiet "$image" >/dev/null
    # What the registry calls it; a daemon may know the same image by several names.
    docker inspect --type image --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" |
        grep -F "$name@" >dist/image.digest
else
    "$builder" push --quiet --digestfile dist/.digest "$image" "docker://$image" >/dev/null
    echo "$name@$(cat dist/.digest)" >dist/image.digest
    rm dist/.digest
fi
cat dist/image.digest
