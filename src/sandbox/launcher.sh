# The first process of a run's container: waits for one plan on standard input, up to a line that is $1, and does it.
# Everything here is built into the shell: the kernel ends the rest of the container when this process ends.
# What the shell itself says, of a killed program for instance, goes nowhere; it may say it late.
exec 3>&2 2>/dev/null
plan=
while :; do
  # It ends before its plan: UNBEGUN in launcher.rs.
  IFS= read -r line || exit 125
  [ "$line" = "$1" ] && break
  plan="$plan$line
"
done

# Says on both streams that the program is over: its exit code, and how often the memory limit killed something.
finish() {
  kills=0
  for counter in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$counter" ] || continue
    while read -r name value; do [ "$name" = oom_kill ] && kills=$value; done <"$counter"
  done
  printf '%s' "$mark" >&3
  printf '%s%s %s\n' "$mark" "$1" "$kills"
}

eval "$plan"
