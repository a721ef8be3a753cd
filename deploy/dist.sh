#!/usr/bin/env bash
# Release packages, bill of materials and checksums from a built program. usage: dist.sh PROGRAM FOLDER
# The same commit and the same program give the same bytes.
set -euo pipefail
program=$(realpath "$1") folder=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" LC_ALL=C TZ=UTC
rm -rf "$folder" && mkdir -p "$folder"
stripped=$(mktemp -d)
trap 'rm -rf "$stripped"' EXIT
strip --strip-debug -o "$stripped/sillage" "$program"
deploy/debian/build.sh "$stripped/sillage" "$folder"
node deploy/sbom.mjs > "$folder/sillage.cdx.json"
cd "$folder" && sha256sum -- *.deb sillage.cdx.json > SHA256SUMS && cat SHA256SUMS
