#!/usr/bin/env bash
# Whether two builds give the same bytes: the program in two target folders, then the packages of both.
# usage: dist_check.sh [PROFILE]; without one `release`, which takes two whole builds. With PROGRAM set nothing is built,
# and the packages of that program are made twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
profile=${1:-release} work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for number in one two; do
  program=${PROGRAM:-}
  if [ -z "$program" ]; then
    deploy/reproducible_build.sh "$work/target-$number" "$profile"
    program="$work/target-$number/$([ "$profile" = dev ] && echo debug || echo "$profile")/sillage"
  fi
  deploy/dist.sh "$program" "$work/$number" >/dev/null
done
cmp "$work/one/SHA256SUMS" "$work/two/SHA256SUMS" || { diff "$work/one/SHA256SUMS" "$work/two/SHA256SUMS" >&2; echo 'dist-check: two builds differ' >&2; exit 1; }
(cd "$work/two" && sha256sum --check --quiet SHA256SUMS)
echo "dist-check: $(wc -l < "$work/one/SHA256SUMS") files, equal in two builds"
