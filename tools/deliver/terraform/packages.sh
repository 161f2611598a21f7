#!/bin/sh
# packages.sh FOLDER: the npm packages whose facts terraform/testing/schemas has, in FOLDER, as they come; quick when they are there.
# The versions are those of the providers that terraform/environments pin.
set -eu

folder="$1"
mkdir -p "$folder"
for each in provider-aws@21.22.1 provider-helm@12.1.2 provider-kubernetes@12.1.1 provider-random@12.0.1; do
    file="$folder/cdktf-$(echo "$each" | tr @ -).tgz"
    [ -e "$file" ] && continue
    # What is called as it should be is whole.
    (cd "$folder" && rm -rf new && mkdir new && npm pack --silent --pack-destination new "@cdktf/$each" >/dev/null && mv new/*.tgz "$file")
done
