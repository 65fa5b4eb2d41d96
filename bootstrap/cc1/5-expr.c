/* cc1, part 5: expressions, from tokens to trees. */

enum {
    K_SIZEOF = 1, K_IF, K_ELSE, K_WHILE, K_DO, K_FOR, K_SWITCH, K_CASE, K_DEFAULT, K_BREAK, K_CONTINUE,
    K_RETURN, K_GOTO, K_ASM, K_ATTRIBUTE,
    K_TYPEDEF = 32, K_EXTERN, K_STATIC, K_IGNORED, K_VOID, K_BOOL, K_CHAR, K_SHORT, K_INT, K_LONG, K_FLOAT,
    K_DOUBLE, K_SIGNED, K_UNSIGNED, K_STRUCT, K_UNION, K_ENUM
};

struct Type *type_name();
struct Sym *new_local(struct Type *y);
struct Node *static_string(struct Tok *t);
struct Node *expression();
struct Node *assignment();
struct Node *unary();

long keyword(struct Tok *t) {
    if (t->t_kind != T_NAME) return 0;
    return t->t_name->n_keyword;
}

void expect(long mark) {
    if (!is(tok, mark)) {
        char *what = alloc(16);
        copy(what, "expected   near", 15);
        what[9] = mark;
        stop_at(tok, what);
    }
    tok = tok->t_next;
}

long take(long mark) {
    if (!is(tok, mark)) return 0;
    tok = tok->t_next;
    return 1;
}

long starts_type(struct Tok *t) {
    if (t->t_kind != T_NAME) return 0;
    if (t->t_name->n_keyword >= K_TYPEDEF) return 1;
    if (t->t_name->n_keyword) return 0;
    return t->t_name->n_sym && t->t_name->n_sym->s_kind == S_TYPEDEF;
}

/* ---- constants ---- */

struct Type *number_type;

long is_float_spelling(struct Tok *t) {
    long i = 0;
    long hex = t->t_text[0] == '0' && (t->t_text[1] | 32) == 'x';
    while (i < t->t_length) {
        if (t->t_text[i] == '.') return 1;
        if (!hex && (t->t_text[i] | 32) == 'e') return 1;
        if ((t->t_text[i] | 32) == 'p') return 1;
        i = i + 1;
    }
    return 0;
}

/* The value of an integer constant; its type goes to number_type. */
long number_value(struct Tok *t) {
    char *s = t->t_text;
    long base = 10;
    long v = 0;
    long is_unsigned = 0;
    long is_long = 0;
    if (is_float_spelling(t)) stop_at(t, "an integer constant is needed, not");
    if (s[0] == '0') {
        base = 8;
        if ((s[1] | 32) == 'x') {
            base = 16;
            s = s + 2;
        }
    }
    while (digit_value(*s) < base) {
        v = v * base + digit_value(*s);
        s = s + 1;
    }
    while (*s) {
        if ((*s | 32) == 'u') is_unsigned = 1;
        else if ((*s | 32) == 'l') is_long = 1;
        else stop_at(t, "not a number");
        s = s + 1;
    }
    if (v >> 32) is_long = 1;
    if (v < 0) is_unsigned = 1;
    if (v > 2147483647 && !is_long) {
        if (base == 10) is_long = !is_unsigned;
        else is_unsigned = 1;
    }
    number_type = y_int;
    if (is_unsigned) number_type = y_uint;
    if (is_long) {
        number_type = y_long;
        if (is_unsigned) number_type = y_ulong;
    }
    return v;
}

/* 12.5e3 is 125 times 10 to the 2. */
struct Node *float_constant(struct Tok *t) {
    struct Node *e = new_node(N_FLOAT, y_double, 0, 0);
    char *s = t->t_text;
    long digits_read = 0;
    long v = 0;
    long scale = 0;
    long point = 0;
    if ((s[1] | 32) == 'x') stop_at(t, "hexadecimal float constants are not supported");
    while (is_digit(*s) || *s == '.') {
        if (*s == '.') {
            point = 1;
        } else {
            v = v * 10 + *s - '0';
            if (v) digits_read = digits_read + 1;
            scale = scale + point;
        }
        s = s + 1;
    }
    if ((*s | 32) == 'e') {
        long minus = s[1] == '-';
        long n = 0;
        s = s + 1;
        if (*s == '-' || *s == '+') s = s + 1;
        while (is_digit(*s)) {
            n = n * 10 + *s - '0';
            s = s + 1;
        }
        if (minus) n = -n;
        scale = scale - n;
    }
    if ((*s | 32) == 'f') e->e_type = y_float;
    if ((*s | 32) == 'l') e->e_type = y_ldouble;
    if (v == 0) scale = 0;
    if (digits_read > 18 || scale > 18 || scale < -18) stop_at(t, "float constant has too many digits");
    e->e_value = v;
    e->e_scale = scale;
    return e;
}

