#!/usr/bin/env bash
# Puts e2e-gate on the runner and names it in the output binary.
#
# In a release, .github/release.sha256 is part of the tagged tree: its first line
# names the version, the others the SHA-256 of each platform's binary. The binary
# comes from the release's download address and is trusted because of its hash alone.
# Without that file, or with the input version set to source, it is built with Go.
set -euo pipefail

fail() {
  printf '::error title=e2e-gate::%s\n' "$1"
  exit 2
}

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

hash_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
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
  if [ -f "$binary" ] && [ "$(hash_of "$binary")" = "$want" ]; then return; fi
  mkdir -p "$work/$want"
  url="${E2E_GATE_DOWNLOAD_URL:-https://github.com/${GITHUB_ACTION_REPOSITORY:-org/e2e-gate}/releases/download}/$version/$asset"
  echo "downloading e2e-gate $version"
  part=$(mktemp "$work/$want/part.XXXXXX")
  curl --fail --silent --show-error --location --retry 3 --retry-connrefused --max-time 120 --max-filesize 200000000 --output "$part" "$url" ||
    fail "cannot download $url; look at the runner's network, or set E2E_GATE_DOWNLOAD_URL to a mirror"
  got=$(hash_of "$part")
  if [ "$got" != "$want" ]; then
    rm -f "$part"
    fail "$url has the SHA-256 $got, and the action's own tree says $want: it is not run"
  fi
  chmod +x "$part"
  mv -f "$part" "$binary"
}

case "${INPUT_VERSION:-}" in
  source) build ;;
  *) if [ -f "$sums" ]; then download; else
    [ -z "${INPUT_VERSION:-}" ] || fail "input version: this commit of the action is not a release; use org/e2e-gate@$INPUT_VERSION instead"
    build
  fi ;;
esac
printf 'binary=%s\n' "$binary" >>"$GITHUB_OUTPUT"
