/* What C cannot say, for programs that cc1 compiles: machine code as bytes.
 * cc1 makes data executable, and passes arguments on the stack. */
#include <libc.h>

static const unsigned char syscall_code[] = {
    0x48, 0x8b, 0x44, 0x24, 0x08,   /* mov rax, [rsp + 8]   number */
    0x48, 0x8b, 0x7c, 0x24, 0x10,   /* mov rdi, [rsp + 16]  a */
    0x48, 0x8b, 0x74, 0x24, 0x18,   /* mov rsi, [rsp + 24]  b */
    0x48, 0x8b, 0x54, 0x24, 0x20,   /* mov rdx, [rsp + 32]  c */
    0x0f, 0x05,                     /* syscall */
    0xc3                            /* ret */
};

long firn_syscall(long number, long a, long b, long c)
{
    return ((long (*)(long, long, long, long))syscall_code)(number, a, b, c);
}

/* setjmp keeps where its caller goes on: rbp, rsp and rip of the function that
 * called it. cc1 keeps nothing else in registers between statements. It is
 * called through this pointer, because a function of C would have a frame. */
static const unsigned char setjmp_code[] = {
    0x48, 0x8b, 0x44, 0x24, 0x08,   /* mov rax, [rsp + 8]   place */
    0x48, 0x89, 0x28,               /* mov [rax], rbp */
    0x48, 0x8d, 0x4c, 0x24, 0x08,   /* lea rcx, [rsp + 8]   rsp after the return */
    0x48, 0x89, 0x48, 0x08,         /* mov [rax + 8], rcx */
    0x48, 0x8b, 0x0c, 0x24,         /* mov rcx, [rsp]       where it returns to */
    0x48, 0x89, 0x48, 0x10,         /* mov [rax + 16], rcx */
    0x31, 0xc0,                     /* xor eax, eax */
    0xc3                            /* ret */
};

int (*firn_setjmp)(jmp_buf) = (int (*)(jmp_buf))setjmp_code;

static const unsigned char longjmp_code[] = {
    0x48, 0x8b, 0x4c, 0x24, 0x08,   /* mov rcx, [rsp + 8]   place */
    0x48, 0x8b, 0x44, 0x24, 0x10,   /* mov rax, [rsp + 16]  value */
    0x48, 0x8b, 0x29,               /* mov rbp, [rcx] */
    0x48, 0x8b, 0x61, 0x08,         /* mov rsp, [rcx + 8] */
    0xff, 0x61, 0x10                /* jmp [rcx + 16] */
};

void longjmp(jmp_buf place, int value)
{
    ((void (*)(long *, long))longjmp_code)(place, value ? value : 1);
}
