/* cc1, part 8: statements, functions, the file as a whole. */

struct Goto {
    struct Name *j_name;
    long j_label;
    struct Tok *j_wanted;    /* a goto to it, until it is found */
    struct Goto *j_next;
};

struct Case {
    long c_value;
    long c_label;
    struct Case *c_next;
};

struct Goto *gotos;
struct Case *cases;          /* of the innermost switch */
struct Type *switch_type;
long default_label;
long break_label;
long continue_label;
long return_label;
struct Type *return_type;

void statement();
void declaration();

struct Goto *goto_label(struct Name *n) {
    if (n->n_goto == 0) {
        struct Goto *j = alloc(sizeof(struct Goto));
        j->j_name = n;
        j->j_label = new_label();
        j->j_next = gotos;
        gotos = j;
        n->n_goto = j;
    }
    return n->n_goto;
}

void block() {
    long frame = frame_used;
    enter_scope();
    while (!take('}')) {
        if (tok->t_kind == T_END) stop_at(tok, "file ends within a block");
        if (starts_type(tok) && !is(tok->t_next, ':')) declaration();
        else statement();
    }
    leave_scope();
    /* Labels may be jumped to from anywhere, so variables of closed blocks share room only within a function. */
    frame_used = frame;
}

/* Jumps to `out` if the condition does not hold. */
void unless(struct Node *e, long out) {
    gen(condition(e));
    emit("4885C0");
    jump("0F84", out);
}

struct Node *parenthesised() {
    expect('(');
    struct Node *e = expression();
    expect(')');
    return e;
}

void if_statement() {
    long no = new_label();
    unless(parenthesised(), no);
    statement();
    if (keyword(tok) == K_ELSE) {
        long end = new_label();
        tok = tok->t_next;
        jump("E9", end);
        place(no);
        statement();
        place(end);
    } else {
        place(no);
    }
}

void loop_body(long out, long again) {
    long saved_break = break_label;
    long saved_continue = continue_label;
    break_label = out;
    continue_label = again;
    statement();
    break_label = saved_break;
    continue_label = saved_continue;
}

void while_statement() {
    long again = new_label();
    long out = new_label();
    place(again);
    unless(parenthesised(), out);
    loop_body(out, again);
    jump("E9", again);
    place(out);
}

void do_statement() {
    long top = new_label();
    long again = new_label();
    long out = new_label();
    place(top);
    loop_body(out, again);
    place(again);
    if (keyword(tok) != K_WHILE) stop_at(tok, "no while after do, but");
    tok = tok->t_next;
    unless(parenthesised(), out);
    jump("E9", top);
    place(out);
    expect(';');
}

void for_statement() {
    long test = new_label();
    long step = new_label();
    long body = new_label();
    long out = new_label();
    long frame = frame_used;
    expect('(');
    enter_scope();
    if (starts_type(tok)) {
        declaration();
    } else if (!take(';')) {
        gen_drop(expression());
        expect(';');
    }
    place(test);
    if (!is(tok, ';')) unless(expression(), out);
    expect(';');
    jump("E9", body);
    place(step);
    if (!is(tok, ')')) gen_drop(expression());
    expect(')');
    jump("E9", test);
    place(body);
    loop_body(out, step);
    jump("E9", step);
    place(out);
    leave_scope();
    frame_used = frame;
}

void switch_statement() {
    struct Case *saved_cases = cases;
    struct Type *saved_type = switch_type;
    long saved_default = default_label;
    long saved_break = break_label;
    long choose = new_label();
    struct Node *e = decay(parenthesised());
    if (!is_integer(e->e_type)) stop_at(tok, "switch needs an integer, before");
    e = cast(e, promoted(e->e_type));
    gen(e);
    jump("E9", choose);
    cases = 0;
    switch_type = e->e_type;
    default_label = -1;
    break_label = new_label();
    statement();
    jump("E9", break_label);
    place(choose);
    while (cases) {
        if (fits32(cases->c_value)) {
            emit("483D");                            /* cmp rax, imm32 */
            put32(cases->c_value);
        } else {
            emit("48B9");                            /* mov rcx, imm64 */
            put32(cases->c_value);
            put32(cases->c_value >> 32);
            emit("4839C8");                          /* cmp rax, rcx */
        }
        jump("0F84", cases->c_label);
        cases = cases->c_next;
    }
    if (default_label >= 0) jump("E9", default_label);
    place(break_label);
    cases = saved_cases;
    switch_type = saved_type;
    default_label = saved_default;
    break_label = saved_break;
}

void case_label() {
    struct Case *c = alloc(sizeof(struct Case));
    if (switch_type == 0) stop_at(tok, "case outside of a switch, before");
    c->c_value = truncate(constant(), switch_type);
    c->c_label = new_label();
    c->c_next = cases;
    cases = c;
    place(c->c_label);
    expect(':');
}

