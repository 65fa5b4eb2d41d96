/* cc1, part 7: declarations and initial values. */

enum { ST_NONE = 0, ST_TYPEDEF = 1, ST_EXTERN = 2, ST_STATIC = 3 };

long storage;                /* what the specifiers just read said */
struct Name *declared;       /* the name in the declarator just read, or 0 */

struct Type *declarator(struct Type *y);
struct Type *specifiers();

/* __attribute__((..)) says nothing that matters to a program compiled whole, but for layout. */
void skip_attributes() {
    while (keyword(tok) == K_ATTRIBUTE) {
        long nested = 0;
        tok = tok->t_next;
        if (!is(tok, '(')) stop_at(tok, "no parenthesis after __attribute__, but");
        while (nested > 0 || is(tok, '(')) {
            if (names(tok, "packed") || names(tok, "__packed__")) stop_at(tok, "not supported:");
            if (is(tok, '(')) nested = nested + 1;
            if (is(tok, ')')) nested = nested - 1;
            if (tok->t_kind == T_END) stop_at(tok, "attribute does not end");
            tok = tok->t_next;
        }
    }
}

/* ---- struct, union, enum ---- */

struct Member *new_member(struct Type *y, struct Name *n) {
    struct Member *m = alloc(sizeof(struct Member));
    m->m_type = y;
    m->m_name = n;
    return m;
}

/* Places one member; layout_bits counts the bits used so far. */
long layout_bits;

void place_member(struct Type *s, struct Member *m, long is_bits) {
    struct Type *y = m->m_type;
    if (y->y_size < 0) stop_at(tok, "size of a member is not known, before");
    if (s->y_union) layout_bits = 0;
    if (is_bits) {
        long unit = y->y_size * 8;
        if (m->m_bits == 0) {
            layout_bits = round_up(layout_bits, unit);
            return;
        }
        if (layout_bits / unit != (layout_bits + m->m_bits - 1) / unit) layout_bits = round_up(layout_bits, unit);
        m->m_offset = layout_bits / unit * y->y_size;
        m->m_shift = layout_bits % unit;
        layout_bits = layout_bits + m->m_bits;
    } else {
        layout_bits = round_up(layout_bits, y->y_align * 8);
        m->m_offset = layout_bits / 8;
        layout_bits = layout_bits + y->y_size * 8;
    }
    if (y->y_align > s->y_align) s->y_align = y->y_align;
    long bytes = (layout_bits + 7) / 8;
    if (bytes > s->y_size) s->y_size = bytes;
}

void struct_members(struct Type *s) {
    struct Member *last = 0;
    long saved = layout_bits;
    layout_bits = 0;
    s->y_size = 0;
    while (!take('}')) {
        struct Type *base = specifiers();
        long more = 1;
        while (more) {
            struct Type *y = base;
            long is_bits = 0;
            declared = 0;
            if (!is(tok, ':') && !is(tok, ';')) y = declarator(base);
            struct Member *m = new_member(y, declared);
            if (take(':')) {
                is_bits = 1;
                m->m_bits = constant();
                if (m->m_bits < 0 || m->m_bits > y->y_size * 8) stop_at(tok, "bad width of a bit-field, before");
            }
            skip_attributes();
            /* A struct may still be of unknown size while its members are read. */
            long size = s->y_size;
            place_member(s, m, is_bits);
            if (size > s->y_size) stop_at(tok, "cc1 is wrong here");
            if (m->m_name || m->m_type->y_kind == Y_STRUCT) {
                if (last) last->m_next = m;
                else s->y_members = m;
                last = m;
            }
            more = take(',');
        }
        expect(';');
    }
    s->y_size = round_up(s->y_size, s->y_align);
    layout_bits = saved;
}

