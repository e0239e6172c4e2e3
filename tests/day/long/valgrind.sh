# needs: valgrind gcc
printf '#include <stdlib.h>\nint main(void) { char *p = malloc(8); return p[0] ? 1 : 0; }\n' > app.c
gcc -g -o app app.c
(valgrind --leak-check=full ./app 2>&1 || true) | grep -oE 'uninitialised value|8 bytes in 1 blocks are definitely lost' | sort -u
