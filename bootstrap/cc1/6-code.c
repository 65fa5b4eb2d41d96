/* cc1, part 6: machine code for amd64, from trees.
 *
 * A value is left in rax, extended to 64 bits as its type says; a float value
 * of any size is left in st0 of the x87; for a struct, rax holds its address.
 * A function finds its arguments on the stack, the first one at rbp + 16, each
 * in 8 bytes (long double: 16). That is not the System V convention: a program
 * that cc1 compiles is compiled whole. */

enum {
    CODE_MAX = 16777216, DATA_MAX = 16777216, FIXES_MAX = 400000, LABELS_MAX = 100000,
    BASE = 4194304, HEADERS = 120
};

char code[CODE_MAX];
long code_used;
char data[DATA_MAX];
long data_used;
long zero_used;

/* Places that hold the address of a symbol, filled in at the end. */
long fix_at[FIXES_MAX];
long fix_kind[FIXES_MAX];
struct Sym *fix_sym[FIXES_MAX];
long fix_add[FIXES_MAX];
long fixes;

enum { FIX_CODE_32 = 1, FIX_CODE_REL = 2, FIX_DATA_64 = 3 };

/* Labels and jumps of the function at hand. */
long label_at[LABELS_MAX];
long labels;
long jump_at[LABELS_MAX];
long jump_to[LABELS_MAX];
long jumps;

long frame_used;
long frame_most;

/* Values of the expression at hand that wait on the stack. */
long held;

void gen(struct Node *e);

void put(long byte) {
    if (code_used >= CODE_MAX) stop_at(tok, "too much code, near");
    code[code_used] = byte;
    code_used = code_used + 1;
}

/* Bytes, written as hexadecimal digits. */
void emit(char *hex) {
    while (*hex) {
        if (*hex == ' ') {
            hex = hex + 1;
        } else {
            put(digit_value(hex[0]) * 16 + digit_value(hex[1]));
            hex = hex + 2;
        }
    }
}

void put32(long v) {
    put(v);
    put(v >> 8);
    put(v >> 16);
    put(v >> 24);
}

void set32(char *p, long v) {
    p[0] = v;
    p[1] = v >> 8;
    p[2] = v >> 16;
    p[3] = v >> 24;
}

void fix(long kind, long at, struct Sym *s, long more) {
    if (fixes >= FIXES_MAX) stop_at(tok, "too many addresses, near");
    fix_kind[fixes] = kind;
    fix_at[fixes] = at;
    fix_sym[fixes] = s;
    fix_add[fixes] = more;
    fixes = fixes + 1;
}

long new_label() {
    if (labels >= LABELS_MAX) stop_at(tok, "too many labels, near");
    label_at[labels] = -1;
    labels = labels + 1;
    return labels - 1;
}

void place(long label) { label_at[label] = code_used; }

/* opcode, then where to. */
void jump(char *opcode, long label) {
    if (jumps >= LABELS_MAX) stop_at(tok, "too many jumps, near");
    emit(opcode);
    jump_at[jumps] = code_used;
    jump_to[jumps] = label;
    jumps = jumps + 1;
    put32(0);
}

void resolve_jumps() {
    long i = 0;
    while (i < jumps) {
        set32(code + jump_at[i], label_at[jump_to[i]] - jump_at[i] - 4);
        i = i + 1;
    }
    jumps = 0;
    labels = 0;
}

struct Sym *new_local(struct Type *y) {
    struct Sym *s = alloc(sizeof(struct Sym));
    s->s_kind = S_LOCAL;
    s->s_type = y;
    frame_used = round_up(frame_used + y->y_size, 8);
    if (y->y_align > 8) frame_used = round_up(frame_used, y->y_align);
    if (frame_used > frame_most) frame_most = frame_used;
    s->s_value = -frame_used;
    return s;
}

/* ---- values ---- */

long fits32(long v) { return (v << 32) >> 32 == v; }

