#!/bin/sh
# One write of a leader into PostgreSQL: `leasehold run reports -- postgresql.sh TEXT`, with the connection in PGHOST, PGDATABASE, ….
#
#   CREATE TABLE reports (id text PRIMARY KEY, body text NOT NULL, token numeric NOT NULL);
#
# The row's lock puts writes into an order; the condition is looked at again by who waited for it. So a write of an earlier term changes
# nothing, whenever it comes.
set -eu
written=$(psql -qAtX -v ON_ERROR_STOP=1 -v body="$1" -v token="$LEASEHOLD_FENCING_TOKEN" <<'SQL'
INSERT INTO reports (id, body, token) VALUES ('daily', :'body', :'token')
    ON CONFLICT (id) DO UPDATE SET body = excluded.body, token = excluded.token WHERE reports.token <= excluded.token
    RETURNING token
SQL
)
if [ -z "$written" ]; then
    echo "token $LEASEHOLD_FENCING_TOKEN: a newer leader was here, nothing is written" >&2
    exit 1
fi
