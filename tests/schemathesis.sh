#!/usr/bin/env bash
# Sends what schemathesis makes of /openapi.json to every route, with the key: no 5xx that is not the contract's, and no
# answer that the document does not describe.
#
# usage: tests/schemathesis.sh PROGRAM SCHEMATHESIS [further options of `schemathesis run`]
#
# The terminal routes are called too, so random text is run as commands. Therefore everything happens in namespaces of
# its own: no network but loopback, no process of the machine in sight, every file system read-only except a scratch one
# in memory, harmless devices and terminals of its own; and the bridge runs there as nobody and without capabilities.
set -euo pipefail

if [ "${1:-}" != inside ]; then
  program=$(realpath "$1") schemathesis=$(realpath --no-symlinks "$2"); shift 2
  [ -x "$program" ] || { echo "no program at $program: build it first"; exit 1; }
  scratch=$(mktemp -d /tmp/bridge-fuzz-XXXXXX)
  trap 'rmdir "$scratch"' EXIT
  user=(); [ "$(id -u)" = 0 ] || user=(--map-root-user)
  unshare "${user[@]}" --mount --pid --net --ipc --fork --kill-child \
    "$(realpath "$0")" inside "$program" "$schemathesis" "$(realpath "${0%.sh}.toml")" "$scratch" "$@"
  exit
fi
shift; program=$1 schemathesis=$2 config=$3 scratch=$4; shift 4

mount --make-rprivate /
mount -t tmpfs -o size=1g,mode=755 tmpfs "$scratch"
cp "$program" "$scratch/mcp-server"
cp "$config" "$scratch/schemathesis.toml"
cp "${config%.toml}_hooks.py" "$scratch/"
mkdir "$scratch/dev" "$scratch/work" "$scratch/tmp" "$scratch/reports"
chmod 777 "$scratch/work" "$scratch/tmp"
for device in null zero full random urandom; do
  touch "$scratch/dev/$device"
  mount --bind "/dev/$device" "$scratch/dev/$device"
done
mkdir "$scratch/dev/pts"
ln -s pts/ptmx "$scratch/dev/ptmx"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$scratch/dev/pts"
mount --rbind "$scratch/dev" /dev
mount -t proc proc /proc
while read -r _ place _; do
  case $place in "$scratch"*|/proc|/proc/*|/dev/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done < /proc/self/mounts
if touch "/usr/bridge-fuzz-$$" 2>/dev/null; then echo "the file systems stay writable: not safe to go on"; exit 1; fi
ip link set lo up

as=(setpriv --bounding-set=-all --inh-caps=-all --no-new-privs)
grep -q '4294967295$' /proc/self/uid_map && as+=(--reuid=65534 --regid=65534 --clear-groups)
cd "$scratch/work"
env -i PATH="$PATH" HOME="$scratch/work" TMPDIR="$scratch/tmp" MCP_API_KEY=fuzz-key-0123456789abcdef MCP_PORT=7860 LOG_LEVEL=WARNING MCP_MAX_WRONG_KEYS=1000000 MCP_APPROVAL_WAIT=0 \
  "${as[@]}" "$scratch/mcp-server" > "$scratch/printed" 2> "$scratch/log" &
for _ in $(seq 300); do grep -q "listens on" "$scratch/printed" && break; sleep 0.1; done
grep -q "listens on" "$scratch/printed" || { echo "the bridge does not start"; cat "$scratch/log"; exit 1; }

cd "$scratch"
export PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY="$scratch/reports" HOME="$scratch"
result=0
"$schemathesis" --config-file schemathesis.toml run http://127.0.0.1:7860/openapi.json "$@" || result=$?
if grep -E "ERROR|panicked" "$scratch/log"; then echo "the bridge's log shows faults"; result=1; fi
kill -0 %1 || { echo "the bridge is gone"; result=1; }
exit "$result"