void gen_number(long v) {
    if (v == 0) {
        emit("31C0");                    /* xor eax, eax */
    } else if (fits32(v)) {
        emit("48C7C0");                  /* mov rax, imm32 */
        put32(v);
    } else {
        emit("48B8");                    /* mov rax, imm64 */
        put32(v);
        put32(v >> 32);
    }
}

/* Makes rax hold what an object of this type would hold. */
void extend(struct Type *y) {
    if (y->y_size == 1) {
        if (y->y_unsigned) emit("0FB6C0");   /* movzx eax, al */
        else emit("480FBEC0");               /* movsx rax, al */
    }
    if (y->y_size == 2) {
        if (y->y_unsigned) emit("0FB7C0");   /* movzx eax, ax */
        else emit("480FBFC0");               /* movsx rax, ax */
    }
    if (y->y_size == 4) {
        if (y->y_unsigned) emit("89C0");     /* mov eax, eax */
        else emit("4863C0");                 /* movsxd rax, eax */
    }
}

/* Rounds st0 to what the type can hold. */
void round_float(struct Type *y) {
    if (y->y_kind == Y_FLOAT) emit("50 D91C24 D90424 59");     /* push rax; fstp dword [rsp]; fld dword [rsp]; pop rcx */
    if (y->y_kind == Y_DOUBLE) emit("50 DD1C24 DD0424 59");    /* the same with qword */
}

/* From the address in rax. */
void load(struct Type *y) {
    long k = y->y_kind;
    if (k == Y_ARRAY || k == Y_FUNCTION || k == Y_STRUCT) return;
    if (k == Y_VOID) stop_at(tok, "a void value is used, near");
    if (k == Y_FLOAT) emit("D900");                  /* fld dword [rax] */
    else if (k == Y_DOUBLE) emit("DD00");            /* fld qword [rax] */
    else if (k == Y_LDOUBLE) emit("DB28");           /* fld tbyte [rax] */
    else if (y->y_size == 8) emit("488B00");         /* mov rax, [rax] */
    else if (y->y_size == 4 && y->y_unsigned) emit("8B00");
    else if (y->y_size == 4) emit("486300");         /* movsxd rax, [rax] */
    else if (y->y_size == 2 && y->y_unsigned) emit("0FB700");
    else if (y->y_size == 2) emit("480FBF00");
    else if (y->y_unsigned) emit("0FB600");
    else emit("480FBE00");
}

/* To the address in rcx. */
void store(struct Type *y) {
    long k = y->y_kind;
    if (k == Y_FLOAT) emit("D919 D901");             /* fstp dword [rcx]; fld dword [rcx] */
    else if (k == Y_DOUBLE) emit("DD19 DD01");
    else if (k == Y_LDOUBLE) emit("DB39 DB29");
    else if (y->y_size == 8) emit("488901");         /* mov [rcx], rax */
    else if (y->y_size == 4) emit("8901");
    else if (y->y_size == 2) emit("668901");
    else emit("8801");
}

/* The field, moved down to bit 0 and extended. */
void load_bits(struct Member *m) {
    load(m->m_type);
    emit("48C1E0");                                  /* shl rax, imm8 */
    put(64 - m->m_shift - m->m_bits);
    if (m->m_type->y_unsigned) emit("48C1E8");       /* shr rax, imm8 */
    else emit("48C1F8");                             /* sar rax, imm8 */
    put(64 - m->m_bits);
}

void store_bits(struct Member *m) {
    long mask = low_bits(m->m_bits);
    emit("50 51");                                   /* push rax; push rcx */
    emit("48BA");                                    /* mov rdx, imm64 */
    put32(mask);
    put32(mask >> 32);
    emit("4821D0 48C1E0");                           /* and rax, rdx; shl rax, imm8 */
    put(m->m_shift);
    emit("48C1E2");                                  /* shl rdx, imm8 */
    put(m->m_shift);
    emit("48F7D2 50 4889C8");                        /* not rdx; push rax; mov rax, rcx */
    load(m->m_type);
    emit("4821D0 59 4809C8 59");                     /* and rax, rdx; pop rcx; or rax, rcx; pop rcx */
    store(m->m_type);
    emit("58");                                      /* pop rax */
}