struct Node *number_constant() {
    struct Tok *t = tok;
    tok = tok->t_next;
    if (is_float_spelling(t)) return float_constant(t);
    long v = number_value(t);
    return number(v, number_type);
}

/* ---- postfix ---- */

struct Member *find_member(struct Type *y, struct Name *n, long base);
long member_offset;

struct Member *find_member(struct Type *y, struct Name *n, long base) {
    struct Member *m = y->y_members;
    while (m) {
        if (m->m_name == n) {
            member_offset = base + m->m_offset;
            return m;
        }
        if (m->m_name == 0 && m->m_type->y_kind == Y_STRUCT) {
            struct Member *inner = find_member(m->m_type, n, base + m->m_offset);
            if (inner) return inner;
        }
        m = m->m_next;
    }
    return 0;
}

struct Node *member(struct Node *e) {
    if (e->e_type->y_kind != Y_STRUCT) stop_at(tok, "not a struct, before member");
    if (tok->t_kind != T_NAME) stop_at(tok, "not the name of a member");
    struct Member *m = find_member(e->e_type, tok->t_name, 0);
    if (m == 0) stop_at(tok, "no such member");
    if (member_offset != m->m_offset) {
        /* inside an unnamed struct: the same member, at its place in the outer one */
        struct Member *outer = alloc(sizeof(struct Member));
        copy(outer, m, sizeof(struct Member));
        outer->m_offset = member_offset;
        m = outer;
    }
    struct Node *p = new_node(N_MEMBER, m->m_type, e, 0);
    p->e_member = m;
    tok = tok->t_next;
    return p;
}

long is_lvalue(struct Node *e) { return e->e_kind == N_VAR || e->e_kind == N_DEREF || e->e_kind == N_MEMBER; }

struct Node *operate(long kind, struct Node *a, struct Node *b) {
    if (kind == N_ADD) return add(a, b);
    if (kind == N_SUB) return subtract(a, b);
    a = decay(a);
    b = decay(b);
    if (kind == N_SHL || kind == N_SHR) {
        if (!is_integer(a->e_type) || !is_integer(b->e_type)) stop_at(tok, "shift of something else than integers, before");
        struct Type *y = promoted(a->e_type);
        return binary(kind, cast(a, y), cast(b, y_long), y, y);
    }
    if (kind != N_MUL && kind != N_DIV && (is_float(a->e_type) || is_float(b->e_type))) stop_at(tok, "operands are not integers, before");
    return arithmetic(kind, a, b);
}

/* a = a op b, with a worked out once. */
struct Node *update(long kind, struct Node *a, struct Node *b) {
    struct Node *keep = 0;
    if (!is_lvalue(a)) stop_at(tok, "cannot be changed, before");
    if (a->e_kind != N_VAR) {
        struct Node *whole = a;
        if (a->e_kind == N_MEMBER) whole = a->e_a;
        struct Node *where = address(whole, whole->e_type);
        struct Node *held = variable(new_local(where->e_type));
        struct Node *again = deref(held);
        keep = assign(held, where);
        if (a->e_kind == N_MEMBER) {
            struct Node *m = new_node(N_MEMBER, a->e_type, again, 0);
            m->e_member = a->e_member;
            again = m;
        }
        a = again;
    }
    struct Node *set = assign(a, operate(kind, a, b));
    if (keep) return new_node(N_COMMA, set->e_type, keep, set);
    return set;
}

