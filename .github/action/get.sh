#!/usr/bin/env bash
# Puts e2e-gate on the runner and names it in the output binary.
#
# In a release, .github/release.sha256 is part of the tagged tree: its first line
# names the version, the others the SHA-256 of each platform's binary. The binary
# comes from the release of the repository that the action was taken from, or from the
# original one, and is trusted because of its hash alone.
# Without that file, or with the input version set to source, it is built with Go.
set -euo pipefail

# Where the original is released.
upstream=https://github.com/org/e2e-gate

# No program that is started here gets the token from its environment.
token=${TOKEN:-}
unset TOKEN

fail() {
  printf '::error title=e2e-gate::%s\n' "$1"
  exit 2
}

# The gate keeps its history in the checkout that the working directory is in, which need not be the workspace.
workspace=$(cd "${GITHUB_WORKSPACE:-.}" && pwd)
here=$(cd "$workspace/${WORKING_DIRECTORY:-.}" 2>/dev/null && pwd) ||
  fail "input working-directory: there is no folder $WORKING_DIRECTORY in the workspace; give the path of the checkout"
case "$here/" in
  "$workspace"/*) ;;
  *) fail "input working-directory: $WORKING_DIRECTORY is outside of the workspace" ;;
esac
checkout=$here
while [ "$checkout" != "$workspace" ] && [ ! -e "$checkout/.git" ]; do checkout=${checkout%/*}; done
if [ ! -e "$checkout/.git" ]; then checkout=$here; fi
history=${checkout#"$workspace"}
history=${history#/}
history="${history:+$history/}.e2e-gate/history"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sums="$root/.github/release.sha256"
work="${RUNNER_TEMP:-${TMPDIR:-/tmp}}/e2e-gate"
mkdir -p "$work"

platform() {
  case "${RUNNER_OS:-$(uname -s)}" in
    Linux) os=linux ;;
    macOS | Darwin) os=darwin ;;
    Windows | MINGW* | MSYS*) os=windows ;;
    *) fail "no binary for ${RUNNER_OS:-$(uname -s)}; set the input version to source to build it with Go" ;;
  esac
  case "${RUNNER_ARCH:-$(uname -m)}" in
    X64 | x86_64 | amd64) arch=amd64 ;;
    ARM64 | aarch64 | arm64) arch=arm64 ;;
    *) fail "no binary for ${RUNNER_ARCH:-$(uname -m)}; set the input version to source to build it with Go" ;;
  esac
  suffix=""
  if [ "$os" = windows ]; then suffix=.exe; fi
}

# By standard input: sha256sum puts a backslash before the hash of a file whose name has one,
# as every path on Windows.
hash_of() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi <"$1" | cut -d ' ' -f 1
}

is_wanted() { [ -f "$1" ] && [ "$(hash_of "$1")" = "$want" ]; }

fetch() { # FILE URL [OPTION...]
  local to=$1 url=$2
  shift 2
  curl --fail --silent --show-error --location --retry 3 --retry-connrefused --max-time 120 --max-filesize 200000000 --output "$to" "$@" "$url"
}

# The token goes to the API alone; curl sends a header on to no other host.
fetch_private() { # FILE REPOSITORY
  [ -n "$token" ] && [ -n "${API_URL:-}" ] || return 1
  local auth id
  auth=$(printf 'header = "Authorization: Bearer %s"' "$token")
  id=$(fetch - "$API_URL/repos/$2/releases/tags/$version" --config - <<<"$auth" | tr ',{}' '[\n*]' | awk -v name="\"$asset\"" '
    /"url": *".*\/releases\/assets\/[0-9]+"/ { id = $0; sub(/"[^"]*$/, "", id); sub(/^.*\//, "", id) }
    /"name":/ && index($0, name) { print id; exit }')
  [ -n "$id" ] && fetch "$1" "$API_URL/repos/$2/releases/assets/$id" --header "Accept: application/octet-stream" --config - <<<"$auth"
}

build() {
  command -v go >/dev/null || fail "this commit of the action is not a release, so it is built from source, but Go is not installed; use a release, or run actions/setup-go first"
  dir=$(mktemp -d "$work/source.XXXXXX")
  binary="$dir/e2e-gate"
  if [ "${RUNNER_OS:-}" = Windows ]; then binary="$binary.exe"; fi
  echo "building e2e-gate from source"
  (cd "$root" && CGO_ENABLED=0 go build -trimpath -o "$binary" ./cmd/e2e-gate) || fail "e2e-gate does not build; see above"
}

download() {
  platform
  version=$(sed -n '1s/^# *//p' "$sums")
  asset="e2e-gate_${os}_${arch}$suffix"
  want=$(awk -v asset="$asset" '$2 == asset { print $1 }' "$sums")
  if [ -z "$version" ] || [ "${#want}" -ne 64 ]; then
    fail "$sums has no hash of $asset; set the input version to source to build it with Go"
  fi
  if [ -n "${INPUT_VERSION:-}" ] && [ "$INPUT_VERSION" != "$version" ]; then
    fail "input version: this is $version, and it knows the hashes of its own binaries only; use org/e2e-gate@$INPUT_VERSION instead"
  fi
  binary="$work/$want/e2e-gate$suffix"
  if is_wanted "$binary"; then return; fi
  mkdir -p "$work/$want"
  part=$(mktemp "$work/$want/part.XXXXXX")
  # A machine of one's own keeps its tools between jobs. Another job could write there, so the
  # copy of this job is what is checked.
  kept="${RUNNER_TOOL_CACHE:+$RUNNER_TOOL_CACHE/e2e-gate/$want/e2e-gate$suffix}"
  if [ -n "$kept" ] && [ -f "$kept" ] && cp "$kept" "$part" && is_wanted "$part"; then
    echo "using e2e-gate $version of this machine"
  else
    find_it
    got=$(hash_of "$part")
    if [ "$got" != "$want" ]; then
      rm -f "$part"
      fail "$url has the SHA-256 $got, and the action's own tree says $want: it is not run"
    fi
    keep
  fi
  chmod +x "$part"
  mv -f "$part" "$binary"
}

