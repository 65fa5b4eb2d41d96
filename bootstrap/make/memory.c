/* gnulib's own version of this asks for a translated message and half of gnulib. */
#include <stdio.h>
#include <stdlib.h>

void xalloc_die(void)
{
    fputs("make: out of memory\n", stderr);
    exit(2);
}
