#!/usr/bin/env bash
# Hands KEY=VALUE lines on to the later steps of the job. Values of SECRET are masked:
# the runner masks a secret as a whole, not the parts of it.
set -euo pipefail

name='^[A-Za-z_][A-Za-z0-9_]*$'
end="e2e-gate-$RANDOM$RANDOM$RANDOM$RANDOM"

hand_on() {
  local line key value number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    line=${line%$'\r'}
    case "$line" in '' | '#'*) continue ;; esac
    key=${line%%=*}
    value=${line#*=}
    if [ "$key" = "$line" ] || ! [[ $key =~ $name ]]; then
      printf '::error title=e2e-gate::line %d of %s is not KEY=VALUE\n' "$number" "$1"
      exit 2
    fi
    case "$key" in GITHUB_* | RUNNER_* | ACTIONS_* | PATH | LD_PRELOAD | NODE_OPTIONS)
      printf '::error title=e2e-gate::line %d of %s sets %s, which belongs to the runner\n' "$number" "$1" "$key"
      exit 2
      ;;
    esac
    if [ "$1" = "secret env" ] && [ "${#value}" -gt 2 ]; then
      masked=${value//'%'/%25}
      printf '::add-mask::%s\n' "$masked"
    fi
    printf '%s<<%s\n%s\n%s\n' "$key" "$end" "$value" "$end" >>"$GITHUB_ENV"
  done
}

hand_on "input env" <<<"${GIVEN:-}"
hand_on "secret env" <<<"${SECRET:-}"