void return_statement() {
    if (!is(tok, ';')) {
        struct Node *e = expression();
        if (return_type->y_kind == Y_VOID) gen_drop(e);
        else gen(cast(e, return_type));
    }
    expect(';');
    jump("E9", return_label);
}

void jump_statement(long label, char *wrong) {
    if (label < 0) stop_at(tok, wrong);
    tok = tok->t_next;
    expect(';');
    jump("E9", label);
}

void statement() {
    struct Tok *t = tok;
    long k = keyword(t);
    if (take('{')) {
        block();
        return;
    }
    if (take(';')) return;
    if (k == K_BREAK) {
        jump_statement(break_label, "nothing to break out of, at");
        return;
    }
    if (k == K_CONTINUE) {
        jump_statement(continue_label, "no loop to continue, at");
        return;
    }
    if (k && k <= K_GOTO && k != K_SIZEOF) {
        tok = t->t_next;
        if (k == K_IF) if_statement();
        else if (k == K_WHILE) while_statement();
        else if (k == K_DO) do_statement();
        else if (k == K_FOR) for_statement();
        else if (k == K_SWITCH) switch_statement();
        else if (k == K_RETURN) return_statement();
        else if (k == K_CASE) {
            case_label();
            if (!is(tok, '}')) statement();
        } else if (k == K_DEFAULT) {
            if (switch_type == 0) stop_at(t, "outside of a switch:");
            default_label = new_label();
            place(default_label);
            expect(':');
            if (!is(tok, '}')) statement();
        } else if (k == K_GOTO) {
            struct Goto *j = goto_label(tok->t_name);
            if (tok->t_kind != T_NAME) stop_at(tok, "not a label:");
            if (label_at[j->j_label] < 0) j->j_wanted = tok;
            tok = tok->t_next;
            jump("E9", j->j_label);
            expect(';');
        } else {
            stop_at(t, "no statement can start with");
        }
        return;
    }
    if (k == K_ASM) stop_at(t, "assembler in C is not supported:");
    if (t->t_kind == T_NAME && k == 0 && is(t->t_next, ':')) {
        struct Goto *here = goto_label(t->t_name);
        if (label_at[here->j_label] >= 0) stop_at(t, "label stands twice:");
        here->j_wanted = 0;
        place(here->j_label);
        tok = t->t_next->t_next;
        if (!is(tok, '}')) statement();
        return;
    }
    gen_drop(expression());
    expect(';');
}

/* ---- declarations ---- */

void function_body(struct Sym *s) {
    struct Type *y = s->s_type;
    struct Param *p = y->y_params;
    long at = 16;
    if (s->s_where) stop_at(tok, "function is defined twice, near");
    s->s_where = IN_TEXT;
    s->s_value = code_used;
    frame_used = 0;
    frame_most = 0;
    return_label = new_label();
    break_label = -1;
    continue_label = -1;
    switch_type = 0;
    return_type = y->y_base;
    enter_scope();
    while (p) {
        if (p->p_type->y_kind == Y_STRUCT) stop_at(tok, "structs as parameters are not supported, before");
        struct Sym *local = declare(S_LOCAL, p->p_name, p->p_type);
        local->s_value = at;
        at = at + round_up(p->p_type->y_size, 8);
        p = p->p_next;
    }
    emit("55 4889E5 4881EC");                        /* push rbp; mov rbp, rsp; sub rsp, imm32 */
    long frame = code_used;
    put32(0);
    block();
    place(return_label);
    emit("C9 C3");                                   /* leave; ret */
    set32(code + frame, round_up(frame_most, 16));
    leave_scope();
    while (gotos) {
        if (gotos->j_wanted) stop_at(gotos->j_wanted, "no such label:");
        gotos->j_name->n_goto = 0;
        gotos = gotos->j_next;
    }
    resolve_jumps();
}

/* What the name means at file level. */
struct Sym *global_of(struct Name *n) {
    struct Sym *s = n->n_sym;
    while (s && s->s_depth) s = s->s_shadowed;
    return s;
}

void global_variable(struct Name *n, struct Type *y, long how) {
    struct Sym *s = global_of(n);
    if (s && s->s_kind != S_GLOBAL) stop_at(tok, "declared before as something else, before");
    if (s == 0) {
        if (depth) stop_at(tok, "not declared outside of the function, before");
        s = declare(S_GLOBAL, n, y);
    }
    if (s->s_type->y_size < 0) s->s_type = y;
    if (take('=')) {
        s->s_type = y;
        if (s->s_where == IN_DATA) stop_at(tok, "variable is defined twice, before");
        initialise(s, 1);
    } else if (how != ST_EXTERN && s->s_where == IN_NOTHING && y->y_size >= 0) {
        s->s_where = IN_ZERO;
        s->s_value = reserve_zero(y);
    }
}

