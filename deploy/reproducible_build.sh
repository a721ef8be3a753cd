#!/usr/bin/env bash
# Builds the program so that its bytes tell neither where nor when it was built. usage: reproducible_build.sh TARGET [PROFILE]
# TRIPLE builds for another platform.
set -euo pipefail
mkdir -p "$1"
target=$(realpath "$1") profile=${2:-release}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=/sillage --remap-path-prefix=$target=/target --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$(rustc --print sysroot)=/rust"
# C parts of dependencies name their files too.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=/cargo -ffile-prefix-map=$target=/target"
cargo build --locked --profile "$profile" --target-dir "$target" ${TRIPLE:+--target "$TRIPLE"}
