/* Memory, sorting, environment, and the way a program begins and ends. */
#include <libc.h>

/* A block is a power of two, with its size in the 16 bytes before what is
 * handed out. Freed blocks wait in one list a size. */
struct block { struct block *next; size_t size; };
static struct block *freed[64];
static char *fresh, *fresh_end;

static int size_class(size_t n)
{
    int c = 5;
    while (((size_t)1 << c) < n + 16) c++;
    return c;
}

void *malloc(size_t n)
{
    struct block *b;
    int c;
    size_t size;
    if (n > (size_t)1 << 40) return 0;
    c = size_class(n);
    size = (size_t)1 << c;
    b = freed[c];
    if (b) {
        freed[c] = b->next;
    } else {
        if ((size_t)(fresh_end - fresh) < size) {
            size_t chunk = size < (1 << 20) ? 1 << 20 : size;
            char *p = sbrk(chunk);
            if (!p) return 0;
            /* What is left of the last chunk is given up, unless this one follows it. */
            if (p != fresh_end) fresh = p;
            fresh_end = p + chunk;
        }
        b = (struct block *)fresh;
        fresh += size;
    }
    b->size = size;
    return b + 1;
}

void free(void *p)
{
    struct block *b = p;
    int c;
    if (!p) return;
    b--;
    c = size_class(b->size - 16);
    b->next = freed[c];
    freed[c] = b;
}

void *calloc(size_t n, size_t size)
{
    void *p = malloc(n * size);
    return p ? memset(p, 0, n * size) : p;
}

void *realloc(void *p, size_t n)
{
    struct block *b = p;
    void *q;
    if (p && n + 16 <= b[-1].size) return p;
    q = malloc(n);
    if (p && q) {
        memcpy(q, p, b[-1].size - 16);
        free(p);
    }
    return q;
}

void exit(int code)
{
    fflush(stdout);
    _exit(code);
}

void abort(void)
{
    _exit(134);
}

char *getenv(const char *name)
{
    size_t n = strlen(name);
    char **e;
    for (e = environ; *e; e++)
        if (!strncmp(*e, name, n) && (*e)[n] == '=') return *e + n + 1;
    return 0;
}

static void swap(char *a, char *b, size_t size)
{
    while (size--) {
        char c = *a;
        *a++ = *b;
        *b++ = c;
    }
}

/* Heap sort: no worst case, no memory. */
static void sift(char *base, size_t top, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    size_t child;
    while ((child = 2 * top + 1) < n) {
        if (child + 1 < n && compare(base + child * size, base + (child + 1) * size) < 0) child++;
        if (compare(base + top * size, base + child * size) >= 0) return;
        swap(base + top * size, base + child * size, size);
        top = child;
    }
}

void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    size_t i;
    for (i = n / 2; i-- > 0;) sift(base, i, n, size, compare);
    for (i = n; i-- > 1;) {
        swap(base, (char *)base + i * size, size);
        sift(base, 0, i, size, compare);
    }
}

int main(int argc, char **argv);

void _start_c(long argc, char **argv, char **envp)
{
    environ = envp;
    exit(main(argc, argv));
}