struct Node *call(struct Node *f) {
    struct Type *y = f->e_type;
    if (is_pointer(y)) {
        f = deref(f);
        y = f->e_type;
    }
    if (y->y_kind != Y_FUNCTION) stop_at(tok, "call of something that is no function, before");
    struct Node *e = new_node(N_CALL, y->y_base, f, 0);
    struct Node *last = 0;
    struct Param *p = y->y_params;
    while (!is(tok, ')')) {
        struct Node *arg = decay(assignment());
        if (p) {
            arg = cast(arg, p->p_type);
            p = p->p_next;
        } else if (y->y_variadic) {
            arg = cast(arg, promoted(arg->e_type));
            if (arg->e_type->y_kind == Y_FLOAT) arg = cast(arg, y_double);
        } else {
            stop_at(tok, "too many arguments, before");
        }
        if (arg->e_type->y_kind == Y_STRUCT) stop_at(tok, "structs as arguments are not supported, before");
        /* A node may stand in one list only. */
        arg = new_node(N_COMMA, arg->e_type, number(0, y_int), arg);
        if (last) last->e_next = arg;
        else e->e_b = arg;
        last = arg;
        if (!is(tok, ')')) expect(',');
    }
    if (p) stop_at(tok, "too few arguments, before");
    if (y->y_base->y_kind == Y_STRUCT) stop_at(tok, "functions that return a struct are not supported, before");
    tok = tok->t_next;
    return e;
}

struct Node *primary() {
    struct Tok *t = tok;
    struct Node *e = 0;
    if (take('(')) {
        e = expression();
        expect(')');
        return e;
    }
    if (t->t_kind == T_NUMBER) return number_constant();
    if (t->t_kind == T_CHAR) {
        tok = t->t_next;
        return number(t->t_mark, y_int);
    }
    if (t->t_kind == T_STRING) {
        tok = t->t_next;
        return static_string(t);
    }
    if (t->t_kind != T_NAME || t->t_name->n_keyword) stop_at(t, "an expression is needed, not");
    struct Sym *s = t->t_name->n_sym;
    if (s == 0) stop_at(t, "not declared:");
    if (s->s_kind == S_TYPEDEF) stop_at(t, "an expression is needed, not the type");
    tok = t->t_next;
    if (s->s_kind == S_ENUM) return number(s->s_value, y_int);
    return variable(s);
}

struct Node *postfix() {
    struct Node *e = primary();
    while (1) {
        if (take('[')) {
            e = deref(add(e, expression()));
            expect(']');
        } else if (take('(')) {
            e = call(e);
        } else if (take('.')) {
            e = member(e);
        } else if (take(M_ARROW)) {
            e = member(deref(decay(e)));
        } else if (is(tok, M_INC) || is(tok, M_DEC)) {
            /* x++ is what ++x gives, taken back. */
            struct Node *one = number(1, y_int);
            struct Type *y = e->e_type;
            if (take(M_INC)) {
                e = cast(subtract(update(N_ADD, e, one), one), y);
            } else {
                tok = tok->t_next;
                e = cast(add(update(N_SUB, e, one), one), y);
            }
        } else {
            return e;
        }
    }
    return 0;
}

/* ---- unary and binary ---- */

struct Node *size_of() {
    struct Type *y = 0;
    if (is(tok, '(') && starts_type(tok->t_next)) {
        tok = tok->t_next;
        y = type_name();
        expect(')');
    } else {
        y = unary()->e_type;
    }
    if (y->y_kind == Y_FUNCTION) return number(1, y_ulong);
    if (y->y_size < 0) stop_at(tok, "size of this type is not known, before");
    return number(y->y_size, y_ulong);
}

struct Node *unary() {
    struct Node *e = 0;
    struct Type *y = 0;
    if (is(tok, '(') && starts_type(tok->t_next)) {
        tok = tok->t_next;
        y = type_name();
        expect(')');
        if (is(tok, '{')) stop_at(tok, "compound literals are not supported, near");
        return cast(unary(), y);
    }
    if (keyword(tok) == K_SIZEOF) {
        tok = tok->t_next;
        return size_of();
    }
    if (take('*')) {
        e = decay(unary());
        return deref(e);
    }
    if (take('&')) {
        e = unary();
        if (e->e_kind == N_VAR || is_lvalue(e)) return address(e, e->e_type);
        stop_at(tok, "this has no address, before");
    }
    if (take('!')) {
        e = condition(unary());
        return compare(N_EQ, e, number(0, y_int));
    }
    if (take(M_INC)) return update(N_ADD, unary(), number(1, y_int));
    if (take(M_DEC)) return update(N_SUB, unary(), number(1, y_int));
    if (take('-')) {
        e = decay(unary());
        if (!is_arithmetic(e->e_type)) stop_at(tok, "not a number, before");
        if (is_float(e->e_type)) return new_node(N_NEG, e->e_type, e, 0);
        return arithmetic(N_SUB, number(0, y_int), e);
    }
    if (take('+')) {
        e = decay(unary());
        return cast(e, promoted(e->e_type));
    }
    if (take('~')) return operate(N_XOR, unary(), number(-1, y_int));
    return postfix();
}

