get() {
  case "$1" in
    *://*) curl --silent --show-error --max-time 1 --fail-with-body "$1" ;;
    *) curl --silent --show-error --max-time 1 --fail-with-body "$CASE_API$1" ;;
  esac
}

state() {
  run get "$1"
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  got=$(echo "$output" | jq -r .state)
  [ "$got" = "$2" ] || { echo "expected state $2, got $got"; return 1; }
}

@test "value" { state /value ACCEPTED; }
@test "lag" { state /lag ACCEPTED; }
@test "server" { state /server ACCEPTED; }
@test "gateway" { state /gateway ACCEPTED; }
@test "conflict" { state /conflict ACCEPTED; }
@test "missing" { state /missing ACCEPTED; }
@test "denied" { state /denied ACCEPTED; }
@test "limited" { state /limited ACCEPTED; }
@test "reset" { state /reset ACCEPTED; }
@test "slow" { state /slow ACCEPTED; }
@test "crash" { state /crash ACCEPTED; }
@test "refused" { get "$UNUSED_PORT/cases"; }
@test "name" { get http://case-api.internal:8080/cases; }
@test "third" { get https://api.rates-of-exchange.com/v1/latest; }
@test "unset" { : "${CASE_API_TOKEN:?is not set}"; }
