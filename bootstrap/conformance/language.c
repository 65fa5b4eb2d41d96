/* The language: calls, structures, initialisers, jumps, and what GCC adds. */
#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct small { char a; short b; };
struct pair { double x; long y; };
struct large { int all[20]; };
union either { float f; unsigned u; };

static struct small make_small(int a, int b) { struct small s; s.a = a; s.b = b; return s; }
static struct pair make_pair(struct pair p, double d) { p.x += d; p.y = -p.y; return p; }
static struct large fill(struct large l, int by) { int i; for (i = 0; i < 20; i++) l.all[i] *= by; return l; }

static double add(const char *kinds, ...)
{
    va_list list, again;
    double sum = 0, twice = 0;
    const char *k;
    va_start(list, kinds);
    va_copy(again, list);
    for (k = kinds; *k; k++)
        switch (*k) {
        case 'i': sum += va_arg(list, int); break;
        case 'l': sum += va_arg(list, long long); break;
        case 'd': sum += va_arg(list, double); break;
        case 'D': sum += va_arg(list, long double); break;
        case 'p': { struct pair p = va_arg(list, struct pair); sum += p.x + p.y; break; }
        default: sum += strlen(va_arg(list, char *));
        }
    va_end(list);
    twice = va_arg(again, int);
    va_end(again);
    return sum + twice * 1000;
}

static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
static int (*const table[])(int) = {fibonacci, fibonacci};
static const struct { const char *name; int at[3]; } known[] = {
    [1] = {.at = {[2] = 5}, .name = "one"}, [0] = {"zero", {1, 2}}};
static jmp_buf place;
static void deep(int n) { if (n) deep(n - 1); else longjmp(place, 7); }
static __thread int own = 3;
int real_name(void) { return 11; }
int other_name(void) __attribute__((alias("real_name")));
int __attribute__((weak)) nobody(void);

static int interpret(const char *code)
{
    static void *const to[] = {&&end, &&more, &&twice};
    int n = 0;
    goto *to[*code - '0'];
more:
    n++;
    goto *to[*++code - '0'];
twice:
    n *= 2;
    goto *to[*++code - '0'];
end:
    return n;
}

static int apply(int (*f)(int), int n) { return f(n); }

static int nested(int base)
{
    int plus(int n) { return n + base; }
    return apply(plus, 4);
}

static unsigned long sum_of(int n)
{
    unsigned char room[n];
    unsigned long sum = 0;
    int i;
    memset(room, n, sizeof room);
    for (i = 0; i < n; i++)
        sum += room[i];
    return sum + sizeof room;
}

int main(int argc, char **argv)
{
    struct pair p = {1.5, 4}, q;
    struct large l = {{1, 2, 3, [19] = 9}};
    struct small s = make_small(-3, 1000);
    union either e;
    volatile int back = 0;
    char *text = strcpy(alloca(10), "on stack");
    unsigned rotated = 0x12345678;
    q = make_pair(p, 2.25);
    l = fill(fill(l, 2), 3);
    printf("%d %d %g %ld %d %d\n", s.a, s.b, q.x, q.y, l.all[2], l.all[19]);
    printf("%g\n", add("ilds", 1, 20000000000LL, 0.5, "four"));
    printf("%g\n", add("iDpiiiiiiid", 2, 1.25L, p, 1, 2, 3, 4, 5, 6, 7, 0.125));
    e.f = 1.0f;
    printf("%x %d %d\n", e.u, (int)offsetof(struct pair, y), (int)sizeof(struct small));
    printf("%d %s %d %d\n", table[1](20), known[1].name, known[1].at[2], known[0].at[1]);
    if (setjmp(place) < 7) {
        back++;
        deep(50);
    }
    printf("%d %s\n", back, text);
    printf("%d %d %lu %d\n", interpret("11212120"), nested(38), sum_of(100), own += 4);
    printf("%d %d %d\n", other_name(), nobody == 0, other_name == real_name);
    __asm__("roll $8, %0" : "+r"(rotated));
    printf("%x %d %d\n", rotated, __builtin_constant_p(3), __builtin_ffs(48));
    printf("%s %d\n", (char[]){'a', 'b', 0}, ((struct small){5, 6}).b);
    printf("%d\n", ({ int n = 5; n * n; }));
    switch (argc + 40) {
    case 0 ... 40: puts("no"); break;
    case 41: puts("yes");
    }
    return 0;
}
