#!/usr/bin/env bash
# run.sh PROGRAM: opens /docs, /redoc and /control of a running bridge in Debian's chromium and uses them as a person would.
# Installs playwright-core (from npm) into a temporary directory; screenshots go to $SCREENSHOTS when it is set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
work=$(mktemp -d /tmp/bridge-browser-XXXXXX)
trap 'rm -rf "$work"' EXIT
cp "$here/pages.mjs" "$work/"
cd "$work"
npm install --silent --no-audit --no-fund --no-save playwright-core@1 >/dev/null
timeout 180 node pages.mjs "$program" "$work/server"
