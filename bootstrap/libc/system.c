/* Calls of the Linux kernel, amd64. Numbers: arch/x86/entry/syscalls/syscall_64.tbl. */
#include <libc.h>

int errno;
char **environ;

static long result(long r)
{
    if (r < 0 && r > -4096) {
        errno = -r;
        return -1;
    }
    return r;
}

ssize_t read(int fd, void *buffer, size_t n) { return result(firn_syscall(0, fd, (long)buffer, n)); }
ssize_t write(int fd, const void *buffer, size_t n) { return result(firn_syscall(1, fd, (long)buffer, n)); }
int close(int fd) { return result(firn_syscall(3, fd, 0, 0)); }
off_t lseek(int fd, off_t offset, int whence) { return result(firn_syscall(8, fd, offset, whence)); }
int unlink(const char *path) { return result(firn_syscall(87, (long)path, 0, 0)); }
int remove(const char *path) { return unlink(path); }
int execvp(const char *program, char **arguments) { return result(firn_syscall(59, (long)program, (long)arguments, (long)environ)); }
void _exit(int code) { firn_syscall(231, code, 0, 0); }
int gettimeofday(struct timeval *now, void *zone) { return result(firn_syscall(96, (long)now, (long)zone, 0)); }

int open(const char *path, int flags, ...)
{
    int mode = 0;
    va_list ap;
    va_start(ap, flags);
    if (flags & O_CREAT) mode = va_arg(ap, int);
    va_end(ap);
    return result(firn_syscall(2, (long)path, flags, mode));
}

char *getcwd(char *buffer, size_t n)
{
    return result(firn_syscall(79, (long)buffer, n, 0)) < 0 ? 0 : buffer;
}

char *sbrk(long n)
{
    static char *end;
    char *old;
    if (!end) end = (char *)(((long)firn_syscall(12, 0, 0, 0) + 15) & -16);
    old = end;
    if ((char *)firn_syscall(12, (long)(old + n), 0, 0) != old + n) return 0;
    end = old + n;
    return old;
}

time_t time(time_t *now)
{
    struct timeval t;
    gettimeofday(&t, 0);
    if (now) *now = t.tv_sec;
    return t.tv_sec;
}

/* UTC, wherever the machine stands. Days are counted from 1 March, so that a
 * leap day comes last in its year. */
struct tm *localtime(const time_t *when)
{
    static struct tm t;
    long days = *when / 86400, rest = *when % 86400;
    long era, year, day, month;
    t.tm_hour = rest / 3600;
    t.tm_min = rest / 60 % 60;
    t.tm_sec = rest % 60;
    t.tm_wday = (days + 4) % 7;
    days += 719468;
    era = days / 146097;
    days %= 146097;
    year = (days - days / 1460 + days / 36524 - days / 146096) / 365;
    day = days - (365 * year + year / 4 - year / 100);
    month = (5 * day + 2) / 153;
    t.tm_mday = day - (153 * month + 2) / 5 + 1;
    t.tm_mon = month < 10 ? month + 2 : month - 10;
    t.tm_year = year + era * 400 + (t.tm_mon < 2) - 1900;
    return &t;
}
