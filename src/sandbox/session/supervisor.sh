# The first process of a session's container: keeps an interpreter running and says when it ended.
# $1 is the mark; the rest is the interpreter's command. Requests come on descriptor 3, which only the interpreter reads
# while it runs. A line that is the mark starts one; what a crashed interpreter left unread before it is dropped.
mark=$1
shift
exec 3<&0 </dev/null

child=
trap '[ -n "$child" ] && kill -INT "$child" 2>/dev/null' INT
trap 'kill -KILL -1 2>/dev/null' TERM

count() {
  kills=0
  for counter in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$counter" ] || continue
    while read -r name value; do [ "$name" = oom_kill ] && kills=$value; done <"$counter"
  done
}

while IFS= read -r line <&3; do
  [ "$line" = "$mark" ] || continue
  count
  before=$kills
  "$@" "$mark" &
  child=$!
  # A signal ends the waiting, not the interpreter.
  while :; do
    wait "$child" 2>/dev/null
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=
  # 113: the requests are at their end, for the server is gone.
  [ "$code" = 113 ] && exit
  kill -KILL -1 2>/dev/null
  count
  printf '%s' "$mark" >&2
  printf '%scrash %s %s\n' "$mark" "$code" "$((kills - before))"
done