long kind_of_mark(long m) {
    if (m == '*') return N_MUL;
    if (m == '/') return N_DIV;
    if (m == '%') return N_MOD;
    if (m == '+') return N_ADD;
    if (m == '-') return N_SUB;
    if (m == M_SHL) return N_SHL;
    if (m == M_SHR) return N_SHR;
    if (m == '&') return N_BITAND;
    if (m == '^') return N_XOR;
    return N_BITOR;
}

struct Node *logical(long kind, struct Node *a, struct Node *b) {
    a = condition(a);
    b = condition(b);
    if (a->e_kind == N_NUMBER) {
        if (kind == N_AND && a->e_value == 0) return number(0, y_int);
        if (kind == N_OR && a->e_value != 0) return number(1, y_int);
        return compare(N_NE, b, number(0, y_int));
    }
    return new_node(kind, y_int, a, b);
}

struct Node *join_binary(long m, struct Node *a, struct Node *b) {
    if (m == M_AND) return logical(N_AND, a, b);
    if (m == M_OR) return logical(N_OR, a, b);
    if (m == M_EQ) return compare(N_EQ, a, b);
    if (m == M_NE) return compare(N_NE, a, b);
    if (m == '<') return compare(N_LESS, a, b);
    if (m == '>') return compare(N_LESS, b, a);
    if (m == M_LE) return compare(N_LESSEQ, a, b);
    if (m == M_GE) return compare(N_LESSEQ, b, a);
    return operate(kind_of_mark(m), a, b);
}

struct Node *binaries(long least) {
    struct Node *a = unary();
    while (binding(tok) >= least) {
        struct Tok *op = tok;
        tok = tok->t_next;
        a = join_binary(op->t_mark, a, binaries(binding(op) + 1));
    }
    return a;
}

struct Node *conditional() {
    struct Node *e = binaries(1);
    if (!take('?')) return e;
    e = condition(e);
    struct Node *yes = decay(expression());
    expect(':');
    struct Node *no = decay(conditional());
    struct Type *y = yes->e_type;
    if (is_arithmetic(y) && is_arithmetic(no->e_type)) y = common(y, no->e_type);
    else if (y->y_kind == Y_VOID || no->e_type->y_kind == Y_VOID) y = y_void;
    else if (is_null(yes) && is_pointer(no->e_type)) y = no->e_type;
    yes = cast(yes, y);
    no = cast(no, y);
    if (e->e_kind == N_NUMBER) {
        if (e->e_value) return yes;
        return no;
    }
    struct Node *c = new_node(N_COND, y, e, yes);
    c->e_c = no;
    return c;
}

struct Node *assignment() {
    struct Node *e = conditional();
    struct Tok *op = tok;
    if (tok->t_kind != T_MARK) return e;
    long m = tok->t_mark;
    if (m == '=') {
        if (!is_lvalue(e)) stop_at(tok, "cannot be assigned to, before");
        tok = tok->t_next;
        return assign(e, assignment());
    }
    /* op= : the operator, then '=' as the last byte */
    if (m < 256 || m == M_EQ || m == M_NE || m == M_LE || m == M_GE) return e;
    if (m == M_SHLSET || m == M_SHRSET) m = m & 65535;
    else if (m >> 8 == '=') m = m & 255;
    else return e;
    tok = op->t_next;
    return update(kind_of_mark(m), e, assignment());
}

struct Node *expression() {
    struct Node *e = assignment();
    while (take(',')) {
        struct Node *next = decay(assignment());
        e = new_node(N_COMMA, next->e_type, e, next);
    }
    return e;
}

long constant() {
    struct Tok *at = tok;
    struct Node *e = conditional();
    if (e->e_kind != N_NUMBER) stop_at(at, "a constant is needed, at");
    return e->e_value;
}
