/* cc1, part 1: memory, text, errors, files.
 *
 * cc1 is written in the small C that cc0 compiles: every value is a 64-bit
 * long, a pointer or an unsigned char in memory. No casts, no ++, no for, no
 * switch, no structs but behind pointers, and a member's name belongs to one
 * struct only. gcc and clang accept the same text (with -funsigned-char), so
 * that what cc0 makes of it can be compared with what they make of it.
 */

long syscall();

enum {
    SYS_READ = 0, SYS_WRITE = 1, SYS_OPEN = 2, SYS_CLOSE = 3, SYS_EXIT = 60,
    HEAP_SIZE = 402653184, FILE_MAX = 16777216
};

char heap[HEAP_SIZE];
long heap_used;

long text_length(char *s) {
    long n = 0;
    while (s[n]) n = n + 1;
    return n;
}

void say(char *s) { syscall(SYS_WRITE, 2, s, text_length(s)); }

char digits[32];

char *decimal(long n) {
    long i = 31;
    long minus = n < 0;
    if (minus) n = -n;
    digits[i] = 0;
    while (n > 0 || i == 31) {
        i = i - 1;
        digits[i] = '0' + n % 10;
        n = n / 10;
    }
    if (minus) {
        i = i - 1;
        digits[i] = '-';
    }
    return digits + i;
}

void stop(char *file, long line, char *what, char *name) {
    say(file);
    say(":");
    say(decimal(line));
    say(": ");
    say(what);
    if (name) {
        say(" '");
        say(name);
        say("'");
    }
    say("\n");
    syscall(SYS_EXIT, 1, 0, 0);
}

/* Memory is never given back, and is zero when it is handed out. */
void *alloc(long n) {
    char *p = heap + heap_used;
    heap_used = heap_used + ((n + 7) & -8);
    if (heap_used > HEAP_SIZE) stop("cc1", 0, "out of memory", 0);
    return p;
}

long same(char *a, char *b) {
    while (*a && *a == *b) {
        a = a + 1;
        b = b + 1;
    }
    return *a == *b;
}

void copy(void *to, void *from, long n) {
    char *t = to;
    char *f = from;
    long i = 0;
    while (i < n) {
        t[i] = f[i];
        i = i + 1;
    }
}

char *save_text(char *s, long n) {
    char *p = alloc(n + 1);
    copy(p, s, n);
    return p;
}

char *join(char *a, char *b, char *c) {
    long na = text_length(a);
    long nb = text_length(b);
    long nc = text_length(c);
    char *p = alloc(na + nb + nc + 1);
    copy(p, a, na);
    copy(p + na, b, nb);
    copy(p + na + nb, c, nc);
    return p;
}

/* The whole file with a zero byte behind it, or 0 if it cannot be opened.
 * The length stands in file_length. */
long file_length;

char *read_file(char *path) {
    long fd = syscall(SYS_OPEN, path, 0, 0);
    long got = 1;
    char *p = heap + heap_used;
    if (fd < 0) return 0;
    if (heap_used + FILE_MAX > HEAP_SIZE) stop(path, 0, "out of memory", 0);
    file_length = 0;
    while (got > 0) {
        got = syscall(SYS_READ, fd, p + file_length, FILE_MAX - file_length);
        if (got < 0) stop(path, 0, "cannot be read", 0);
        file_length = file_length + got;
    }
    if (file_length >= FILE_MAX - 1) stop(path, 0, "is too large", 0);
    syscall(SYS_CLOSE, fd, 0, 0);
    alloc(file_length + 1);
    return p;
}

/* To gcc, a number or a char is an int of 32 bits; what must be shifted further goes through a long first. */
long low_bits(long n) {
    long all = -1;
    if (n >= 64) return all;
    return ~(all << n);
}

/* Unsigned arithmetic, which cc0 does not have. */
long unsigned_less(long a, long b) {
    if ((a < 0) != (b < 0)) return b < 0;
    return a < b;
}

long remainder_left;

long unsigned_divide(long a, long b) {
    long quotient = 0;
    long rest = 0;
    long i = 63;
    while (i >= 0) {
        long top = rest < 0;
        rest = (rest << 1) | ((a >> i) & 1);
        if (top || !unsigned_less(rest, b)) {
            rest = rest - b;
            quotient = quotient + quotient + 1;
        } else {
            quotient = quotient + quotient;
        }
        i = i - 1;
    }
    remainder_left = rest;
    return quotient;
}

long unsigned_shift_right(long a, long n) {
    if (n == 0) return a;
    return (a >> n) & low_bits(64 - n);
}