void local_variable(struct Name *n, struct Type *y, long how) {
    if (how == ST_STATIC) {
        struct Sym *g = declare(S_GLOBAL, n, y);
        if (take('=')) {
            initialise(g, 1);
        } else {
            g->s_where = IN_ZERO;
            g->s_value = reserve_zero(y);
        }
        return;
    }
    struct Sym *s = declare(S_LOCAL, n, y);
    if (take('=')) {
        if (y->y_size >= 0) s->s_value = new_local(y)->s_value;
        initialise(s, 0);
    } else {
        if (y->y_size < 0) stop_at(tok, "size is not known, before");
        s->s_value = new_local(y)->s_value;
    }
}

/* One declarator of a declaration; 1 if it was a function with its body. */
long declare_one(struct Type *base, long how) {
    declared = 0;
    struct Type *y = declarator(base);
    struct Name *n = declared;
    if (n == 0) stop_at(tok, "a name is needed, before");
    if (keyword(tok) == K_ASM) stop_at(tok, "assembler names are not supported:");
    skip_attributes();
    if (how == ST_TYPEDEF) {
        declare(S_TYPEDEF, n, y);
        return 0;
    }
    if (y->y_kind == Y_FUNCTION) {
        struct Sym *s = global_of(n);
        if (s == 0) s = declare(S_FUNCTION, n, y);
        if (s->s_kind != S_FUNCTION) stop_at(tok, "declared before as something else, before");
        if (is(tok, '{')) {
            s->s_type = y;
            tok = tok->t_next;
            function_body(s);
            return 1;
        }
        return 0;
    }
    if (depth && how != ST_EXTERN) local_variable(n, y, how);
    else global_variable(n, y, how);
    return 0;
}

void declaration() {
    struct Type *base = specifiers();
    long how = storage;
    long more = 1;
    if (take(';')) return;
    while (more) {
        if (declare_one(base, how)) return;
        more = take(',');
    }
    expect(';');
}

/* ---- the program ---- */

long section_base(long where) {
    long text_end = BASE + HEADERS + code_used;
    long data_start = round_up(text_end, 16);
    if (where == IN_TEXT) return BASE + HEADERS;
    if (where == IN_DATA) return data_start;
    return round_up(data_start + data_used, 16);
}

void resolve_addresses() {
    long i = 0;
    while (i < fixes) {
        struct Sym *s = fix_sym[i];
        if (s->s_where == IN_NOTHING) stop(s->s_at->t_file, s->s_at->t_line, "declared but not defined:", s->s_name->n_text);
        long v = section_base(s->s_where) + s->s_value + fix_add[i];
        if (fix_kind[i] == FIX_CODE_32) set32(code + fix_at[i], v);
        else if (fix_kind[i] == FIX_CODE_REL) set32(code + fix_at[i], v - (BASE + HEADERS + fix_at[i]) - 4);
        else put_data(fix_at[i], 8, v);
        i = i + 1;
    }
}

char headers[HEADERS];

void set64(char *p, long v) {
    set32(p, v);
    set32(p + 4, v >> 32);
}

/* One segment holds everything: text, data, and zeroes that the file does not. */
void make_headers() {
    long filled = section_base(IN_DATA) + data_used - BASE;
    set32(headers, 1179403647);          /* 7F 'E' 'L' 'F' */
    set32(headers + 4, 65794);           /* 64 bits, little end first, version 1 */
    set32(headers + 16, 4063234);        /* executable, amd64 */
    set32(headers + 20, 1);
    set64(headers + 24, BASE + HEADERS); /* the program starts where the text starts */
    set64(headers + 32, 64);             /* program headers follow this one */
    set32(headers + 52, 3670080);        /* header of 64 bytes, program headers of 56 */
    set32(headers + 56, 1);              /* one of them */
    set32(headers + 64, 1);              /* load */
    set32(headers + 68, 7);              /* readable, writable, executable */
    set64(headers + 80, BASE);
    set64(headers + 88, BASE);
    set64(headers + 96, filled);
    set64(headers + 104, section_base(IN_ZERO) + zero_used - BASE);
    set64(headers + 112, 4096);
}

void write_all(long fd, char *p, long n, char *path) {
    while (n > 0) {
        long done = syscall(SYS_WRITE, fd, p, n);
        if (done <= 0) stop(path, 0, "cannot be written", 0);
        p = p + done;
        n = n - done;
    }
}

void write_program(char *path) {
    /* 577: write, create, empty it; 493: rwxr-xr-x */
    long fd = syscall(SYS_OPEN, path, 577, 493);
    if (fd < 0) stop(path, 0, "cannot be made", 0);
    make_headers();
    write_all(fd, headers, HEADERS, path);
    write_all(fd, code, section_base(IN_DATA) - BASE - HEADERS, path);
    write_all(fd, data, data_used, path);
    syscall(SYS_CLOSE, fd, 0, 0);
}

