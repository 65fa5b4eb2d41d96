/* cc1, part 4: types, symbols, expression trees. */

enum {
    Y_VOID = 1, Y_BOOL = 2, Y_CHAR = 3, Y_SHORT = 4, Y_INT = 5, Y_LONG = 6,
    Y_FLOAT = 7, Y_DOUBLE = 8, Y_LDOUBLE = 9, Y_POINTER = 10, Y_ARRAY = 11,
    Y_FUNCTION = 12, Y_STRUCT = 13
};

struct Type {
    long y_kind;
    long y_size;             /* -1: not known yet */
    long y_align;
    long y_unsigned;
    struct Type *y_base;     /* pointed to, element, returned */
    long y_count;            /* elements of an array; -1: not known yet */
    struct Member *y_members;
    struct Param *y_params;
    long y_variadic;
    long y_union;
    struct Type *y_pointer;  /* the type "pointer to this", made once */
};

struct Member {
    struct Name *m_name;     /* 0: unnamed struct or union */
    struct Type *m_type;
    long m_offset;
    long m_shift;            /* bit-fields: first bit, and how many */
    long m_bits;
    struct Member *m_next;
};

struct Param {
    struct Name *p_name;
    struct Type *p_type;
    struct Param *p_next;
};

/* The tag of a struct, union or enum. */
struct Tag {
    struct Name *g_name;
    struct Type *g_type;
    long g_depth;
    struct Tag *g_shadowed;
    struct Tag *g_scope;
};

enum { S_GLOBAL = 1, S_LOCAL = 2, S_FUNCTION = 3, S_TYPEDEF = 4, S_ENUM = 5 };

enum { IN_NOTHING = 0, IN_TEXT = 1, IN_DATA = 2, IN_ZERO = 3 };

struct Sym {
    long s_kind;
    struct Name *s_name;
    struct Type *s_type;
    long s_where;            /* section of a global */
    long s_value;            /* offset in section or frame; value of S_ENUM */
    long s_depth;
    struct Tok *s_at;
    struct Sym *s_shadowed;  /* what the name meant outside */
    struct Sym *s_scope;     /* declared before in the same or an outer scope */
};

enum {
    N_NUMBER = 1, N_FLOAT = 2, N_VAR = 3, N_DEREF = 4, N_MEMBER = 5, N_ADDRESS = 6,
    N_CAST = 7, N_NEG = 8, N_ADD = 11, N_SUB = 12, N_MUL = 13,
    N_DIV = 14, N_MOD = 15, N_BITAND = 16, N_BITOR = 17, N_XOR = 18, N_SHL = 19,
    N_SHR = 20, N_EQ = 21, N_NE = 22, N_LESS = 23, N_LESSEQ = 24, N_AND = 25,
    N_OR = 26, N_ASSIGN = 27, N_COND = 28, N_COMMA = 29, N_CALL = 30
};

struct Node {
    long e_kind;
    struct Type *e_type;
    struct Node *e_a;
    struct Node *e_b;
    struct Node *e_c;
    long e_value;            /* N_NUMBER; N_FLOAT: digits, times 10 to minus e_scale */
    long e_scale;
    struct Sym *e_sym;
    struct Member *e_member;
    struct Tok *e_at;
    struct Node *e_next;     /* next argument */
};

struct Type *y_void;
struct Type *y_bool;
struct Type *y_char;
struct Type *y_uchar;
struct Type *y_short;
struct Type *y_ushort;
struct Type *y_int;
struct Type *y_uint;
struct Type *y_long;
struct Type *y_ulong;
struct Type *y_float;
struct Type *y_double;
struct Type *y_ldouble;

struct Tok *tok;             /* the token the parser looks at */
long depth;                  /* of scopes; 0 is the file */
struct Sym *scope;
struct Tag *tag_scope;

struct Type *new_type(long kind, long size, long align) {
    struct Type *y = alloc(sizeof(struct Type));
    y->y_kind = kind;
    y->y_size = size;
    y->y_align = align;
    return y;
}

struct Type *unsigned_type(long kind, long size) {
    struct Type *y = new_type(kind, size, size);
    y->y_unsigned = 1;
    return y;
}

