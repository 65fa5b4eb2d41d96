/* Numbers from text. */
#include <libc.h>

int firn_digit(int c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return 99;
}

unsigned long strtoul(const char *s, char **end, int base)
{
    const char *p = s;
    unsigned long v = 0;
    int minus = 0, any = 0;
    while (*p == ' ' || (*p >= 9 && *p <= 13)) p++;
    if (*p == '-' || *p == '+') minus = *p++ == '-';
    if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 32) == 'x' && firn_digit(p[2]) < 16) {
        base = 16;
        p += 2;
    } else if (base == 0) {
        base = *p == '0' ? 8 : 10;
    }
    for (; firn_digit(*p) < base; p++, any = 1) v = v * base + firn_digit(*p);
    if (end) *end = (char *)(any ? p : s);
    return minus ? -v : v;
}

long strtol(const char *s, char **end, int base) { return strtoul(s, end, base); }
long long strtoll(const char *s, char **end, int base) { return strtoul(s, end, base); }
unsigned long long strtoull(const char *s, char **end, int base) { return strtoul(s, end, base); }
int atoi(const char *s) { return strtoul(s, 0, 10); }

/* ---- decimal fractions, rounded once and exactly ----
 *
 * The digits become one large integer. For a positive power of ten it is
 * multiplied; for a negative one it is shifted far to the left and divided,
 * and it is remembered whether anything remained. The top bits are the
 * mantissa; what lies below decides how to round. */

enum { WORDS = 1200, MOST_DIGITS = 800 };

static uint32_t big[WORDS];
static int big_used;

static void big_multiply(uint32_t by, uint32_t plus)
{
    uint64_t carry = plus;
    int i;
    for (i = 0; i < big_used; i++) {
        carry += (uint64_t)big[i] * by;
        big[i] = carry;
        carry >>= 32;
    }
    if (carry && big_used < WORDS) big[big_used++] = carry;
}

static int big_divide(uint32_t by)
{
    uint64_t rest = 0;
    int i;
    for (i = big_used; i-- > 0;) {
        rest = rest << 32 | big[i];
        big[i] = rest / by;
        rest %= by;
    }
    while (big_used && !big[big_used - 1]) big_used--;
    return rest != 0;
}

static int big_bit(long n)
{
    return n >= 0 && n / 32 < big_used && (big[n / 32] >> (n % 32) & 1);
}

static long big_bits(void)
{
    long n = big_used * 32L;
    while (n && !big_bit(n - 1)) n--;
    return n;
}

/* Mantissa of at most `bits` bits and binary exponent of a decimal number;
 * `least` is the exponent of the smallest number the type has. */
static uint64_t decimal(const char *s, char **end, int bits, long least, long *exponent, int *minus)
{
    const char *p = s;
    long ten = 0, top, low, i, shift = 0;
    int any = 0, digits = 0, point = 0, rest = 0, up;
    uint64_t m = 0;
    big_used = 0;
    *minus = 0;
    *exponent = 0;
    while (*p == ' ' || (*p >= 9 && *p <= 13)) p++;
    if (*p == '-' || *p == '+') *minus = *p++ == '-';
    for (; firn_digit(*p) < 10 || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = 1;
            continue;
        }
        any = 1;
        if (digits < MOST_DIGITS) {
            big_multiply(10, firn_digit(*p));
            if (big_used == 0 && *p != '0') big[big_used++] = firn_digit(*p);
            if (big_used) digits++;
            ten -= point;
        } else {
            rest |= *p != '0';
            ten += !point;
        }
    }
    if (!any) {
        if (end) *end = (char *)s;
        return 0;
    }
    if ((*p | 32) == 'e') {
        const char *q = p + 1;
        int negative = 0;
        long e = 0;
        if (*q == '-' || *q == '+') negative = *q++ == '-';
        if (firn_digit(*q) < 10) {
            for (; firn_digit(*q) < 10; q++)
                if (e < 100000) e = e * 10 + firn_digit(*q);
            ten += negative ? -e : e;
            p = q;
        }
    }
    if (end) *end = (char *)p;
    if (!big_used || ten < -6000) return 0;
    if (ten > 6000) ten = 6000;
    for (; ten > 0; ten--) big_multiply(10, 0);
    if (ten < 0) {
        /* room for 10^-ten and a mantissa below it */
        shift = (-ten * 10 / 3 + 160) / 32 * 32;
        while (shift / 32 + big_used > WORDS) shift -= 32;
        for (i = big_used; i-- > 0;) big[i + shift / 32] = big[i];
        for (i = 0; i < shift / 32; i++) big[i] = 0;
        big_used += shift / 32;
        for (; ten < 0; ten++) rest |= big_divide(10);
    }
    top = big_bits();
    low = top - bits;
    if (low - shift < least) low = least + shift;
    for (i = top; i-- > low;) m = m << 1 | big_bit(i);
    up = big_bit(low - 1);
    for (i = low - 1; i-- > 0 && !rest;) rest = big_bit(i);
    if (up && (rest || (m & 1))) {
        m++;
        if (bits < 64 ? m >> bits : m == 0) {
            m = (uint64_t)1 << (bits - 1);
            low++;
        }
    }
    *exponent = low - shift;
    return m;
}

float strtof(const char *s, char **end)
{
    union { uint32_t bits; float value; } u;
    long e;
    int minus;
    uint64_t m = decimal(s, end, 24, -149, &e, &minus);
    if (m >> 23) m += (uint64_t)(e + 149) << 23;
    if (e > 104) m = 0x7f800000;
    u.bits = m | (uint32_t)minus << 31;
    return u.value;
}

double strtod(const char *s, char **end)
{
    union { uint64_t bits; double value; } u;
    long e;
    int minus;
    uint64_t m = decimal(s, end, 53, -1074, &e, &minus);
    if (m >> 52) m += (uint64_t)(e + 1074) << 52;
    if (e > 971) m = (uint64_t)0x7ff << 52;
    u.bits = m | (uint64_t)minus << 63;
    return u.value;
}

long double strtold(const char *s, char **end)
{
    union { struct { uint64_t mantissa; uint16_t sign; } bits; long double value; } u;
    long e;
    int minus;
    u.value = 0;
    u.bits.mantissa = decimal(s, end, 64, -16445, &e, &minus);
    u.bits.sign = u.bits.mantissa >> 63 ? e + 16446 : 0;
    if (e > 16320) {
        u.bits.sign = 0x7fff;
        u.bits.mantissa = (uint64_t)1 << 63;
    }
    u.bits.sign |= minus << 15;
    return u.value;
}

long double ldexpl(long double x, int exponent)
{
    long double two = 2;
    if (x == 0) return x;
    for (; exponent > 0 && exponent < 40000; exponent--) x = x * two;
    for (; exponent < 0 && exponent > -40000; exponent++) x = x / two;
    return x;
}

double ldexp(double x, int exponent) { return ldexpl(x, exponent); }
