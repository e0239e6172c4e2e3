# needs: gdb gcc
printf '#include <stdio.h>\nint twice(int x) { return 2 * x; }\nint main(void) { printf("%%d\\n", twice(21)); return 0; }\n' > app.c
gcc -g -O0 -o app app.c
gdb -q -batch -nx -ex 'break twice' -ex run -ex 'print x' -ex bt -ex continue ./app 2>/dev/null | grep -E '^\$1|^#|^42'
./app >/dev/null; sleep 30 & pid=$!
gdb -q -batch -nx -p $pid -ex 'print (int) 6 * 7' 2>/dev/null | grep '^\$1'; kill $pid
