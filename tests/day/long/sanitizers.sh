# needs: gcc
printf '#include <stdlib.h>\nint main(int c, char **v) { char *p = malloc(4); p[c + 3] = 1; free(p); return 0; }\n' > address.c
gcc -fsanitize=address -g -o address address.c && (./address 2>&1 || true) | grep -o 'heap-buffer-overflow' | head -1
printf '#include <pthread.h>\nint n;\nvoid *add(void *x) { for (int i = 0; i < 10000; i++) n++; return x; }\nint main(void) { pthread_t a, b; pthread_create(&a, 0, add, 0); pthread_create(&b, 0, add, 0); pthread_join(a, 0); pthread_join(b, 0); return 0; }\n' > thread.c
gcc -fsanitize=thread -g -o thread thread.c && (./thread 2>&1 || true) | grep -o 'data race' | head -1
printf '#include <stdlib.h>\nint main(void) { return malloc(8) == NULL; }\n' > leak.c
gcc -fsanitize=address,undefined -g -o leak leak.c && (./leak 2>&1 || true) | grep -o 'detected memory leaks\|LeakSanitizer has encountered.*'
