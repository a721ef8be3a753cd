#!/usr/bin/env bash
# The static collector, tried: it starts, finds its database by name and ships three hits of three visitors. The usual
# program runs the database. usage: static.sh PROGRAM STATIC
set -euo pipefail
program=$(realpath "$1")
[ -x "$2" ] || { echo 'static: no static collector was built'; exit 0; }
static=$(realpath "$2")
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
work=$(mktemp -d) memory=$(mktemp -d -p /dev/shm)
started=()
end() { for process in "${started[@]}"; do kill "$process" 2>/dev/null && wait "$process" || true; done; rm -rf "$work" "$memory"; }
trap end EXIT
mkdir "$memory/engine" "$memory/static" "$memory/refused"
! ldd "$static" 2>&1 | grep -q '=>' || { echo 'static: it has shared libraries' >&2; exit 1; }

configure() { # name, lines of [clickhouse]
  cat > "$work/$1.toml" <<CONFIG
site = [{ name = "shop.example" }]
[collect]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.0/8"]
[console]
listen = "127.0.0.1:0"
[clickhouse]
$2
[spool]
dir = "$work/$1-spool"
flush_seconds = 1
[runtime]
dir = "$memory/$1"
[privacy]
protection = "exact"
CONFIG
}

start() { # name, program
  "$2" serve --config "$work/$1.toml" > "$work/$1.log" 2>&1 &
  started+=($!)
  for _ in $(seq 300); do grep -q '^console' "$work/$1.log" && return; sleep 0.2; done
  cat "$work/$1.log" >&2; exit 1
}

library="library = \"$root/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so\""
configure engine "dir = \"$work/data\"
$library"
start engine "$program"
said() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$memory/engine/engine.json"; }
url=$(said url | sed s/127.0.0.1/localhost/)
sed -n 's/.*"writer":{[^}]*"password":"\([^"]*\)".*/\1/p' "$memory/engine/engine.json" | tr -d '\n' > "$work/password"
configure refused "dir = \"$work/refused\"
$library"
if "$static" serve --config "$work/refused.toml" > "$work/refused.log" 2>&1 || ! grep -q 'a static program cannot load it' "$work/refused.log"; then
  echo 'static: does not say that it cannot load the engine' >&2; cat "$work/refused.log" >&2; exit 1
fi
configure static "mode = \"remote\"
url = \"$url\"
user = \"sillage\"
password_file = \"$work/password\""
start static "$static"
collect=$(sed -n 's/^collect *//p' "$work/static.log")
for number in 1 2 3; do
  status=$(curl -s -o "$work/answer" -w '%{http_code}' -H "X-Forwarded-For: 90.0.0.$number" \
    -A 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' \
    --data '{"n":"pageview","u":"https://shop.example/a","d":"shop.example"}' "${collect%/}/api/event")
  [ "$status" = 202 ] || { echo "static: hit answered $status" >&2; exit 1; }
done
for _ in $(seq 150); do
  counted=$(curl -s -H 'X-ClickHouse-User: sillage' -H "X-ClickHouse-Key: $(cat "$work/password")" "$url/" \
    --data 'SELECT sum(pageviews), sum(visitors) FROM sillage.site_days')
  [ "$counted" = $'3\t3' ] && { echo 'static: three hits of three visitors are counted'; exit 0; }
  sleep 0.2
done
echo "static: counted: $counted" >&2; cat "$work/static.log" >&2; exit 1
