#!/bin/sh
# Creates the files for docker-compose.yml: secrets, and the configuration of one site. Prints the console's token once.
#   deploy/docker/setup.sh shop.example stats.shop.example
set -eu
[ $# = 2 ] || { echo 'usage: setup.sh SITE HOST' >&2; exit 2; }
site=$1 host=$2
case "$site$host" in *[!A-Za-z0-9._-]*) echo 'setup.sh: SITE and HOST are host names, such as shop.example stats.shop.example' >&2; exit 2 ;; esac
cd "$(dirname "$0")"
[ ! -e secrets ] || { echo 'deploy/docker/secrets exists; remove it to begin anew' >&2; exit 1; }
umask 077
mkdir secrets
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
random > secrets/clickhouse_password
random > secrets/grafana_password
token="sillage_$(random)"
printf '%s' "$token" > secrets/sillage_token
hash=$(printf '%s' "$token" | sha256sum | cut -d' ' -f1)
for kind in embedded full; do
  sed -e "s/{{site}}/$site/g" -e "s/{{host}}/$host/g" -e "s/{{token}}/$hash/g" "$kind.toml" > "secrets/$kind.toml"
done
# The containers run as user 10001, Grafana as 472; files of secrets are readable inside through their mounts.
chmod 755 secrets && chmod 644 secrets/*
printf 'console token (shown once): %s\n' "$token"
printf 'next: docker compose --profile embedded up   or   SILLAGE_HOST=%s docker compose --profile full up\n' "$host"