# find_it downloads to $part, and leaves the address in $url.
find_it() {
  command -v curl >/dev/null || fail "there is no curl on this runner to download e2e-gate with; install it, or put the binary into an image of your own"
  echo "downloading e2e-gate $version"
  local repository=${ACTION_REPOSITORY:-}
  if [ -n "${E2E_GATE_DOWNLOAD_URL:-}" ]; then
    url="$E2E_GATE_DOWNLOAD_URL/$version/$asset"
    if fetch "$part" "$url"; then return; fi
  else
    if [ -n "$repository" ]; then
      url="${SERVER_URL:-https://github.com}/$repository/releases/download/$version/$asset"
      # Files of a private repository's release have no public address.
      if fetch "$part" "$url" || fetch_private "$part" "$repository"; then return; fi
    fi
    # A copy may have no releases, and a server may take the action from github.com. The hash
    # decides whether it is the same.
    if [ "${url:-}" != "$upstream/releases/download/$version/$asset" ]; then
      url="$upstream/releases/download/$version/$asset"
      if fetch "$part" "$url"; then return; fi
    fi
  fi
  fail "cannot download $asset of e2e-gate $version${repository:+ from $repository}, nor from $url; look at the runner's network, give the input token one that may read a private copy, or set E2E_GATE_DOWNLOAD_URL to a mirror"
}

# keep leaves the binary to later jobs of this machine. That it cannot is no reason to stop.
keep() {
  [ -n "$kept" ] || return 0
  local new
  { mkdir -p "${kept%/*}" && new=$(mktemp "${kept%/*}/part.XXXXXX") && cp "$part" "$new" && mv -f "$new" "$kept"; } 2>/dev/null || true
}

case "${INPUT_VERSION:-}" in
  source) build ;;
  *) if [ -f "$sums" ]; then download; else
    [ -z "${INPUT_VERSION:-}" ] || fail "input version: this commit of the action is not a release; use org/e2e-gate@$INPUT_VERSION instead"
    build
  fi ;;
esac
printf 'binary=%s\nhistory=%s\n' "$binary" "$history" >>"$GITHUB_OUTPUT"
