/* Files and formatted text. */
#include <libc.h>

struct FILE {
    int fd;
    int used;                /* bytes waiting to be written */
    char buffer[8192];
};

static FILE files[3] = { { 0 }, { 1 }, { 2 } };
FILE *stdin = &files[0], *stdout = &files[1], *stderr = &files[2];

int fflush(FILE *f)
{
    int done = 0;
    while (done < f->used) {
        long n = write(f->fd, f->buffer + done, f->used - done);
        if (n <= 0) {
            f->used = 0;
            return EOF;
        }
        done += n;
    }
    f->used = 0;
    return 0;
}

FILE *fdopen(int fd, const char *mode)
{
    FILE *f;
    (void)mode;
    if (fd < 0) return 0;
    f = malloc(sizeof(FILE));
    f->fd = fd;
    f->used = 0;
    return f;
}

FILE *fopen(const char *path, const char *mode)
{
    int plus = strchr(mode, '+') != 0;
    int flags = plus ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    if (*mode == 'w') flags |= O_CREAT | O_TRUNC;
    return fdopen(open(path, flags, 0666), mode);
}

int fclose(FILE *f)
{
    int bad = fflush(f);
    bad |= close(f->fd);
    free(f);
    return bad;
}

size_t fwrite(const void *from, size_t size, size_t n, FILE *f)
{
    const char *p = from;
    size_t left = size * n;
    while (left) {
        size_t room = sizeof(f->buffer) - f->used;
        size_t now = left < room ? left : room;
        memcpy(f->buffer + f->used, p, now);
        f->used += now;
        p += now;
        left -= now;
        if (f->used == sizeof(f->buffer) && fflush(f)) return 0;
    }
    if (f == stderr) fflush(f);
    return n;
}

size_t fread(void *to, size_t size, size_t n, FILE *f)
{
    size_t done = 0;
    fflush(f);
    while (done < size * n) {
        long got = read(f->fd, (char *)to + done, size * n - done);
        if (got <= 0) break;
        done += got;
    }
    return size ? done / size : 0;
}

int fseek(FILE *f, long offset, int whence)
{
    fflush(f);
    return lseek(f->fd, offset, whence) < 0 ? -1 : 0;
}

long ftell(FILE *f)
{
    fflush(f);
    return lseek(f->fd, 0, SEEK_CUR);
}

int fputc(int c, FILE *f)
{
    char byte = c;
    return fwrite(&byte, 1, 1, f) == 1 ? c : EOF;
}

int putchar(int c) { return fputc(c, stdout); }
int fputs(const char *s, FILE *f) { return fwrite(s, 1, strlen(s), f) == strlen(s) ? 0 : EOF; }
int puts(const char *s) { return fputs(s, stdout) || fputc('\n', stdout) < 0 ? EOF : 0; }

/* ---- printf: d i u x X o c s p %, with flags, width, precision ---- */

struct sink { char *to; size_t room; size_t length; };

static void emit(struct sink *out, const char *s, long n)
{
    while (n-- > 0) {
        if (out->length + 1 < out->room) out->to[out->length] = *s;
        out->length++;
        s++;
    }
}

static void pad(struct sink *out, int c, long n)
{
    char byte = c;
    while (n-- > 0) emit(out, &byte, 1);
}

struct spec { int left, zero, plus, alternate, precision; long width; };

static void emit_number(struct sink *out, struct spec *f, uint64_t v, int base, int minus, int upper)
{
    char digits[72];
    const char *sign = minus ? "-" : f->plus ? "+" : f->alternate && base == 16 && v ? (upper ? "0X" : "0x") : "";
    int i = sizeof digits, n;
    long fill;
    while (v || (i == sizeof digits && f->precision != 0)) {
        int d = v % base;
        digits[--i] = d < 10 ? '0' + d : (upper ? 'A' : 'a') + d - 10;
        v /= base;
    }
    n = sizeof digits - i;
    fill = f->precision > n ? f->precision - n : 0;
    if (f->zero && !f->left && f->precision < 0 && f->width > n + (long)strlen(sign)) fill = f->width - n - strlen(sign);
    if (!f->left) pad(out, ' ', f->width - fill - n - strlen(sign));
    emit(out, sign, strlen(sign));
    pad(out, '0', fill);
    emit(out, digits + i, n);
    if (f->left) pad(out, ' ', f->width - fill - n - strlen(sign));
}

