/* Integers and floating point: what the standard says, and what the processor does. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252ULL;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

struct bits {
    unsigned a : 3, b : 7;
    int c : 5;
    uint64_t d : 40;
};

/* All of a long double, however C libraries write it. */
static void exact(long double x)
{
    int to;
    long double f = frexpl(x, &to);
    printf("%llx %d\n", (unsigned long long)ldexpl(f, 64), to);
}

static long double power(long double x, int n)
{
    long double r = 1;
    for (; n; n--)
        r *= x;
    return r;
}

int main(void)
{
    int i;
    uint64_t sum = 0, product = 1;
    int64_t mixed = 0;
    double total = 0;
    volatile signed char small = -128;
    volatile unsigned char large = 255;
    volatile float f = 16777216.0f;
    volatile double zero = 0;
    struct bits b = {9, 130, 17, 0x123456789ABULL};
    for (i = 0; i < 10000; i++) {
        uint64_t x = next(), y = next() | 1;
        int64_t p = (int64_t)x, q = (int64_t)(y >> (x & 31));
        sum += x / y + x % (y >> 7 | 1) + (x << (y & 63)) + (x >> (y & 63));
        product *= y;
        mixed ^= p / (q | 1) + p % (q | 1) + (p >> (y & 63)) + (int32_t)p * (int64_t)(int16_t)q;
        total += (double)p / (double)y + sqrt((double)(x >> 11)) + (float)q * 0.5;
    }
    printf("%llx %llx %llx %.17g\n", (unsigned long long)sum, (unsigned long long)product, (unsigned long long)mixed, total);
    printf("%d %d %d %d\n", small >> 1, (unsigned char)(small - 1), large << 4, -small);
    printf("%u %u %d %llx\n", b.a, b.b, b.c, (unsigned long long)b.d);
    printf("%d %d\n", (int)(-2.9), (int)(unsigned char)300);
    printf("%.9g %.9g\n", f + 1.0f, (float)(f + 1.0));
    printf("%d %d %d\n", 1 / zero > DBL_MAX, zero / zero != zero / zero, signbit(-zero) != 0);
    exact(power(1.0000001L, 1000));
    exact(LDBL_MAX);
    exact(0x1p16383L);
    exact(0x1.8p-3);
    printf("%d\n", 0x1p-1074 == DBL_MIN * DBL_EPSILON);
    printf("%.17g %.17g %.17g\n", exp(1), sin(1e5), atan2(-1, -2));
    printf("%.3e %g %g %g\n", strtod("4.9e-324", 0), floor(-2.5), fmod(7.5, 2), cbrt(27));
    printf("%ld %ld %lu\n", LONG_MIN, LONG_MAX, ULONG_MAX);
    printf("%lld %d\n", (long long)(uint32_t)-1, (int)(uint16_t)-1);
    printf("%llu %.0f\n", (unsigned long long)1e19, (double)18446744073709551615ULL);
    return 0;
}
