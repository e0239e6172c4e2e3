# needs: make gcc ar
mkdir src include
echo 'int twice(int);' > include/twice.h
echo '#include "twice.h"
int twice(int x) { return 2 * x; }' > src/twice.c
echo '#include <stdio.h>
#include "twice.h"
int main(void) { printf("%d\n", twice(21)); return 0; }' > src/main.c
printf 'CFLAGS = -O1 -Iinclude\nall: app libtwice.so\nlibtwice.a: src/twice.o\n\tar rcs $@ $^\napp: src/main.o libtwice.a\n\t$(CC) -o $@ $^\nlibtwice.so: src/twice.c\n\t$(CC) -shared -fPIC -o $@ $< $(CFLAGS)\ninstall: all\n\tinstall -D app $(DESTDIR)/bin/app\nclean:\n\trm -f app *.a *.so src/*.o\n' > Makefile
make -s -j4 && ./app && make -s install DESTDIR="$PWD/out" && out/bin/app
gcc -E -xc /dev/null >/dev/null && gcc -pipe -flto -o lto src/*.c -Iinclude && ./lto
make -s clean && ls *.so 2>/dev/null || echo clean
