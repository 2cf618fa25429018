#!/bin/sh
# Starts a casework of its own for one attempt on one shard, on its own database, and hands its address over.
# Standard output goes to the log of isolation; the folder of $E2E_ISOLATION_ENV is the attempt's own.
set -eu
dir=$(dirname "$E2E_ISOLATION_ENV")
go build -o "$dir/casework" ./examples/casework
PORT=0 "$dir/casework" >"$dir/casework.log" 2>&1 &
echo $! >"$dir/casework.pid"
until address=$(sed -n 's/.*listening on //p' "$dir/casework.log") && [ -n "$address" ]; do
  kill -0 "$(cat "$dir/casework.pid")" 2>/dev/null || { cat "$dir/casework.log"; exit 1; }
  sleep 0.1
done
echo "CASE_API=$address" >>"$E2E_ISOLATION_ENV"