struct Type *struct_specifier(long is_union) {
    struct Type *y = 0;
    struct Name *n = 0;
    skip_attributes();
    if (tok->t_kind == T_NAME && tok->t_name->n_keyword == 0) {
        n = tok->t_name;
        tok = tok->t_next;
    }
    struct Tag *g = 0;
    if (n) g = n->n_tag;
    if (g && is(tok, '{') && g->g_depth != depth) g = 0;
    if (g && is(tok, ';') && g->g_depth != depth) g = 0;
    if (g) {
        y = g->g_type;
    } else {
        y = new_type(Y_STRUCT, -1, 1);
        y->y_union = is_union;
        if (n) declare_tag(n, y);
    }
    if (take('{')) {
        if (y->y_size >= 0) stop_at(tok, "struct is defined twice, near");
        struct_members(y);
        skip_attributes();
    }
    return y;
}

void enum_specifier() {
    long v = 0;
    if (tok->t_kind == T_NAME) tok = tok->t_next;
    if (!take('{')) return;
    while (!take('}')) {
        struct Name *n = tok->t_name;
        if (tok->t_kind != T_NAME) stop_at(tok, "a name is needed, not");
        tok = tok->t_next;
        if (take('=')) v = constant();
        struct Sym *s = declare(S_ENUM, n, y_int);
        s->s_value = v;
        v = v + 1;
        if (!is(tok, '}')) expect(',');
    }
}

/* ---- specifiers and declarators ---- */

struct Type *arithmetic_type(long k, long longs, long is_unsigned) {
    if (k == K_CHAR && is_unsigned) return y_uchar;
    if (k == K_CHAR) return y_char;
    if (k == K_SHORT && is_unsigned) return y_ushort;
    if (k == K_SHORT) return y_short;
    if (k == K_DOUBLE && longs) return y_ldouble;
    if (k == K_DOUBLE) return y_double;
    if (k == K_FLOAT) return y_float;
    if (k == K_VOID) return y_void;
    if (k == K_BOOL) return y_bool;
    if (longs && is_unsigned) return y_ulong;
    if (longs) return y_long;
    if (is_unsigned) return y_uint;
    return y_int;
}

struct Type *specifiers() {
    struct Type *y = 0;
    long kind = 0;
    long longs = 0;
    long is_unsigned = 0;
    long any = 0;
    long more = 1;
    long how = ST_NONE;
    while (more) {
        struct Tok *t = tok;
        long k = keyword(t);
        tok = t->t_next;
        if (k == K_TYPEDEF) how = ST_TYPEDEF;
        else if (k == K_EXTERN) how = ST_EXTERN;
        else if (k == K_STATIC) how = ST_STATIC;
        else if (k == K_IGNORED) more = 1;
        else if (k == K_ATTRIBUTE) {
            tok = t;
            skip_attributes();
        } else if (k == K_STRUCT || k == K_UNION) {
            y = struct_specifier(k == K_UNION);
        } else if (k == K_ENUM) {
            enum_specifier();
            kind = K_INT;
        } else if (k == K_LONG) {
            longs = longs + 1;
            any = 1;
        } else if (k == K_SIGNED) {
            any = 1;
        } else if (k == K_UNSIGNED) {
            is_unsigned = 1;
            any = 1;
        } else if (k == K_INT) {
            any = 1;
        } else if (k > K_IGNORED) {
            kind = k;
        } else if (y == 0 && !any && kind == 0 && starts_type(t)) {
            y = t->t_name->n_sym->s_type;
        } else {
            tok = t;
            more = 0;
        }
    }
    storage = how;
    if (y) return y;
    if (kind == 0 && !any) stop_at(tok, "a type is needed, not");
    return arithmetic_type(kind, longs, is_unsigned);
}

