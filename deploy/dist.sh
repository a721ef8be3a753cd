#!/usr/bin/env bash
# Release packages, bill of materials and checksums from a built program. usage: dist.sh PROGRAM FOLDER [STATIC]
# STATIC is the collector of static_build.sh; it is left out if there is no such file.
# The same commit and the same program give the same bytes.
set -euo pipefail
program=$(realpath "$1") folder=$2 static=${3:+$(realpath --canonicalize-missing "$3")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" LC_ALL=C TZ=UTC
rm -rf "$folder" && mkdir -p "$folder"
stripped=$(mktemp -d)
trap 'rm -rf "$stripped"' EXIT
strip --strip-debug -o "$stripped/sillage" "$program"
deploy/debian/build.sh "$stripped/sillage" "$folder"
if [ -n "$static" ] && [ -f "$static" ]; then
  strip --strip-debug -o "$folder/sillage-static-$(uname -m)" "$static"
  chmod 755 "$folder/sillage-static-$(uname -m)"
fi
node deploy/sbom.mjs > "$folder/sillage.cdx.json"
cd "$folder" && find . -maxdepth 1 -type f -printf '%P\n' | sort | xargs sha256sum -- > "$stripped/sums"
mv "$stripped/sums" SHA256SUMS && cat SHA256SUMS