void gen_address(struct Node *e) {
    if (e->e_kind == N_VAR) {
        struct Sym *s = e->e_sym;
        if (s->s_kind == S_LOCAL) {
            emit("488D85");                          /* lea rax, [rbp + disp32] */
            put32(s->s_value);
        } else {
            emit("48C7C0");                          /* mov rax, imm32 */
            fix(FIX_CODE_32, code_used, s, 0);
            put32(0);
        }
    } else if (e->e_kind == N_DEREF) {
        gen(e->e_a);
    } else if (e->e_kind == N_MEMBER) {
        gen_address(e->e_a);
        if (e->e_member->m_offset) {
            emit("4805");                            /* add rax, imm32 */
            put32(e->e_member->m_offset);
        }
    } else {
        if (e->e_type->y_kind != Y_STRUCT) stop_at(e->e_at, "this has no address, near");
        gen(e);
    }
}

/* ---- operations ---- */

void gen_cast(struct Node *e) {
    struct Type *from = e->e_a->e_type;
    struct Type *to = e->e_type;
    gen(e->e_a);
    if (to->y_kind == Y_VOID) {
        if (is_float(from)) emit("DDD8");            /* fstp st0 */
    } else if (is_float(from) && is_float(to)) {
        round_float(to);
    } else if (is_float(to)) {
        emit("50 DF2C24 59");                        /* push rax; fild qword [rsp]; pop rcx */
        if (from->y_unsigned && from->y_size == 8) {
            /* read as negative, it lacks 2^64 */
            emit("4885C0 7909");                     /* test rax, rax; jns over */
            emit("680000805F D80424 4859");          /* push 2^64f; fadd dword [rsp]; pop rcx */
        }
        round_float(to);
    } else if (is_float(from)) {
        if (to->y_unsigned && to->y_size == 8) {
            emit("680000005F D90424 DFF1 770E");     /* push 2^63f; fld dword [rsp]; fcomip st1; ja small */
            emit("D82424 DD0C24 58");                /* fsub dword [rsp]; fisttp qword [rsp]; pop rax */
            emit("480FBAF83F EB04");                 /* btc rax, 63; jmp end */
            emit("DD0C24 58");                       /* small: fisttp qword [rsp]; pop rax */
        } else {
            emit("50 DD0C24 58");                    /* push rax; fisttp qword [rsp]; pop rax */
            extend(to);
        }
    } else if (to->y_kind == Y_BOOL) {
        emit("4885C0 0F95C0 0FB6C0");                /* test rax, rax; setne al; movzx eax, al */
    } else {
        extend(to);
    }
}

void gen_float_binary(struct Node *e) {
    long k = e->e_kind;
    gen(e->e_b);
    emit("4883EC10 DB3C24");                         /* sub rsp, 16; fstp tbyte [rsp] */
    held = held + 1;
    gen(e->e_a);
    held = held - 1;
    emit("DB2C24 4883C410");                         /* fld tbyte [rsp]; add rsp, 16: st0 is b, st1 is a */
    if (k == N_ADD) emit("DEC1");                    /* faddp */
    else if (k == N_SUB) emit("DEE9");               /* fsubp: st1 - st0 */
    else if (k == N_MUL) emit("DEC9");               /* fmulp */
    else if (k == N_DIV) emit("DEF9");               /* fdivp: st1 / st0 */
    else {
        emit("DFF1 DDD8");                           /* fcomip st1; fstp st0 */
        if (k == N_LESS) emit("0F97C0");             /* seta al: b above a */
        else if (k == N_LESSEQ) emit("0F93C0");      /* setae al */
        else if (k == N_EQ) emit("0F94C0 0F9BC1 20C8");     /* sete al; setnp cl; and al, cl */
        else emit("0F95C0 0F9AC1 08C8");             /* setne al; setp cl; or al, cl */
        emit("0FB6C0");
        return;
    }
    round_float(e->e_type);
}

