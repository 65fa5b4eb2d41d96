/* Everything that our small C library declares. It holds what tcc needs to
 * compile C, and no more. The headers that C programs name include this one. */
#ifndef FIRN_LIBC_H
#define FIRN_LIBC_H

#ifdef __FIRN_CC1__
/* Arguments lie one behind the other on the stack, 8 bytes each, long double 16. */
typedef char *va_list;
#define va_start(ap, last) ((ap) = (char *)&(last) + 8)
#define va_arg(ap, type) (*(type *)(((ap) += sizeof(type) > 8 ? 16 : 8) - (sizeof(type) > 8 ? 16 : 8)))
#define va_copy(to, from) ((to) = (from))
#define va_end(ap)
#else
typedef __builtin_va_list va_list;
#define va_start(ap, last) __builtin_va_start(ap, last)
#define va_arg(ap, type) __builtin_va_arg(ap, type)
#define va_copy(to, from) __builtin_va_copy(to, from)
#define va_end(ap)
#endif

#define NULL ((void *)0)
typedef unsigned long size_t;
typedef long ssize_t;
typedef long ptrdiff_t;
typedef long intptr_t;
typedef unsigned long uintptr_t;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long uint64_t;
typedef long off_t;
typedef long time_t;

/* system.c */
extern int errno;
extern char **environ;
#define ENOENT 2
#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 64
#define O_TRUNC 512
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
int open(const char *path, int flags, ...);
int close(int fd);
ssize_t read(int fd, void *buffer, size_t n);
ssize_t write(int fd, const void *buffer, size_t n);
off_t lseek(int fd, off_t offset, int whence);
int unlink(const char *path);
int remove(const char *path);
char *getcwd(char *buffer, size_t n);
int execvp(const char *program, char **arguments);
void _exit(int code);
char *sbrk(long n);
struct timeval { time_t tv_sec; long tv_usec; };
struct tm { int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst; };
int gettimeofday(struct timeval *now, void *zone);
time_t time(time_t *now);
struct tm *localtime(const time_t *when);

/* start: amd64.S, or cc1.c for cc1 */
long firn_syscall(long number, long a, long b, long c);
typedef long jmp_buf[8];
#ifdef __FIRN_CC1__
extern int (*firn_setjmp)(jmp_buf);
#define setjmp firn_setjmp
#else
int setjmp(jmp_buf place);
#endif
void longjmp(jmp_buf place, int value);

/* string.c */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
char *strcpy(char *to, const char *from);
char *strcat(char *to, const char *from);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *part);
char *strpbrk(const char *s, const char *set);

/* memory.c */
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void free(void *p);
void exit(int code);
void abort(void);
char *getenv(const char *name);
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));

/* number.c */
int firn_digit(int c);
int atoi(const char *s);
long strtol(const char *s, char **end, int base);
unsigned long strtoul(const char *s, char **end, int base);
long long strtoll(const char *s, char **end, int base);
unsigned long long strtoull(const char *s, char **end, int base);
float strtof(const char *s, char **end);
double strtod(const char *s, char **end);
long double strtold(const char *s, char **end);
double ldexp(double x, int exponent);
long double ldexpl(long double x, int exponent);

/* stdio.c */
typedef struct FILE FILE;
extern FILE *stdin, *stdout, *stderr;
#define EOF (-1)
FILE *fopen(const char *path, const char *mode);
FILE *fdopen(int fd, const char *mode);
int fclose(FILE *f);
int fflush(FILE *f);
size_t fread(void *to, size_t size, size_t n, FILE *f);
size_t fwrite(const void *from, size_t size, size_t n, FILE *f);
int fputc(int c, FILE *f);
int putchar(int c);
int fputs(const char *s, FILE *f);
int puts(const char *s);
int fseek(FILE *f, long offset, int whence);
long ftell(FILE *f);
int printf(const char *format, ...);
int fprintf(FILE *f, const char *format, ...);
int vfprintf(FILE *f, const char *format, va_list ap);
int sprintf(char *to, const char *format, ...);
int snprintf(char *to, size_t n, const char *format, ...);
int vsnprintf(char *to, size_t n, const char *format, va_list ap);
int sscanf(const char *s, const char *format, ...);

#define assert(x) ((void)0)
#endif