struct Type *parameters(struct Type *result) {
    struct Type *y = new_type(Y_FUNCTION, -1, 1);
    struct Param *last = 0;
    y->y_base = result;
    if (take(')')) {
        y->y_variadic = 1;
        return y;
    }
    if (keyword(tok) == K_VOID && is(tok->t_next, ')')) {
        tok = tok->t_next->t_next;
        return y;
    }
    while (!take(')')) {
        if (take(M_DOTS)) {
            y->y_variadic = 1;
        } else {
            struct Param *p = alloc(sizeof(struct Param));
            struct Type *base = specifiers();
            declared = 0;
            struct Type *t = declarator(base);
            skip_attributes();
            if (t->y_kind == Y_ARRAY) t = pointer_to(t->y_base);
            if (t->y_kind == Y_FUNCTION) t = pointer_to(t);
            p->p_type = t;
            p->p_name = declared;
            if (last) last->p_next = p;
            else y->y_params = p;
            last = p;
        }
        if (!is(tok, ')')) expect(',');
    }
    return y;
}

/* What follows the name: arrays and parameters. */
struct Type *suffix(struct Type *y) {
    if (take('[')) {
        long n = -1;
        if (!is(tok, ']')) n = constant();
        expect(']');
        y = suffix(y);
        if (y->y_size < 0) stop_at(tok, "array of something of unknown size, before");
        return array_of(y, n);
    }
    if (take('(')) {
        struct Name *outer = declared;
        y = parameters(suffix(y));
        declared = outer;
        return y;
    }
    return y;
}

struct Type *declarator(struct Type *y) {
    while (take('*')) {
        y = pointer_to(y);
        while (keyword(tok) == K_IGNORED) tok = tok->t_next;
    }
    skip_attributes();
    if (is(tok, '(') && !starts_type(tok->t_next) && !is(tok->t_next, ')')) {
        /* `(*f)(int)`: what stands behind the parentheses applies first. */
        struct Tok *inner = tok->t_next;
        long nested = 0;
        tok = inner;
        while (nested > 0 || !is(tok, ')')) {
            if (is(tok, '(')) nested = nested + 1;
            if (is(tok, ')')) nested = nested - 1;
            if (tok->t_kind == T_END) stop_at(inner, "no closing parenthesis after");
            tok = tok->t_next;
        }
        tok = tok->t_next;
        y = suffix(y);
        struct Tok *after = tok;
        tok = inner;
        y = declarator(y);
        tok = after;
        return y;
    }
    if (tok->t_kind == T_NAME && tok->t_name->n_keyword == 0) {
        declared = tok->t_name;
        tok = tok->t_next;
    }
    return suffix(y);
}

struct Type *type_name() {
    struct Type *y = specifiers();
    struct Name *n = declared;
    y = declarator(y);
    declared = n;
    return y;
}

/* ---- initial values ---- */

struct Init {
    long o_offset;
    struct Type *o_type;
    struct Member *o_member;
    struct Node *o_value;
    struct Tok *o_text;      /* bytes of a char array */
    struct Init *o_next;
};

struct Init *inits;
struct Init *last_init;

struct Init *new_init(long offset, struct Type *y) {
    struct Init *o = alloc(sizeof(struct Init));
    o->o_offset = offset;
    o->o_type = y;
    if (last_init) last_init->o_next = o;
    else inits = o;
    last_init = o;
    return o;
}

long is_text_for(struct Type *y) {
    return y->y_kind == Y_ARRAY && y->y_base->y_size == 1 && tok->t_kind == T_STRING;
}

/* Reads the values of an object; how many elements an array has got. */
long init_object(struct Type *y, long offset, struct Member *bits);

long init_elements(struct Type *y, long offset, long braced) {
    long n = 0;
    while (!is(tok, '}') && (y->y_count < 0 || n < y->y_count)) {
        if (is(tok, '[')) stop_at(tok, "designators are not supported");
        init_object(y->y_base, offset + n * y->y_base->y_size, 0);
        n = n + 1;
        if (is(tok, ',') && (braced || n < y->y_count) && !is(tok->t_next, '}')) tok = tok->t_next;
        else if (!is(tok, '}') && !is(tok, ',')) stop_at(tok, "not understood among initial values:");
        else if (is(tok, ',')) return n;
    }
    return n;
}

