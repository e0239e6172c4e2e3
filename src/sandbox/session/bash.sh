# Runs cells one after the other in one shell. Requests: a line "CELL SIZE", then SIZE bytes of code.
__mark=$1
shift
__kills() {
  local counter name value
  __killed=0
  for counter in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$counter" ] || continue
    while read -r name value; do [ "$name" = oom_kill ] && __killed=$value; done <"$counter"
  done
}
while IFS=' ' read -r -u 3 __cell __size; do
  # In the locale C a character is a byte.
  __locale=${LC_ALL-}
  LC_ALL=C
  IFS= read -r -u 3 -N "$__size" __code
  if [ -n "$__locale" ]; then LC_ALL=$__locale; else unset LC_ALL; fi
  __kills
  __before=$__killed
  eval "$__code" </dev/null 3<&-
  __status=$?
  __kills
  printf '%s' "$__mark" >&2
  printf '%sdone {"cell":%d,"code":%d,"kills":%d}\n' "$__mark" "$__cell" "$__status" "$((__killed - __before))"
done
exit 113
