#!/bin/sh
# Ends what up.sh started, and leaves the service's log in the log of isolation.
dir=$(dirname "$E2E_ISOLATION_ENV")
[ ! -s "$dir/casework.pid" ] || kill "$(cat "$dir/casework.pid")" 2>/dev/null
cat "$dir/casework.log" 2>/dev/null || true
