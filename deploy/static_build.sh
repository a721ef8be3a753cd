#!/usr/bin/env bash
# Builds the collector as one file without shared libraries (musl). It cannot load the engine: it needs a ClickHouse
# server (clickhouse.mode = "remote"). Without musl on this machine nothing is built. usage: static_build.sh TARGET [PROFILE]
set -euo pipefail
triple=x86_64-unknown-linux-musl
folder=$(dirname "${BASH_SOURCE[0]}")
profile=${2:-release}
rm -f "$1/$triple/${profile/dev/debug}/sillage"
if [ "$(uname -m)" != x86_64 ] || ! command -v musl-gcc >/dev/null; then
  echo 'musl-gcc is missing (Debian: musl-tools): no static collector is built' && exit 0
fi
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$triple" ] && ! rustup target add "$triple"; then
  echo "Rust for $triple is missing: no static collector is built" && exit 0
fi
CC_x86_64_unknown_linux_musl=musl-gcc TRIPLE=$triple "$folder/reproducible_build.sh" "$@"