void init_struct(struct Type *y, long offset, long braced) {
    struct Member *m = y->y_members;
    while (m && !is(tok, '}')) {
        if (is(tok, '.')) stop_at(tok, "designators are not supported");
        if (m->m_bits) init_object(m->m_type, offset + m->m_offset, m);
        else init_object(m->m_type, offset + m->m_offset, 0);
        m = m->m_next;
        if (y->y_union) m = 0;
        if (m) {
            if (!is(tok, ',') || is(tok->t_next, '}')) return;
            tok = tok->t_next;
        }
    }
}

long init_object(struct Type *y, long offset, struct Member *bits) {
    long n = 0;
    if (is_text_for(y) || (is(tok, '{') && y->y_kind == Y_ARRAY && y->y_base->y_size == 1 && tok->t_next->t_kind == T_STRING)) {
        long text_braced = take('{');
        struct Init *text = new_init(offset, y);
        text->o_text = tok;
        n = tok->t_length + 1;
        tok = tok->t_next;
        if (text_braced) expect('}');
        return n;
    }
    if (y->y_kind == Y_ARRAY || y->y_kind == Y_STRUCT) {
        long braced = take('{');
        if (y->y_kind == Y_ARRAY) n = init_elements(y, offset, braced);
        else init_struct(y, offset, braced);
        if (braced) {
            take(',');
            expect('}');
        }
        return n;
    }
    long scalar_braced = take('{');
    struct Init *o = new_init(offset, y);
    o->o_member = bits;
    o->o_value = cast(assignment(), y);
    if (scalar_braced) expect('}');
    return 1;
}

/* An array takes its size from its values. */
struct Type *sized_by(struct Type *y, long n) {
    if (y->y_kind == Y_ARRAY && y->y_count < 0) return array_of(y->y_base, n);
    return y;
}

struct Sym *static_sym;      /* what an address constant is relative to */

long static_value(struct Node *e) {
    long v = 0;
    if (e->e_kind == N_NUMBER) return e->e_value;
    if (e->e_kind == N_CAST && !is_float(e->e_type) && !is_float(e->e_a->e_type)) {
        v = static_value(e->e_a);
        if (static_sym == 0) v = truncate(v, e->e_type);
        else if (e->e_type->y_size != 8) stop_at(e->e_at, "an address does not fit, near");
        return v;
    }
    if (e->e_kind == N_ADDRESS && e->e_a->e_kind == N_VAR && e->e_a->e_sym->s_kind != S_LOCAL && static_sym == 0) {
        static_sym = e->e_a->e_sym;
        return 0;
    }
    if (e->e_kind == N_ADD) {
        v = static_value(e->e_a);
        return v + static_value(e->e_b);
    }
    stop_at(e->e_at, "not a constant that cc1 can put into data, near");
    return 0;
}

void put_data(long at, long size, long v) {
    long i = 0;
    while (i < size) {
        data[at + i] = v >> (8 * i);
        i = i + 1;
    }
}

long reserve_data(struct Type *y) {
    long at = round_up(data_used, 16);
    if (y->y_size < 0) stop_at(tok, "size is not known, before");
    data_used = at + y->y_size;
    if (data_used > DATA_MAX) stop_at(tok, "too much data, near");
    return at;
}

long reserve_zero(struct Type *y) {
    long at = round_up(zero_used, 16);
    if (y->y_size < 0) stop_at(tok, "size is not known, before");
    zero_used = at + y->y_size;
    return at;
}

void put_text(long at, struct Init *o) {
    long n = o->o_text->t_length;
    if (n > o->o_type->y_size && o->o_type->y_count >= 0) n = o->o_type->y_size;
    copy(data + at, o->o_text->t_text, n);
}

