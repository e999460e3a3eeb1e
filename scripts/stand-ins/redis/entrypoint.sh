#!/bin/bash
# Runs redis-server as the official image does: `redis-server [FILE.conf] [--option value ...]`, where the command's
# name may be left out. Two things more than the official image: REDIS_PASSWORD and REDIS_PORT become settings through
# a file that only redis can read, so that the password is never an argument in the process list.
set -euo pipefail

if [[ ${1:-} == -* || ${1:-} == *.conf ]]; then set -- redis-server "$@"; fi
if [[ ${1:-} != redis-server ]]; then exec "$@"; fi
shift

settings=/run/redis/beanpole.conf
if ((EUID == 0)); then
  install -d -m 0750 -o redis -g redis /run/redis
  find /data ! -user redis -exec chown redis {} +
  exec setpriv --reuid=redis --regid=redis --init-groups "$0" redis-server "$@"
fi

umask 077
mkdir -p "${settings%/*}"
{
  # A container is reached from outside; the official image switches this off as well.
  echo 'protected-mode no'
  echo 'bind * -::*'
  if [[ -n ${1:-} && ${1:-} != -* ]]; then printf 'include "%s"\n' "$1"; fi
  if [[ -n ${REDIS_PORT:-} ]]; then printf 'port %s\n' "$REDIS_PORT"; fi
  if [[ -n ${REDIS_PASSWORD:-} ]]; then
    password=${REDIS_PASSWORD//\\/\\\\}
    password=${password//\"/\\\"}
    printf 'requirepass "%s"\n' "$password"
  fi
} >"$settings"
if [[ -n ${1:-} && $1 != -* ]]; then shift; fi
unset REDIS_PASSWORD password
exec redis-server "$settings" "$@"
