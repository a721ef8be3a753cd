#!/usr/bin/env bash
# Builds the Debian packages `sillage` (program, units, manual, completions) and `sillage-engine` (ClickHouse's library).
# The same inputs give the same bytes: files carry the time of the last commit. usage: build.sh PROGRAM FOLDER
set -euo pipefail
program=$(realpath "$1") folder=$(mkdir -p "$2" && realpath "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
architecture=$(dpkg --print-architecture)
version=${SILLAGE_VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)}
engine_version=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' node_modules/@chdb/lib-linux-x64-gnu/package.json | tr - '~')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

control() { # name, version, depends, description
  mkdir -p "$work/$1/DEBIAN"
  cat > "$work/$1/DEBIAN/control" <<CONTROL
Package: $1
Version: $2
Architecture: $architecture
Maintainer: Sillage <sillage@localhost>
Section: web
Priority: optional
$3
Description: $4
CONTROL
}

pack() { # name, version
  find "$work/$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz "-z${SILLAGE_DEB_LEVEL:-6}" --build "$work/$1" "$folder/$1_${2}_$architecture.deb" >/dev/null
  echo "$folder/$1_${2}_$architecture.deb"
}

control sillage "$version" 'Depends: libc6 (>= 2.34), systemd
Recommends: sillage-engine' 'privacy-first web analytics collector
 It keeps counters, never data about individual visitors, and publishes them
 in tens. Figures are read in a console, in Grafana and through an API.'
root="$work/sillage"
install -D -m 755 "$program" "$root/usr/bin/sillage"
for unit in sillage.service sillage.socket sillage-import@.service sillage-backup.service sillage-backup.timer; do
  install -D -m 644 "deploy/systemd/$unit" "$root/lib/systemd/system/$unit"
done
install -D -m 644 deploy/systemd/sysusers.conf "$root/usr/lib/sysusers.d/sillage.conf"
install -D -m 640 deploy/systemd/sillage.toml "$root/etc/sillage/sillage.toml"
install -D -m 644 LICENSE "$root/usr/share/doc/sillage/copyright"
install -D -m 644 NOTICE "$root/usr/share/doc/sillage/NOTICE"
install -D -m 644 sillage.example.toml "$root/usr/share/doc/sillage/sillage.example.toml"
"$program" generate "$work/generated"
for page in "$work"/generated/man/*.1; do
  install -D -m 644 "$page" "$root/usr/share/man/man1/$(basename "$page")" && gzip --best --no-name "$root/usr/share/man/man1/$(basename "$page")"
done
install -D -m 644 "$work/generated/completions/sillage.bash" "$root/usr/share/bash-completion/completions/sillage"
install -D -m 644 "$work/generated/completions/_sillage" "$root/usr/share/zsh/vendor-completions/_sillage"
install -D -m 644 "$work/generated/completions/sillage.fish" "$root/usr/share/fish/vendor_completions.d/sillage.fish"
echo /etc/sillage/sillage.toml > "$root/DEBIAN/conffiles"
install -m 755 deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm "$root/DEBIAN/"
pack sillage "$version"

[ -z "${SKIP_ENGINE:-}" ] || exit 0
control sillage-engine "$engine_version" 'Depends: libc6 (>= 2.34)' 'ClickHouse as a library, for sillage
 The engine that sillage runs by itself where no ClickHouse server is set.'
install -D -m 644 node_modules/@chdb/lib-linux-x64-gnu/libchdb.so "$work/sillage-engine/usr/lib/sillage/libchdb.so"
pack sillage-engine "$engine_version"