void gen_compare(long k, long is_unsigned) {
    emit("4839C8");                                  /* cmp rax, rcx */
    if (k == N_EQ) emit("0F94C0");
    else if (k == N_NE) emit("0F95C0");
    else if (k == N_LESS && is_unsigned) emit("0F92C0");
    else if (k == N_LESS) emit("0F9CC0");
    else if (is_unsigned) emit("0F96C0");
    else emit("0F9EC0");
    emit("0FB6C0");                                  /* movzx eax, al */
}

void gen_binary(struct Node *e) {
    long k = e->e_kind;
    long is_unsigned = e->e_a->e_type->y_unsigned;
    if (is_float(e->e_a->e_type)) {
        gen_float_binary(e);
        return;
    }
    if (e->e_b->e_kind == N_NUMBER && fits32(e->e_b->e_value)) {
        gen(e->e_a);
        emit("48C7C1");                              /* mov rcx, imm32 */
        put32(e->e_b->e_value);
    } else {
        gen(e->e_b);
        emit("50");                                  /* push rax */
        held = held + 1;
        gen(e->e_a);
        held = held - 1;
        emit("59");                                  /* pop rcx */
    }
    if (k == N_ADD) emit("4801C8");
    else if (k == N_SUB) emit("4829C8");
    else if (k == N_MUL) emit("480FAFC1");
    else if (k == N_BITAND) emit("4821C8");
    else if (k == N_BITOR) emit("4809C8");
    else if (k == N_XOR) emit("4831C8");
    else if (k == N_SHL) emit("48D3E0");
    else if (k == N_SHR) {
        if (is_unsigned) emit("48D3E8");
        else emit("48D3F8");
    } else if (k == N_DIV || k == N_MOD) {
        if (is_unsigned) emit("31D2 48F7F1");        /* xor edx, edx; div rcx */
        else emit("4899 48F7F9");                    /* cqo; idiv rcx */
        if (k == N_MOD) emit("4889D0");
    } else {
        gen_compare(k, is_unsigned);
        return;
    }
    extend(e->e_type);
}

void gen_logical(struct Node *e) {
    long end = new_label();
    long out = new_label();
    char *leave = "0F84";                           /* jz */
    if (e->e_kind == N_OR) leave = "0F85";          /* jnz */
    gen(e->e_a);
    emit("4885C0");
    jump(leave, out);
    gen(e->e_b);
    emit("4885C0");
    jump(leave, out);
    gen_number(e->e_kind == N_AND);
    jump("E9", end);
    place(out);
    gen_number(e->e_kind == N_OR);
    place(end);
}

void gen_cond(struct Node *e) {
    long no = new_label();
    long end = new_label();
    gen(e->e_a);
    emit("4885C0");                                  /* test rax, rax */
    jump("0F84", no);
    gen(e->e_b);
    jump("E9", end);
    place(no);
    gen(e->e_c);
    place(end);
}

void gen_assign(struct Node *e) {
    struct Type *y = e->e_type;
    gen_address(e->e_a);
    emit("50");
    held = held + 1;
    gen(e->e_b);
    held = held - 1;
    if (y->y_kind == Y_STRUCT) {
        emit("4889C6 5F 57 B9");                     /* mov rsi, rax; pop rdi; push rdi; mov ecx, imm32 */
        put32(y->y_size);
        emit("F3A4 58");                             /* rep movsb; pop rax */
        return;
    }
    if (y->y_kind == Y_ARRAY || y->y_kind == Y_VOID) stop_at(e->e_at, "cannot be assigned to, near");
    emit("59");
    if (e->e_a->e_kind == N_MEMBER && e->e_a->e_member->m_bits) store_bits(e->e_a->e_member);
    else store(y);
}

