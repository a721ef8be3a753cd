#!/usr/bin/env bash
# The Debian packages in a fresh root: built twice (equal), installed, one figure counted, upgraded over the spool and
# data of the older release, removed (data stay), purged. usage: debian.sh PROGRAM; needs root, debootstrap and
# dpkg-deb.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ "${IN_NAMESPACE:-}" != yes ]; then
  command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap >/dev/null
  base=target/debian-base
  [ -e "$base/bin/sh" ] || debootstrap --variant=minbase --include=systemd bookworm "$base" >/dev/null
  packages=$(mktemp -d)
  export SILLAGE_DEB_LEVEL=1
  # A program with its debugging names takes xz minutes.
  strip --strip-all -o "$packages/sillage" "$program" && program="$packages/sillage"
  SKIP_ENGINE=yes deploy/debian/build.sh "$program" "$packages/one" >/dev/null
  SKIP_ENGINE=yes deploy/debian/build.sh "$program" "$packages/two" >/dev/null
  cmp "$packages"/one/*.deb "$packages"/two/*.deb && echo 'debian: two builds are equal'
  SILLAGE_VERSION=9.9.9 SKIP_ENGINE=yes deploy/debian/build.sh "$program" "$packages/upgrade" >/dev/null
  PACKAGES=$packages BASE=$(realpath "$base") IN_NAMESPACE=yes exec unshare --mount --net --pid --fork --kill-child "$0" "$program"
fi
root=$(mktemp -d) child=''
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; umount -l "$root" 2>/dev/null; rm -rf "$PACKAGES"' EXIT
ip link set lo up
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
cp -a "$BASE/." "$root/"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mkdir -p "$root/packages" && cp -r "$PACKAGES/." "$root/packages/"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

began=$(date +%s%N)
inside sh -c 'dpkg -i /packages/one/*.deb' >/dev/null
[ "$(inside stat -c '%U %a' /var/lib/sillage)" = 'sillage 700' ] || { echo 'debian: /var/lib/sillage has the wrong owner' >&2; exit 1; }
inside test -s /usr/share/man/man1/sillage.1.gz
install -D node_modules/@chdb/lib-linux-x64-gnu/libchdb.so "$root/usr/lib/sillage/libchdb.so"
token=sillage_$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
hash=$(printf '%s' "$token" | sha256sum | cut -d' ' -f1)
sed -i -e "s/^# tokens = .*/tokens = [{ name = \"t\", sha256 = \"$hash\", sites = [\"*\"] }]/" -e 's/^# \(\[\[site\]\]\|name = \)/\1/' \
  -e 's/^\[spool\]/[privacy]\nprotection = "exact"\n\n[spool]\nflush_seconds = 1/' "$root/etc/sillage/sillage.toml"
# Prepares the folder as the systemd unit does.
chroot "$root" install -d -o sillage -g sillage -m 700 /run/sillage && mount -t tmpfs tmpfs "$root/run/sillage" && chroot "$root" chown sillage:sillage /run/sillage && chroot "$root" chmod 700 /run/sillage

start() {
  python3 tests/deploy/as_unit.py "$root" sillage.service >"$root/log" 2>&1 &
  child=$!
  for _ in $(seq 600); do
    curl -s -o /dev/null http://127.0.0.1:8081/ && return
    kill -0 "$child" 2>/dev/null || break
    sleep 0.1
  done
  cat "$root/log" >&2; echo 'debian: the service does not start' >&2; exit 1
}
hit() {
  curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/event -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' \
    -d '{"n":"pageview","u":"https://shop.example/","d":"shop.example"}'
}
closed() {
  [ "$(inside stat -c '%U %a' /run/sillage /var/lib/sillage | sort -u)" = 'sillage 700' ] || { echo 'debian: a unit opened the folders' >&2; exit 1; }
}
figures() { # wanted, day (today if omitted)
  range='"day"'
  [ -z "${2:-}" ] || range="[\"$2\",\"$2\"]"
  for _ in $(seq 100); do
    found=$(curl -s http://127.0.0.1:8081/api/v2/query -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
      -d '{"site_id":"shop.example","metrics":["visitors","pageviews"],"date_range":'"$range"'}' | grep -o '"metrics":\[[0-9,]*\]' || true)
    [ "$found" = "\"metrics\":$1" ] && return
    sleep 0.2
  done
  cat "$root/log" >&2; echo "debian: figures are $found, not $1" >&2; exit 1
}

for unit in sillage.service sillage-import@.service sillage-backup.service; do
  inside systemd-analyze security --offline=true --threshold=20 "/lib/systemd/system/$unit" >/dev/null ||
    { echo "debian: $unit is exposed beyond 2.0" >&2; exit 1; }
done
start
[ "$(hit)" = 202 ] || { echo 'debian: the first hit is refused' >&2; exit 1; }
figures '[1,1]'
echo "debian: installed, first figure after $((($(date +%s%N) - began) / 1000000)) ms"
# The two other units, beside the running service: a log of yesterday, followed; a backup to the folder of the guide.
day=$(date -u -d yesterday +%d/%b/%Y)
echo "192.0.2.9 - - [$day:12:00:00 +0000] \"GET /log HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"" > "$root/var/log/shop.log"
echo 'SILLAGE_LOG_FILE=/var/log/shop.log' > "$root/etc/sillage/import-shop.example.env"
python3 tests/deploy/as_unit.py "$root" sillage-import@shop.example.service >"$root/import.log" 2>&1 &
import=$!
figures '[1,1]' "$(date -u -d yesterday +%F)" || { cat "$root/import.log" >&2; exit 1; }
kill -TERM "$import"; wait "$import" 2>/dev/null || true
closed
recipient=$(inside sillage backup --new-key /root/key | grep -o 'age1[a-z0-9]*')
printf '\n[backup]\ndir = "/srv/backup/sillage"\nrecipient = "%s"\n' "$recipient" >> "$root/etc/sillage/sillage.toml"
inside install -d -o sillage -g sillage -m 700 /srv/backup/sillage
python3 tests/deploy/as_unit.py "$root" sillage-backup.service >"$root/backup.log" 2>&1 || { cat "$root/backup.log" >&2; exit 1; }
ls "$root"/srv/backup/sillage/sillage-*.backup.age >/dev/null
closed
echo 'debian: the units of log and backup run beside the service'
[ "$(hit)" = 202 ]
kill -KILL "$child"; wait "$child" 2>/dev/null || true
inside sh -c 'dpkg -i /packages/upgrade/*.deb' >/dev/null
start
figures '[1,2]' && echo 'debian: upgraded over a spool that held a hit; no visitor counts twice'
kill -TERM "$child"; wait "$child" 2>/dev/null || true
child=''
inside dpkg --remove sillage >/dev/null
inside test ! -e /usr/bin/sillage && inside test -d /var/lib/sillage/clickhouse && echo 'debian: removed, data kept'
inside dpkg --purge sillage >/dev/null
inside test ! -e /var/lib/sillage && echo 'debian: purged'
echo '6 passed, 0 failed'
