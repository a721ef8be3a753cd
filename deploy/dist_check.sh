#!/usr/bin/env bash
# Whether the last commit, built again from a fresh clone in another folder, gives the bytes of an earlier `make dist`:
# the program, the static collector, both packages and the bill of materials. usage: dist_check.sh FOLDER
# FOLDER holds the earlier files. Uncommitted changes are not in the clone.
set -euo pipefail
first=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo 'dist-check: uncommitted changes are left out of the second build' >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/another-checkout"
make --no-print-directory -C "$work/another-checkout" dist
second="$work/another-checkout/target/dist"
cmp "$first/SHA256SUMS" "$second/SHA256SUMS" || { diff "$first/SHA256SUMS" "$second/SHA256SUMS" >&2; echo 'dist-check: two builds differ' >&2; exit 1; }
(cd "$first" && sha256sum --check --quiet SHA256SUMS)
(cd "$second" && sha256sum --check --quiet SHA256SUMS)
echo "dist-check: $(wc -l < "$first/SHA256SUMS") files, equal in two builds"
