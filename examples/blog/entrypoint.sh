#!/bin/sh
# Waits until the database takes connections, then becomes the command. Migrations are not run here: every container
# would run them, and a rollback would run the wrong ones. The release step runs them, once.
set -eu

if [ -n "${DB_HOSTNAME:-}" ]; then
    python - "$DB_HOSTNAME" "${DB_PORT:-5432}" "${DB_WAIT_SECONDS:-30}" <<'PYTHON'
import socket, sys, time

host, port, limit = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + limit
while True:
    try:
        socket.create_connection((host, port), timeout=2).close()
        break
    except OSError as error:
        if time.monotonic() >= end:
            sys.exit(f"the database at {host}:{port} did not answer within {limit:g} s: {error}")
    time.sleep(0.5)
PYTHON
fi

exec "$@"
