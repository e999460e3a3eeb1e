#!/bin/bash
# First start: makes the cluster, its superuser and its database from POSTGRES_USER (default postgres),
# POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, and POSTGRES_DB (default: the user's name). Later starts keep them.
# PGPORT changes the port. Arguments go to postgres, as with the official image.
set -euo pipefail

if [[ ${1:-} == -* ]]; then set -- postgres "$@"; fi
if [[ ${1:-} != postgres ]]; then exec "$@"; fi

# Postgres refuses to run as root.
if ((EUID == 0)); then
  install -d -m 0700 -o postgres -g postgres "$PGDATA"
  install -d -m 2775 -o postgres -g postgres /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  password=${POSTGRES_PASSWORD:-}
  if [[ -n ${POSTGRES_PASSWORD_FILE:-} ]]; then password=$(<"$POSTGRES_PASSWORD_FILE"); fi
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [[ -z $password && $method != trust ]]; then
    echo 'error: the database has no password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE' >&2
    exit 1
  fi
  if [[ -d /docker-entrypoint-initdb.d && -n $(ls -A /docker-entrypoint-initdb.d) ]]; then
    echo 'error: this stand-in for postgres does not run the files of /docker-entrypoint-initdb.d' >&2
    exit 1
  fi
  # The password goes through a pipe: neither the process list nor the disk sees it.
  # shellcheck disable=SC2086 # several arguments in one variable, as the official image has it
  initdb --username="$user" --pwfile=<(printf '%s\n' "${password:-unused}") --auth-local=trust --auth-host="$method" \
    --encoding=UTF8 --no-sync ${POSTGRES_INITDB_ARGS:-} >/dev/null
  printf 'host all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
  if [[ $database != postgres ]]; then
    echo "CREATE DATABASE \"${database//\"/\"\"}\";" | postgres --single -j postgres >/dev/null
  fi
fi

# From here on the server needs none of this, and its environment can be read by the database's superuser.
unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
shift
exec postgres -c listen_addresses='*' "$@"