static void emit_text(struct sink *out, struct spec *f, const char *s)
{
    long n = 0;
    if (!s) s = "(null)";
    while ((f->precision < 0 || n < f->precision) && s[n]) n++;
    if (!f->left) pad(out, ' ', f->width - n);
    emit(out, s, n);
    if (f->left) pad(out, ' ', f->width - n);
}

int vsnprintf(char *to, size_t room, const char *s, va_list ap)
{
    struct sink out;
    out.to = to;
    out.room = room;
    out.length = 0;
    for (; *s; s++) {
        struct spec f = { 0, 0, 0, 0, -1, 0 };
        int longs = 0;
        char c;
        if (*s != '%') {
            emit(&out, s, 1);
            continue;
        }
        for (s++;; s++) {
            if (*s == '-') f.left = 1;
            else if (*s == '0') f.zero = 1;
            else if (*s == '+') f.plus = 1;
            else if (*s == '#') f.alternate = 1;
            else break;
        }
        if (*s == '*') {
            f.width = va_arg(ap, int);
            s++;
        } else {
            for (; firn_digit(*s) < 10; s++) f.width = f.width * 10 + firn_digit(*s);
        }
        if (*s == '.') {
            s++;
            f.precision = 0;
            if (*s == '*') {
                f.precision = va_arg(ap, int);
                s++;
            } else {
                for (; firn_digit(*s) < 10; s++) f.precision = f.precision * 10 + firn_digit(*s);
            }
        }
        for (; *s == 'l' || *s == 'z' || *s == 'h'; s++) longs += *s != 'h';
        c = *s;
        if (c == 'd' || c == 'i') {
            int64_t v = longs ? va_arg(ap, long) : va_arg(ap, int);
            emit_number(&out, &f, v < 0 ? -(uint64_t)v : v, 10, v < 0, 0);
        } else if (c == 'u' || c == 'x' || c == 'X' || c == 'o') {
            uint64_t v = longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int);
            f.plus = 0;
            emit_number(&out, &f, v, c == 'u' ? 10 : c == 'o' ? 8 : 16, 0, c == 'X');
        } else if (c == 'p') {
            f.alternate = 1;
            emit_number(&out, &f, (uint64_t)va_arg(ap, void *), 16, 0, 0);
        } else if (c == 'c') {
            char byte = va_arg(ap, int);
            if (!f.left) pad(&out, ' ', f.width - 1);
            emit(&out, &byte, 1);
            if (f.left) pad(&out, ' ', f.width - 1);
        } else if (c == 's') {
            emit_text(&out, &f, va_arg(ap, char *));
        } else if (c == '%') {
            emit(&out, s, 1);
        } else {
            /* Nothing here prints floats; a format that asks for one must not go unseen. */
            abort();
        }
    }
    if (room) to[out.length < room ? out.length : room - 1] = 0;
    return out.length;
}

int vfprintf(FILE *f, const char *format, va_list ap)
{
    char line[4096];
    va_list again;
    int n;
    va_copy(again, ap);
    n = vsnprintf(line, sizeof line, format, ap);
    if (n < (int)sizeof line) {
        fwrite(line, 1, n, f);
    } else {
        char *all = malloc(n + 1);
        vsnprintf(all, n + 1, format, again);
        fwrite(all, 1, n, f);
        free(all);
    }
    va_end(again);
    return n;
}

int fprintf(FILE *f, const char *format, ...)
{
    va_list ap;
    int n;
    va_start(ap, format);
    n = vfprintf(f, format, ap);
    va_end(ap);
    return n;
}

int printf(const char *format, ...)
{
    va_list ap;
    int n;
    va_start(ap, format);
    n = vfprintf(stdout, format, ap);
    va_end(ap);
    return n;
}

int snprintf(char *to, size_t room, const char *format, ...)
{
    va_list ap;
    int n;
    va_start(ap, format);
    n = vsnprintf(to, room, format, ap);
    va_end(ap);
    return n;
}

int sprintf(char *to, const char *format, ...)
{
    va_list ap;
    int n;
    va_start(ap, format);
    n = vsnprintf(to, (size_t)1 << 30, format, ap);
    va_end(ap);
    return n;
}

/* %d and literal characters, which is all that tcc reads. */
int sscanf(const char *s, const char *format, ...)
{
    va_list ap;
    int n = 0;
    va_start(ap, format);
    while (*format) {
        if (format[0] == '%' && format[1] == 'd') {
            char *end;
            long v = strtol(s, &end, 10);
            if (end == s) break;
            *va_arg(ap, int *) = v;
            n++;
            s = end;
            format += 2;
        } else {
            if (*s != *format) break;
            s++;
            format++;
        }
    }
    va_end(ap);
    return n;
}