/* Pushes the arguments, the last one first; how many bytes they take. */
long gen_arguments(struct Node *e) {
    long n = 0;
    if (e == 0) return 0;
    n = gen_arguments(e->e_next);
    struct Type *y = e->e_type;
    held = held + n;
    gen(e);
    held = held - n;
    if (y->y_kind == Y_LDOUBLE) {
        emit("4883EC10 DB3C24");
        return n + 16;
    }
    emit("50");
    if (y->y_kind == Y_FLOAT) emit("D91C24");        /* fstp dword [rsp] */
    if (y->y_kind == Y_DOUBLE) emit("DD1C24");
    return n + 8;
}

/* What waits on the stack is gone when longjmp comes back to setjmp: later calls
 * used the same place. C allows setjmp where nothing waits, and no more. */
void check_setjmp(struct Node *f) {
    if (held == 0 || f->e_kind != N_DEREF) return;
    f = f->e_a;
    if (f->e_kind != N_VAR || f->e_sym->s_name == 0) return;
    if (same(f->e_sym->s_name->n_text, "firn_setjmp")) stop_at(f->e_at, "only a whole condition or statement may be a call of setjmp, near");
}

void gen_call(struct Node *e) {
    check_setjmp(e->e_a);
    long n = gen_arguments(e->e_b);
    if (e->e_a->e_kind == N_VAR && e->e_a->e_sym->s_kind == S_FUNCTION) {
        emit("E8");
        fix(FIX_CODE_REL, code_used, e->e_a->e_sym, 0);
        put32(0);
    } else {
        gen_address(e->e_a);
        emit("FFD0");                                /* call rax */
    }
    if (n) {
        emit("4881C4");                              /* add rsp, imm32 */
        put32(n);
    }
}

void gen_float(struct Node *e) {
    long scale = e->e_scale;
    long ten = 1;
    long minus = scale < 0;
    if (minus) scale = -scale;
    while (scale > 0) {
        ten = ten * 10;
        scale = scale - 1;
    }
    gen_number(e->e_value);
    emit("50 DF2C24 59");                            /* fild qword [rsp] */
    gen_number(ten);
    emit("50 DF2C24 59");
    if (minus) emit("DEC9");
    else emit("DEF9");
    round_float(e->e_type);
}

void gen(struct Node *e) {
    long k = e->e_kind;
    if (k == N_NUMBER) {
        gen_number(e->e_value);
        if (is_float(e->e_type)) stop_at(e->e_at, "cc1 is wrong here");
    } else if (k == N_FLOAT) {
        gen_float(e);
    } else if (k == N_MEMBER && e->e_member->m_bits) {
        gen_address(e);
        load_bits(e->e_member);
    } else if (k == N_VAR || k == N_DEREF || k == N_MEMBER) {
        gen_address(e);
        load(e->e_type);
    } else if (k == N_ADDRESS) {
        gen_address(e->e_a);
    } else if (k == N_CAST) {
        gen_cast(e);
    } else if (k == N_NEG) {
        gen(e->e_a);
        emit("D9E0");                                /* fchs */
    } else if (k == N_AND || k == N_OR) {
        gen_logical(e);
    } else if (k == N_ASSIGN) {
        gen_assign(e);
    } else if (k == N_COND) {
        gen_cond(e);
    } else if (k == N_COMMA) {
        if (e->e_a->e_kind != N_NUMBER) gen(e->e_a);
        if (is_float(e->e_a->e_type)) emit("DDD8");
        gen(e->e_b);
    } else if (k == N_CALL) {
        gen_call(e);
    } else {
        gen_binary(e);
    }
}