void word(char *s, long k) { name(s)->n_keyword = k; }

void init_words() {
    word("sizeof", K_SIZEOF);
    word("if", K_IF);
    word("else", K_ELSE);
    word("while", K_WHILE);
    word("do", K_DO);
    word("for", K_FOR);
    word("switch", K_SWITCH);
    word("case", K_CASE);
    word("default", K_DEFAULT);
    word("break", K_BREAK);
    word("continue", K_CONTINUE);
    word("return", K_RETURN);
    word("goto", K_GOTO);
    word("asm", K_ASM);
    word("__asm__", K_ASM);
    word("__attribute__", K_ATTRIBUTE);
    word("typedef", K_TYPEDEF);
    word("extern", K_EXTERN);
    word("static", K_STATIC);
    word("const", K_IGNORED);
    word("volatile", K_IGNORED);
    word("restrict", K_IGNORED);
    word("register", K_IGNORED);
    word("auto", K_IGNORED);
    word("inline", K_IGNORED);
    word("__inline__", K_IGNORED);
    word("void", K_VOID);
    word("_Bool", K_BOOL);
    word("char", K_CHAR);
    word("short", K_SHORT);
    word("int", K_INT);
    word("long", K_LONG);
    word("float", K_FLOAT);
    word("double", K_DOUBLE);
    word("signed", K_SIGNED);
    word("unsigned", K_UNSIGNED);
    word("struct", K_STRUCT);
    word("union", K_UNION);
    word("enum", K_ENUM);
}

void builtin_macro(char *s, long which) {
    struct Macro *m = alloc(sizeof(struct Macro));
    m->d_builtin = which;
    name(s)->n_macro = m;
}

/* -Dname or -Dname=value */
void define_argument(char *s) {
    char *text = join(s, "", "");
    long n = 0;
    while (text[n] && text[n] != '=') n = n + 1;
    if (text[n]) text[n] = ' ';
    else text = join(s, " ", "1");
    define(lex("-D", text));
}

/* The system starts a program with its arguments on the stack, as C wants
 * them: at rsp their count, then their addresses, a zero, the environment. */
void start_code() {
    struct Sym *s = name("_start_c")->n_sym;
    if (s == 0 || s->s_kind != S_FUNCTION) stop("cc1", 0, "no function to start with:", "_start_c");
    emit("488B0424 488D4C2408");                     /* mov rax, [rsp]; lea rcx, [rsp + 8] */
    emit("488D54C108 52 51 50 E8");                  /* lea rdx, [rcx + rax * 8 + 8]; push rdx, rcx, rax; call */
    fix(FIX_CODE_REL, 18, s, 0);
}

enum { START_SIZE = 22 };

long main(long argc, char **argv) {
    long i = 1;
    char *output = 0;
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *last = head;
    struct Tok *more = 0;
    init_types();
    init_words();
    builtin_macro("__LINE__", 1);
    builtin_macro("__FILE__", 2);
    define_argument("__FIRN_CC1__");
    /* What programs ask to learn what they run on; every compiler for this machine says so. tcc hands it on. */
    define_argument("__x86_64__");
    define_argument("__linux__");
    define_argument("__unix__");
    define_argument("__LP64__");
    while (i < argc) {
        char *a = argv[i];
        if (a[0] == '-' && a[1] == 'o' && a[2] == 0 && i + 1 < argc) {
            i = i + 1;
            output = argv[i];
        } else if (a[0] == '-' && a[1] == 'I') {
            if (include_count >= INCLUDE_DIRS) stop("cc1", 0, "too many -I", 0);
            include_dirs[include_count] = a + 2;
            include_count = include_count + 1;
        } else if (a[0] == '-' && a[1] == 'D') {
            define_argument(a + 2);
        } else if (a[0] == '-') {
            stop("cc1", 0, "no such option", a);
        } else {
            char *s = read_file(a);
            if (s == 0) stop(a, 0, "cannot be opened", 0);
            more = lex(a, s);
            /* Several files are one program, as if written one behind the other. */
            last->t_next = more;
            if (more->t_kind != T_END) {
                while (more->t_next->t_kind != T_END) more = more->t_next;
                last = more;
            }
        }
        i = i + 1;
    }
    if (output == 0 || last == head) stop("cc1", 0, "usage: cc1 -o PROGRAM [-IDIR] [-DNAME[=VALUE]] FILE..", 0);
    tok = preprocess(head->t_next);
    code_used = START_SIZE;
    while (tok->t_kind != T_END) {
        if (!take(';')) declaration();
    }
    i = code_used;
    code_used = 0;
    start_code();
    code_used = i;
    resolve_addresses();
    write_program(output);
    return 0;
}