void init_types() {
    y_void = new_type(Y_VOID, 1, 1);
    y_bool = unsigned_type(Y_BOOL, 1);
    y_char = new_type(Y_CHAR, 1, 1);
    y_uchar = unsigned_type(Y_CHAR, 1);
    y_short = new_type(Y_SHORT, 2, 2);
    y_ushort = unsigned_type(Y_SHORT, 2);
    y_int = new_type(Y_INT, 4, 4);
    y_uint = unsigned_type(Y_INT, 4);
    y_long = new_type(Y_LONG, 8, 8);
    y_ulong = unsigned_type(Y_LONG, 8);
    y_float = new_type(Y_FLOAT, 4, 4);
    y_double = new_type(Y_DOUBLE, 8, 8);
    y_ldouble = new_type(Y_LDOUBLE, 16, 16);
}

struct Type *pointer_to(struct Type *base) {
    if (base->y_pointer == 0) {
        struct Type *y = unsigned_type(Y_POINTER, 8);
        y->y_base = base;
        base->y_pointer = y;
    }
    return base->y_pointer;
}

struct Type *array_of(struct Type *base, long count) {
    struct Type *y = new_type(Y_ARRAY, -1, base->y_align);
    y->y_base = base;
    y->y_count = count;
    if (count >= 0) y->y_size = count * base->y_size;
    return y;
}

long is_integer(struct Type *y) { return y->y_kind >= Y_BOOL && y->y_kind <= Y_LONG; }
long is_float(struct Type *y) { return y->y_kind >= Y_FLOAT && y->y_kind <= Y_LDOUBLE; }
long is_arithmetic(struct Type *y) { return y->y_kind >= Y_BOOL && y->y_kind <= Y_LDOUBLE; }
long is_pointer(struct Type *y) { return y->y_kind == Y_POINTER; }
long round_up(long n, long to) { return (n + to - 1) / to * to; }

/* ---- scopes ---- */

struct Sym *declare(long kind, struct Name *n, struct Type *y) {
    struct Sym *s = alloc(sizeof(struct Sym));
    s->s_kind = kind;
    s->s_name = n;
    s->s_type = y;
    s->s_depth = depth;
    s->s_at = tok;
    if (n) {
        s->s_shadowed = n->n_sym;
        s->s_scope = scope;
        n->n_sym = s;
        scope = s;
    }
    return s;
}

struct Tag *declare_tag(struct Name *n, struct Type *y) {
    struct Tag *g = alloc(sizeof(struct Tag));
    g->g_name = n;
    g->g_type = y;
    g->g_depth = depth;
    g->g_shadowed = n->n_tag;
    g->g_scope = tag_scope;
    n->n_tag = g;
    tag_scope = g;
    return g;
}

void enter_scope() { depth = depth + 1; }

void leave_scope() {
    while (scope && scope->s_depth == depth) {
        scope->s_name->n_sym = scope->s_shadowed;
        scope = scope->s_scope;
    }
    while (tag_scope && tag_scope->g_depth == depth) {
        tag_scope->g_name->n_tag = tag_scope->g_shadowed;
        tag_scope = tag_scope->g_scope;
    }
    depth = depth - 1;
}

/* ---- trees ---- */

struct Node *cast(struct Node *e, struct Type *y);

struct Node *new_node(long kind, struct Type *y, struct Node *a, struct Node *b) {
    struct Node *e = alloc(sizeof(struct Node));
    e->e_kind = kind;
    e->e_type = y;
    e->e_a = a;
    e->e_b = b;
    e->e_at = tok;
    return e;
}

struct Node *number(long v, struct Type *y) {
    struct Node *e = new_node(N_NUMBER, y, 0, 0);
    e->e_value = v;
    return e;
}

struct Node *variable(struct Sym *s) {
    struct Node *e = new_node(N_VAR, s->s_type, 0, 0);
    e->e_sym = s;
    return e;
}

/* A value as an integer type of that size holds it. */
long truncate(long v, struct Type *y) {
    long bits = 64 - 8 * y->y_size;
    if (y->y_kind == Y_BOOL) return v != 0;
    if (bits <= 0) return v;
    if (y->y_unsigned) return v & low_bits(64 - bits);
    return (v << bits) >> bits;
}

