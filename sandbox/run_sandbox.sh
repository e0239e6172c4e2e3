#!/usr/bin/env bash
# Runs a command in the sandbox by hand, with the bridge's own limits: run_sandbox.sh [COMMAND] [TIMEOUT in seconds]
# Without a command: a shell to look around in. SANDBOX_IMAGE chooses the image. Exit code 124: the time ran out.
set -euo pipefail

image=${SANDBOX_IMAGE:-mcp-sandbox:latest}
command=${1:-}
seconds=${2:-30}
name=mcp-sandbox-by-hand-$$
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "run_sandbox.sh: the timeout is a number of seconds, not '$seconds'" >&2; exit 2; }
docker version >/dev/null 2>&1 || { echo "run_sandbox.sh: no Docker engine answers: install or start Docker" >&2; exit 1; }
docker image inspect "$image" >/dev/null 2>&1 || {
  echo "run_sandbox.sh: there is no image '$image': build it with  docker build -t $image $here" >&2
  exit 1
}

limits=(
  --rm --init --name "$name" --pull never --network none
  --memory 256m --memory-swap 256m --cpus 0.5 --pids-limit 128
  --cap-drop ALL --security-opt no-new-privileges --security-opt "seccomp=$here/seccomp.json"
  --read-only --ipc none --user 1000:1000 --workdir /home/sandbox/workspace
  --tmpfs /home/sandbox/workspace:rw,exec,nosuid,nodev,size=128m,uid=1000,gid=1000,mode=0755
  --tmpfs /tmp:rw,exec,nosuid,nodev,size=64m,mode=1777
  --ulimit core=0 --ulimit nofile=1024 --log-driver none
)

if [[ -z $command ]]; then
  exec docker run -it "${limits[@]}" "$image" bash
fi
trap 'docker rm -f "$name" >/dev/null 2>&1 || true' EXIT
timeout --kill-after=5 "$seconds" docker run "${limits[@]}" "$image" bash -c "$command"
