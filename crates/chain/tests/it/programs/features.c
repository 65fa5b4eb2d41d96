/* Everything that cc1 supports, in one program whose output gcc's must equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASTE(x, y) x##y
#define TEXT(x) #x
#define CALL(f, ...) f(__VA_ARGS__)
#define EMPTY
#define SELF SELF + 1
#define ITEMS(X) X(red) X(green) X(blue)
#define AS_ENUM(n) colour_##n,
#define AS_TEXT(n) #n "\0"

enum colours { ITEMS(AS_ENUM) colours_count };
static const char colour_names[] = ITEMS(AS_TEXT);
typedef struct list { struct list *next; int value; } list;
struct packed { int x, y; unsigned a : 3, b : 5, c : 24; int d : 7; union { char u; long v; struct { short w, z; }; }; };
struct packed global = { 1, 2, 5, 17, 1000, -3, { 'x' } };
static int table[][2] = { { 1, 2 }, 3, 4, { 5 } };
static char *words[] = { "one", "two" " and a half", TEXT(three + "4\n"), 0 };
static list third = { 0, 3 }, second = { &third, 2 }, *first = &second;
static long offset = (long)&((struct packed *)0)->v;
static int *inside = &table[1][1];
static void (*no_function)(void);

static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static int (*pointer)(int) = fib;
static int (*choose(int n))(int) { return n ? fib : 0; }
static double half(double x) { return x / 2; }
static long double quarter(long double x, float y) { return x / 2 / y; }

static int choice(unsigned char c)
{
    switch (c) {
    case 'a': return 10;
    case 'b':
    case 200: c = 7; break;
    default: c += 60;
    }
    return c;
}

static long sum(int n, ...)
{
    long total = 0;
    va_list ap;
    va_start(ap, n);
    while (n--) total += va_arg(ap, long);
    total += va_arg(ap, double) * 2;
    va_end(ap);
    return total;
}

static jmp_buf place;
static void leap(int n) { longjmp(place, n); }

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void integers(void)
{
    unsigned u = 3000000000u;
    unsigned char uc = 255;
    signed char sc = -1;
    unsigned short us = 65535;
    unsigned long ul = -1;
    long long ll = 0x7fffffffffffffffLL;
    _Bool b = 256;
    printf("%u %d %d %u %d %d %d\n", u / 7, (int)u / 7, uc + sc, u >> 4, -17 >> 2, -17 % 5, -17 / 5);
    printf("%lu %ld %lu %d %d\n", ul / 3, (long)(ul % 10), ul >> 60, ul > 5, -1 > 5u);
    printf("%d %d %d %d %d\n", (char)200, (unsigned short)70000, us + 1, b, !b);
    printf("%ld %ld %d\n", ll, (long)(int)ll, 'a' + '\x7f' + '\377' + '\0' + '\\');
    us++; uc += 2; sc <<= 3; u -= 4000000000u; ul *= 3; ll >>= 5;
    printf("%d %d %d %u %lu %ld %d\n", us, uc, sc, u, ul, ll, 1 ? -1 : 0u);
    printf("%d %d %d\n", 0 && 1 / 0, 1 || 1 / 0, (3, 4));
}

static void floats(void)
{
    float f = 0.1f;
    double d = 1.5e3, z = 0;
    long double l = 10.25L;
    unsigned long big = 0xF000000000000000ul;
    printf("%d %d %d %d\n", (int)(d * 2 + 0.25), (int)half(9.0), (int)quarter(l, 0.5f), f == 0.1);
    printf("%d %d %d %d %d\n", 0.5 < 0.25, 1.0L > 0.5f, d != d, z / z == z / z, z / z < 1);
    printf("%lx %lx\n", (unsigned long)(double)big, (unsigned long)((long double)big / 2));
    printf("%d %d %d\n", (int)-2.9, (int)(float)16777217, (int)(d -= 0.5));
    printf("%d %d\n", z ? 1 : 2, !f);
    printf("%d %d\n", memcmp(&f, "\xcd\xcc\xcc\x3d", 4), memcmp(&d, "\0\0\0\0\0\x6e\x97\x40", 8));
}

static void aggregates(void)
{
    struct packed p = global, *q = &p, r;
    int local[] = { 3, 1, 2 };
    char text[] = "hello", room[8] = "ab";
    list a = { 0, 5 }, b = { &a, 6 }, *i;
    r = *q;
    q->b += 3; q->y++; --q->c; q->d -= 70;
    printf("%d %d %d %d %d %d %d\n", p.x, p.y, p.a, p.b, p.c, p.d, p.u);
    printf("%d %d %d %d %d\n", r.b, r.y, global.d, p.w, q->b++);
    printf("%d %d %d %d %d\n", (int)sizeof(struct packed), (int)sizeof table, (int)sizeof local, (int)sizeof text, (int)sizeof room);
    printf("%d %d %d %d %s %d\n", table[1][1], table[2][0], table[2][1], *inside, text, room[7]);
    printf("%s%s%s %d\n", words[0], words[1], words[2], words[3] == 0);
    printf("%d %ld %d\n", first->next->value, offset, no_function == 0);
    for (i = &b; i; i = i->next) printf("%d ", i->value);
    qsort(local, 3, sizeof *local, compare);
    printf("%d%d%d %ld %ld\n", local[0], local[1], local[2], &local[2] - local, (long)(&local[2] > local));
    { int *ip = local, n; n = *ip++; n += *++ip * 10; printf("%d %ld\n", n, ip - local); }
}

static void jumps(void)
{
    int i = 0, n;
    static int kept = 5;
    for (;;) {
        if (i == 3) { i += 2; continue; }
        if (i > 8) break;
        i++;
    }
    do n = i--; while (i > 4);
    printf("%d %d %d\n", i, n, kept++);
    switch (setjmp(place)) {
    case 0: n = 0; leap(1);
    case 1: leap(7);
    default: n = 4;
    }
    printf("%d\n", n);
    goto end;
    printf("never\n");
end:
    printf("%d %d %d %d\n", choice('a'), choice(200), choice('b'), choice(250));
}

int main(int argc, char **argv)
{
    printf("%d %d %s\n", argc, PASTE(1, 2), TEXT(a  b "c\n" 'd'));
    printf("%d %d %s %d\n", colours_count, colour_blue, colour_names + 4, (int)sizeof colour_names);
    CALL(printf, "%d %d\n", 77 EMPTY, __LINE__);
    printf("%d %d %d %d\n", fib(20), pointer(10), (*pointer)(11), choose(1)(12));
    printf("%ld\n", sum(3, 1L, 2L, 3L, 4.5));
    integers();
    floats();
    aggregates();
    jumps();
    jumps();
#if defined PASTE && !defined(NOTHING) && (1 ? 2 : 0) == 2 && '\x41' == 65 && -1 < 0 && 0x10UL == 16
    puts("#if");
#elif 1
    puts("wrong");
#else
# error wrong
#endif
#undef PASTE
#ifdef PASTE
    puts("wrong");
#endif
    return 3;
}