struct Node *add(struct Node *a, struct Node *b);

/* The address of an lvalue, as a value of type "pointer to y". */
struct Node *address(struct Node *e, struct Type *y) {
    struct Node *p = 0;
    if (e->e_kind == N_DEREF) return cast(e->e_a, pointer_to(y));
    if (e->e_kind == N_MEMBER) {
        if (e->e_member->m_bits) stop_at(e->e_at, "a bit-field has no address");
        p = cast(address(e->e_a, y_char), pointer_to(y_char));
        p = add(p, number(e->e_member->m_offset, y_long));
        return cast(p, pointer_to(y));
    }
    if (e->e_kind == N_COMMA) {
        p = new_node(N_COMMA, pointer_to(y), e->e_a, address(e->e_b, y));
        return p;
    }
    if (e->e_type->y_kind != Y_STRUCT && e->e_kind != N_VAR) stop_at(e->e_at, "this has no address, near");
    return new_node(N_ADDRESS, pointer_to(y), e, 0);
}

struct Node *deref(struct Node *e) {
    if (!is_pointer(e->e_type)) stop_at(tok, "not a pointer, near");
    return new_node(N_DEREF, e->e_type->y_base, e, 0);
}

/* Arrays and functions used as values are pointers; a bit-field that an int can hold is an int. */
struct Node *decay(struct Node *e) {
    if (e->e_kind == N_MEMBER && e->e_member->m_bits && e->e_member->m_bits < 32 && e->e_type != y_int) return new_node(N_CAST, y_int, e, 0);
    if (e->e_type->y_kind == Y_ARRAY) return address(e, e->e_type->y_base);
    if (e->e_type->y_kind == Y_FUNCTION) return address(e, e->e_type);
    return e;
}

struct Node *cast(struct Node *e, struct Type *y) {
    e = decay(e);
    if (e->e_type == y) return e;
    if (y->y_kind == Y_STRUCT || e->e_type->y_kind == Y_STRUCT) {
        if (y != e->e_type) stop_at(tok, "a struct cannot be converted, near");
        return e;
    }
    if (e->e_kind == N_NUMBER && (is_integer(y) || is_pointer(y))) {
        struct Node *n = number(truncate(e->e_value, y), y);
        n->e_at = e->e_at;
        return n;
    }
    return new_node(N_CAST, y, e, 0);
}

struct Type *promoted(struct Type *y) {
    if (is_integer(y) && y->y_size < 4) return y_int;
    return y;
}

/* The common type of two arithmetic operands. */
struct Type *common(struct Type *a, struct Type *b) {
    if (is_float(a) || is_float(b)) {
        if (a->y_kind < b->y_kind) a = b;
        return a;
    }
    a = promoted(a);
    b = promoted(b);
    if (a->y_size < b->y_size) return b;
    if (a->y_size > b->y_size) return a;
    if (b->y_unsigned) return b;
    return a;
}

long fold_binary(long kind, long a, long b, struct Type *y) {
    if (kind == N_ADD) return a + b;
    if (kind == N_SUB) return a - b;
    if (kind == N_MUL) return a * b;
    if (kind == N_DIV || kind == N_MOD) {
        if (y->y_unsigned) {
            a = unsigned_divide(a, b);
            if (kind == N_MOD) a = remainder_left;
            return a;
        }
        if (kind == N_DIV) return a / b;
        return a % b;
    }
    if (kind == N_BITAND) return a & b;
    if (kind == N_BITOR) return a | b;
    if (kind == N_XOR) return a ^ b;
    if (kind == N_SHL) return a << (b & 63);
    if (kind == N_SHR) {
        if (y->y_unsigned) return unsigned_shift_right(a, b & 63);
        return a >> (b & 63);
    }
    if (kind == N_EQ) return a == b;
    if (kind == N_NE) return a != b;
    if (kind == N_LESS) {
        if (y->y_unsigned) return unsigned_less(a, b);
        return a < b;
    }
    if (y->y_unsigned) return !unsigned_less(b, a);
    return a <= b;
}

