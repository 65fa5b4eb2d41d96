/* Compares files with their SHA-256 digests (FIPS 180-4), which stand in a list as sha256sum writes it: 64 digits, two spaces, a name.
   The list is the argument. Ends with code 0 if every file is what it must be. */
#include <libc.h>

static unsigned int k[64];
static unsigned int h[8];
static unsigned char block[64];
static unsigned long total;

static unsigned int rotate(unsigned int x, int n) { return (x >> n) | (x << (32 - n)); }

/* The constants are the first 32 bits behind the point of the cube and square roots of the first primes. They are computed here, with
   whole numbers, so that no table has to be believed: the root of p * 2^(32 * n), found bit by bit. */
static unsigned int root(unsigned long p, int n) {
    unsigned long low = 0, bit;
    for (bit = 1UL << 37; bit; bit >>= 1) {
        unsigned long x = low | bit;
        /* x^n <= p * 2^(32 * n), in pieces of 32 bits */
        unsigned long a[4], b[4];
        int i, j, more;
        a[0] = x & 0xffffffffUL; a[1] = x >> 32; a[2] = 0; a[3] = 0;
        for (more = 1; more < n; more++) {
            unsigned long carry = 0;
            for (i = 0; i < 4; i++) b[i] = 0;
            for (i = 0; i < 4; i++) {
                /* times the low and the high piece of x */
                unsigned long product = a[i] * (x & 0xffffffffUL);
                carry = product;
                for (j = i; j < 4 && carry; j++) {
                    unsigned long sum = b[j] + (carry & 0xffffffffUL);
                    b[j] = sum & 0xffffffffUL;
                    carry = (carry >> 32) + (sum >> 32);
                }
                carry = a[i] * (x >> 32);
                for (j = i + 1; j < 4 && carry; j++) {
                    unsigned long sum = b[j] + (carry & 0xffffffffUL);
                    b[j] = sum & 0xffffffffUL;
                    carry = (carry >> 32) + (sum >> 32);
                }
            }
            for (i = 0; i < 4; i++) a[i] = b[i];
        }
        for (i = 0; i < 4; i++) b[i] = 0;
        b[n] = p;
        for (i = 3; i > 0 && a[i] == b[i]; i--) {}
        if (a[i] <= b[i]) low = x;
    }
    return (unsigned int)low;
}

static void constants(void) {
    unsigned long p, q;
    int n = 0;
    for (p = 2; n < 64; p++) {
        for (q = 2; q < p && p % q; q++) {}
        if (q < p) continue;
        k[n++] = root(p, 3);
    }
}

static void start(void) {
    static unsigned int roots[8];
    unsigned long primes[8];
    int i;
    primes[0] = 2; primes[1] = 3; primes[2] = 5; primes[3] = 7; primes[4] = 11; primes[5] = 13; primes[6] = 17; primes[7] = 19;
    if (!roots[0])
        for (i = 0; i < 8; i++) roots[i] = root(primes[i], 2);
    for (i = 0; i < 8; i++) h[i] = roots[i];
    total = 0;
}

static void mix(void) {
    unsigned int w[64], s[8], a, b;
    int i, j;
    for (i = 0; i < 16; i++)
        w[i] = (unsigned int)block[4 * i] << 24 | (unsigned int)block[4 * i + 1] << 16 | (unsigned int)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (i = 16; i < 64; i++) {
        a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
        b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    for (i = 0; i < 8; i++) s[i] = h[i];
    for (i = 0; i < 64; i++) {
        a = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        b = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (j = 7; j > 0; j--) s[j] = s[j - 1];
        s[4] += a;
        s[0] = a + b;
    }
    for (i = 0; i < 8; i++) h[i] += s[i];
}

static void byte(int c) {
    block[total++ % 64] = c;
    if (total % 64 == 0) mix();
}

static int digest(char *name, char *out) {
    static unsigned char buffer[65536];
    unsigned long bits;
    long i, got;
    int fd = open(name, O_RDONLY);
    if (fd < 0) return 0;
    start();
    while ((got = read(fd, buffer, sizeof buffer)) > 0)
        for (i = 0; i < got; i++) byte(buffer[i]);
    close(fd);
    if (got < 0) return 0;
    bits = total * 8;
    byte(0x80);
    while (total % 64 != 56) byte(0);
    for (i = 56; i >= 0; i -= 8) byte(bits >> i & 255);
    for (i = 0; i < 64; i++) {
        int d = h[i / 8] >> (28 - 4 * (i % 8)) & 15;
        out[i] = d < 10 ? '0' + d : 'a' + d - 10;
    }
    out[64] = 0;
    return 1;
}

static char list[1 << 20];

int main(int argc, char **argv) {
    char found[65];
    char *line = list;
    long size = 0, got;
    int good = 0, bad = 0, fd;
    fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0) return 2;
    while (size < (long)sizeof list - 1 && (got = read(fd, list + size, sizeof list - 1 - size)) > 0) size += got;
    if (size == sizeof list - 1) return 2;
    constants();
    while (*line) {
        char *end = strchr(line, '\n');
        if (!end || end - line < 67) { printf("the list is broken\n"); return 2; }
        *end = 0;
        if (digest(line + 66, found) && !memcmp(line, found, 64)) good++;
        else { printf("%s is not what it must be\n", line + 66); bad++; }
        line = end + 1;
    }
    printf("%d files are what they must be, %d are not\n", good, bad);
    return bad || !good;
}
