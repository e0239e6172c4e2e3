# needs: strace
echo text > file
strace -f -o trace -e trace=openat,execve sh -c 'cat file' && grep -c '"file"' trace
strace -c -o counts true && grep -c execve counts
sleep 30 & pid=$!; (timeout -s INT 1 strace -p $pid -o attached || true) 2>/dev/null; kill $pid; test -s attached && echo attached