long is_null(struct Node *e) { return e->e_kind == N_NUMBER && e->e_value == 0; }

/* A binary operation whose operands have type y already. */
struct Node *binary(long kind, struct Node *a, struct Node *b, struct Type *y, struct Type *result) {
    /* Division by zero stays for when the program runs: it may never get there. */
    long zero = is_null(b) && (kind == N_DIV || kind == N_MOD);
    if (a->e_kind == N_NUMBER && b->e_kind == N_NUMBER && !zero) {
        struct Node *n = number(truncate(fold_binary(kind, a->e_value, b->e_value, y), result), result);
        return n;
    }
    /* &x + 1 + 2 is &x + 3: keeps addresses of static data foldable */
    if (kind == N_ADD && b->e_kind == N_NUMBER && a->e_kind == N_ADD && a->e_b->e_kind == N_NUMBER && is_pointer(y)) {
        return binary(N_ADD, a->e_a, number(a->e_b->e_value + b->e_value, y_long), y, result);
    }
    return new_node(kind, result, a, b);
}

struct Node *arithmetic(long kind, struct Node *a, struct Node *b) {
    if (!is_arithmetic(a->e_type) || !is_arithmetic(b->e_type)) stop_at(tok, "operands are not numbers, before");
    struct Type *y = common(a->e_type, b->e_type);
    return binary(kind, cast(a, y), cast(b, y), y, y);
}

struct Node *scaled(struct Node *e, struct Type *pointer) {
    long size = pointer->y_base->y_size;
    if (pointer->y_base->y_kind == Y_FUNCTION) size = 1;
    if (size < 0) stop_at(tok, "size of what is pointed to is not known, before");
    if (!is_integer(e->e_type)) stop_at(tok, "pointer arithmetic needs an integer, before");
    return arithmetic(N_MUL, cast(e, y_long), number(size, y_long));
}

struct Node *add(struct Node *a, struct Node *b) {
    a = decay(a);
    b = decay(b);
    if (is_pointer(b->e_type)) {
        struct Node *t = a;
        a = b;
        b = t;
    }
    if (is_pointer(a->e_type)) {
        b = scaled(b, a->e_type);
        if (is_null(b)) return a;
        return binary(N_ADD, a, b, a->e_type, a->e_type);
    }
    return arithmetic(N_ADD, a, b);
}

struct Node *subtract(struct Node *a, struct Node *b) {
    a = decay(a);
    b = decay(b);
    if (is_pointer(a->e_type) && is_pointer(b->e_type)) {
        struct Node *bytes = binary(N_SUB, cast(a, y_long), cast(b, y_long), y_long, y_long);
        long size = a->e_type->y_base->y_size;
        if (size <= 0) stop_at(tok, "size of what is pointed to is not known, before");
        return binary(N_DIV, bytes, number(size, y_long), y_long, y_long);
    }
    if (is_pointer(a->e_type)) {
        b = arithmetic(N_SUB, number(0, y_long), scaled(b, a->e_type));
        return binary(N_ADD, a, b, a->e_type, a->e_type);
    }
    return arithmetic(N_SUB, a, b);
}

struct Node *compare(long kind, struct Node *a, struct Node *b) {
    a = decay(a);
    b = decay(b);
    if (is_pointer(a->e_type) || is_pointer(b->e_type)) {
        a = cast(a, y_ulong);
        b = cast(b, y_ulong);
    }
    struct Type *y = common(a->e_type, b->e_type);
    return binary(kind, cast(a, y), cast(b, y), y, y_int);
}

/* A value as a condition: something that is 0 or not in an integer register. */
struct Node *condition(struct Node *e) {
    e = decay(e);
    if (is_float(e->e_type)) return compare(N_NE, e, number(0, y_int));
    if (e->e_type->y_kind == Y_STRUCT || e->e_type->y_kind == Y_VOID) stop_at(tok, "not a condition, before");
    return e;
}

struct Node *assign(struct Node *to, struct Node *e) {
    return new_node(N_ASSIGN, to->e_type, to, cast(e, to->e_type));
}