void static_init(struct Sym *s) {
    struct Init *o = inits;
    s->s_where = IN_DATA;
    s->s_value = reserve_data(s->s_type);
    while (o) {
        long at = s->s_value + o->o_offset;
        struct Member *m = o->o_member;
        if (o->o_text) {
            put_text(at, o);
        } else {
            if (is_float(o->o_type)) stop_at(o->o_value->e_at, "float values in static data are not supported, near");
            static_sym = 0;
            long v = static_value(o->o_value);
            if (m) {
                long i = 0;
                long old = 0;
                while (i < m->m_type->y_size) {
                    long byte = data[at + i];
                    old = old | (byte << (8 * i));
                    i = i + 1;
                }
                v = old | ((v & low_bits(m->m_bits)) << m->m_shift);
            }
            if (static_sym) fix(FIX_DATA_64, at, static_sym, v);
            else put_data(at, o->o_type->y_size, v);
        }
        o = o->o_next;
    }
}

struct Node *static_string(struct Tok *t) {
    struct Sym *s = alloc(sizeof(struct Sym));
    s->s_kind = S_GLOBAL;
    s->s_type = array_of(y_char, t->t_length + 1);
    s->s_where = IN_DATA;
    s->s_value = reserve_data(s->s_type);
    copy(data + s->s_value, t->t_text, t->t_length);
    return variable(s);
}

void gen_drop(struct Node *e) {
    gen(e);
    if (is_float(e->e_type)) emit("DDD8");
}

/* Part of a local variable, as something to assign to. */
struct Node *part(struct Sym *s, long offset, struct Type *y) {
    struct Node *p = cast(address(variable(s), y_char), pointer_to(y_char));
    return deref(cast(add(p, number(offset, y_long)), pointer_to(y)));
}

void local_init(struct Sym *s) {
    struct Init *o = inits;
    if (s->s_type->y_kind == Y_ARRAY || s->s_type->y_kind == Y_STRUCT) {
        gen_address(variable(s));
        emit("4889C7 31C0 B9");                      /* mov rdi, rax; xor eax, eax; mov ecx, imm32 */
        put32(s->s_type->y_size);
        emit("F3AA");                                /* rep stosb */
    }
    while (o) {
        if (o->o_text) {
            /* copied from data, as a struct would be */
            struct Type *y = new_type(Y_STRUCT, o->o_text->t_length, 1);
            if (y->y_size > o->o_type->y_size && o->o_type->y_count >= 0) y->y_size = o->o_type->y_size;
            struct Node *text = deref(cast(address(static_string(o->o_text), y_char), pointer_to(y)));
            gen(assign(part(s, o->o_offset, y), text));
        } else if (o->o_member) {
            struct Node *m = new_node(N_MEMBER, o->o_type, part(s, 0, new_type(Y_STRUCT, 0, 1)), 0);
            m->e_member = alloc(sizeof(struct Member));
            copy(m->e_member, o->o_member, sizeof(struct Member));
            m->e_member->m_offset = o->o_offset;
            gen(assign(m, o->o_value));
        } else {
            gen_drop(assign(part(s, o->o_offset, o->o_type), o->o_value));
        }
        o = o->o_next;
    }
}

/* Reads `= ...` and gives the variable its type, storage and values. */
void initialise(struct Sym *s, long is_static) {
    inits = 0;
    last_init = 0;
    if (!is_static && s->s_type->y_kind == Y_STRUCT && !is(tok, '{')) {
        new_init(0, s->s_type)->o_value = cast(assignment(), s->s_type);
        s->s_value = new_local(s->s_type)->s_value;
        gen(assign(variable(s), inits->o_value));
        return;
    }
    long n = init_object(s->s_type, 0, 0);
    s->s_type = sized_by(s->s_type, n);
    if (is_static) {
        static_init(s);
    } else {
        struct Init *mine = inits;
        s->s_value = new_local(s->s_type)->s_value;
        inits = mine;
        local_init(s);
    }
}
