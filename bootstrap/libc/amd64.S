/* What C cannot say, for compilers that follow the System V convention:
 * arguments in rdi, rsi, rdx, rcx; rbx, rbp and r12 to r15 belong to the caller. */
        .text
        .globl _start
_start:                                 /* at rsp: count, arguments, 0, environment */
        xor %ebp, %ebp
        mov (%rsp), %rdi
        lea 8(%rsp), %rsi
        lea 16(%rsp,%rdi,8), %rdx
        and $-16, %rsp
        call _start_c

        .globl firn_syscall
firn_syscall:
        mov %rdi, %rax
        mov %rsi, %rdi
        mov %rdx, %rsi
        mov %rcx, %rdx
        syscall                         /* changes rcx and r11, as any call may */
        ret

        .globl setjmp
setjmp:
        mov %rbx, (%rdi)
        mov %rbp, 8(%rdi)
        mov %r12, 16(%rdi)
        mov %r13, 24(%rdi)
        mov %r14, 32(%rdi)
        mov %r15, 40(%rdi)
        lea 8(%rsp), %rcx               /* rsp after the return */
        mov %rcx, 48(%rdi)
        mov (%rsp), %rcx                /* where it returns to */
        mov %rcx, 56(%rdi)
        xor %eax, %eax
        ret

        .globl longjmp
longjmp:
        mov %esi, %eax
        test %eax, %eax
        jnz given
        inc %eax                        /* setjmp returns 0 only the first time */
given:  mov (%rdi), %rbx
        mov 8(%rdi), %rbp
        mov 16(%rdi), %r12
        mov 24(%rdi), %r13
        mov 32(%rdi), %r14
        mov 40(%rdi), %r15
        mov 48(%rdi), %rsp
        jmp *56(%rdi)
