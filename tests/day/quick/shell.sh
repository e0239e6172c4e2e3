# needs: tar gzip patch
set -m
mkdir -p tree/a tree/b && seq 1000 > tree/a/numbers && ln -s a/numbers tree/link && ln tree/a/numbers tree/b/hard
tar -czf tree.tgz tree && mkdir out && tar -xzf tree.tgz -C out && diff -r tree out/tree && stat -c %h out/tree/a/numbers
cp -a tree copy && mv copy/a/numbers copy/b/moved && find copy -type f | sort
sed -i 's/^5$/five/' tree/a/numbers && diff -u out/tree/a/numbers tree/a/numbers > change.diff || true
patch -s -d out/tree -p3 < <(sed 's#out/tree/#x/y/z/#; s#tree/a#x/y/a#' change.diff) a/numbers && grep -n five out/tree/a/numbers
mkfifo pipe && (echo through the pipe > pipe &) && cat pipe
xargs -P 4 -n 1 echo < <(seq 4) | sort | tr '\n' ' '; echo
flock lock -c 'echo locked'; timeout 0.2 sleep 5 || echo "timed out $?"
(trap 'echo trapped; exit 3' TERM; kill -TERM $BASHPID; sleep 1) || echo "ended with $?"
sleep 100 & kill %1; wait %1 2>/dev/null || echo "job $?"
echo $((40 + 2)) | tee >(cat >&2) ; ulimit -n >/dev/null && nproc >/dev/null && df . >/dev/null && free >/dev/null && echo looked
chmod 640 tree/b/hard && stat -c %a tree/b/hard && touch -d '2001-02-03 UTC' tree && TZ=UTC date -r tree +%F
ps -o pid= -p $$ >/dev/null && ls -l /proc/self/fd >/dev/null && test -t 0 || echo "no terminal"
