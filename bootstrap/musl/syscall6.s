/* A system call with up to six arguments beside its number. tcc has no variables in
 * chosen registers, so that what musl writes in C for this is a function here.
 * The C calling convention passes rdi, rsi, rdx, rcx, r8, r9 and the stack; the
 * kernel takes the number in rax, and rdi, rsi, rdx, r10, r8, r9. */
.text
.global __firn_syscall6
.hidden __firn_syscall6
.type __firn_syscall6,@function
__firn_syscall6:
	mov %rdi,%rax
	mov %rsi,%rdi
	mov %rdx,%rsi
	mov %rcx,%rdx
	mov %r8,%r10
	mov %r9,%r8
	mov 8(%rsp),%r9
	syscall
	ret
