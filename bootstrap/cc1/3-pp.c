/* cc1, part 3: the preprocessor.
 *
 * All input is one linked list. An #include and an expansion put their tokens
 * in front of what is left. A token remembers the macros it came from (its
 * hide list), and none of them expands it again: that is what keeps
 * `#define x x + 1` from going on for ever.
 */

struct Macro {
    long d_function;         /* has parameters */
    long d_variadic;
    struct Tok *d_params;
    struct Tok *d_body;
    long d_builtin;          /* 1 __LINE__, 2 __FILE__ */
};

struct Hide {
    struct Name *h_name;
    struct Hide *h_next;
};

struct Arg {
    struct Name *a_name;
    struct Tok *a_raw;
    struct Tok *a_full;      /* macro-expanded, made when first asked for */
    struct Arg *a_next;
};

struct If {
    long i_taken;            /* some branch was chosen already */
    long i_file_depth;
    struct If *i_next;
};

enum { INCLUDE_DIRS = 32, INCLUDE_DEPTH = 200 };

char *include_dirs[INCLUDE_DIRS];
long include_count;
long include_depth;
struct Tok *in;              /* what is left of the input */
struct If *ifs;

struct Tok *pp_next();

void stop_at(struct Tok *t, char *what) {
    char *about = 0;
    if (t->t_kind == T_NAME) about = t->t_name->n_text;
    if (t->t_kind == T_STRING || t->t_kind == T_NUMBER) about = t->t_text;
    if (t->t_kind == T_MARK) {
        about = alloc(4);
        about[0] = t->t_mark;
        about[1] = t->t_mark >> 8;
        about[2] = t->t_mark >> 16;
    }
    stop(t->t_file, t->t_line, what, about);
}

long is(struct Tok *t, long mark) { return t->t_kind == T_MARK && t->t_mark == mark; }

struct Tok *copy_token(struct Tok *t) {
    struct Tok *c = alloc(sizeof(struct Tok));
    copy(c, t, sizeof(struct Tok));
    c->t_next = 0;
    return c;
}

long is_hidden(struct Hide *h, struct Name *n) {
    while (h) {
        if (h->h_name == n) return 1;
        h = h->h_next;
    }
    return 0;
}

struct Hide *hide(struct Hide *h, struct Name *n) {
    if (is_hidden(h, n)) return h;
    struct Hide *p = alloc(sizeof(struct Hide));
    p->h_name = n;
    p->h_next = h;
    return p;
}

struct Hide *hide_all(struct Hide *a, struct Hide *b) {
    while (b) {
        a = hide(a, b->h_name);
        b = b->h_next;
    }
    return a;
}

struct Hide *hide_both(struct Hide *a, struct Hide *b) {
    struct Hide *h = 0;
    while (a) {
        if (is_hidden(b, a->h_name)) h = hide(h, a->h_name);
        a = a->h_next;
    }
    return h;
}

/* Lists are built behind `list_end`. */
struct Tok *list_end;

void append(struct Tok *t) {
    list_end->t_next = t;
    list_end = t;
}

/* The list from..T_END, its end replaced by `rest`. */
struct Tok *put_before(struct Tok *from, struct Tok *rest) {
    struct Tok *t = from;
    if (from->t_kind == T_END) return rest;
    while (t->t_next->t_kind != T_END) t = t->t_next;
    t->t_next = rest;
    return from;
}

long line_ended(struct Tok *t) { return t->t_first || t->t_kind == T_END; }

/* Takes the rest of the line off the input, as a list with a T_END. */
struct Tok *take_line() {
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *t = head;
    lex_file = in->t_file;
    lex_line = in->t_line;
    while (!line_ended(in)) {
        t->t_next = in;
        t = in;
        in = in->t_next;
    }
    t->t_next = new_token(T_END);
    return head->t_next;
}

/* ---- expansion ---- */

struct Arg *find_arg(struct Arg *args, struct Tok *t) {
    if (t->t_kind != T_NAME) return 0;
    while (args) {
        if (args->a_name == t->t_name) return args;
        args = args->a_next;
    }
    return 0;
}

struct Tok *copy_list(struct Tok *t) {
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *last = head;
    while (t->t_kind != T_END) {
        last->t_next = copy_token(t);
        last = last->t_next;
        t = t->t_next;
    }
    last->t_next = copy_token(t);
    return head->t_next;
}

/* Expands a list by itself, as if nothing followed it. */
struct Tok *expand_list(struct Tok *t) {
    struct Tok *saved = in;
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *last = head;
    in = copy_list(t);
    t = pp_next();
    while (t->t_kind != T_END) {
        last->t_next = t;
        last = t;
        t = pp_next();
    }
    last->t_next = t;
    in = saved;
    return head->t_next;
}

char *spelled;
long spelled_length;

void spell_byte(long c) {
    spelled[spelled_length] = c;
    spelled_length = spelled_length + 1;
}

void spell_quoted(long quote, char *s, long n) {
    long i = 0;
    spell_byte(quote);
    while (i < n) {
        if (s[i] == quote || s[i] == '\\') spell_byte('\\');
        if (s[i] == '\n') {
            spell_byte('\\');
            spell_byte('n');
        } else if (s[i] < 32 || s[i] > 126) {
            spell_byte('\\');
            spell_byte('0' + (s[i] >> 6));
            spell_byte('0' + ((s[i] >> 3) & 7));
            spell_byte('0' + (s[i] & 7));
        } else {
            spell_byte(s[i]);
        }
        i = i + 1;
    }
    spell_byte(quote);
}

void spell_text(char *s) {
    while (*s) {
        spell_byte(*s);
        s = s + 1;
    }
}

void spell(struct Tok *t) {
    if (t->t_kind == T_NAME) spell_text(t->t_name->n_text);
    if (t->t_kind == T_NUMBER) spell_text(t->t_text);
    if (t->t_kind == T_STRING) spell_quoted('"', t->t_text, t->t_length);
    if (t->t_kind == T_CHAR) spell_quoted('\'', t->t_text, 1);
    if (t->t_kind == T_MARK) {
        spell_byte(t->t_mark & 255);
        if (t->t_mark > 255) spell_byte((t->t_mark >> 8) & 255);
        if (t->t_mark > 65535) spell_byte(t->t_mark >> 16);
    }
}

long spelled_size(struct Tok *t) {
    long n = 8;
    while (t->t_kind != T_END) {
        n = n + 8 + 4 * t->t_length;
        if (t->t_kind == T_NAME) n = n + text_length(t->t_name->n_text);
        t = t->t_next;
    }
    return n;
}

struct Tok *stringify(struct Tok *t, struct Tok *at) {
    struct Tok *s = copy_token(at);
    struct Tok *first = t;
    spelled = alloc(spelled_size(t));
    spelled_length = 0;
    while (t->t_kind != T_END) {
        if (t != first && t->t_space) spell_byte(' ');
        spell(t);
        t = t->t_next;
    }
    s->t_kind = T_STRING;
    s->t_text = spelled;
    s->t_length = spelled_length;
    return s;
}

/* One token out of two. */
struct Tok *paste(struct Tok *a, struct Tok *b) {
    b = copy_token(b);
    b->t_next = new_token(T_END);
    spelled = alloc(spelled_size(b) + spelled_size(b) + a->t_length + 300);
    spelled_length = 0;
    if (a->t_kind == T_NAME && text_length(a->t_name->n_text) > 250) stop_at(a, "name too long to paste");
    spell(a);
    spell(b);
    struct Tok *t = lex(a->t_file, spelled);
    if (t->t_next->t_kind != T_END) stop_at(a, "## does not make one token of this and what follows");
    t->t_line = a->t_line;
    t->t_first = 0;
    t->t_space = a->t_space;
    t->t_hide = hide_both(a->t_hide, b->t_hide);
    t->t_next = 0;
    return t;
}

void append_copy(struct Tok *t) {
    while (t->t_kind != T_END) {
        append(copy_token(t));
        t = t->t_next;
    }
}

/* Pastes to the last token of the list that is being built. */
void paste_to_end(struct Tok *empty, struct Tok *before, struct Tok *b) {
    if (list_end == empty) {
        append(copy_token(b));
        return;
    }
    struct Tok *joined = paste(list_end, b);
    while (before->t_next != list_end) before = before->t_next;
    before->t_next = joined;
    list_end = joined;
}

/* The body of a macro with its arguments in place. */
struct Tok *substitute(struct Macro *m, struct Arg *args, struct Tok *at) {
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *b = m->d_body;
    struct Tok *saved_end = list_end;
    long pasting = 0;
    struct Tok *empty = head;    /* where the left side of a ## would be empty */
    list_end = head;
    while (b->t_kind != T_END) {
        struct Arg *arg = find_arg(args, b);
        if (is(b, '#') && m->d_function && find_arg(args, b->t_next)) {
            b = b->t_next;
            append(stringify(find_arg(args, b)->a_raw, b));
        } else if (is(b, M_PASTE)) {
            pasting = 1;
        } else if (arg && (pasting || is(b->t_next, M_PASTE))) {
            struct Tok *raw = arg->a_raw;
            if (!pasting) empty = list_end;
            if (pasting && raw->t_kind != T_END) {
                paste_to_end(empty, head, raw);
                raw = raw->t_next;
            }
            append_copy(raw);
            pasting = 0;
        } else if (pasting) {
            paste_to_end(empty, head, b);
            pasting = 0;
        } else if (arg) {
            if (arg->a_full == 0) {
                struct Tok *end = list_end;
                arg->a_full = expand_list(arg->a_raw);
                list_end = end;
            }
            append_copy(arg->a_full);
        } else {
            if (is(b->t_next, M_PASTE)) empty = 0;
            append(copy_token(b));
        }
        b = b->t_next;
    }
    append(new_token(T_END));
    list_end = saved_end;
    return head->t_next;
}

struct Tok *arg_close;      /* the parenthesis that ended the arguments */

/* One argument: up to a comma or the closing parenthesis. */
struct Arg *take_arg(struct Name *n, long variadic, struct Tok *at) {
    struct Arg *arg = alloc(sizeof(struct Arg));
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *last = head;
    long depth = 0;
    arg->a_name = n;
    while (depth > 0 || !(is(in, ')') || (is(in, ',') && !variadic))) {
        if (in->t_kind == T_END) stop_at(at, "arguments do not end for macro");
        if (is(in, '(')) depth = depth + 1;
        if (is(in, ')')) depth = depth - 1;
        if (in->t_first) in->t_space = 1;
        in->t_first = 0;
        last->t_next = in;
        last = in;
        in = in->t_next;
    }
    last->t_next = new_token(T_END);
    arg->a_raw = head->t_next;
    return arg;
}

struct Arg *take_args(struct Macro *m, struct Tok *at) {
    struct Arg *args = 0;
    struct Tok *p = m->d_params;
    in = in->t_next;        /* the opening parenthesis */
    while (p->t_kind != T_END) {
        long last = p->t_next->t_kind == T_END;
        struct Arg *arg = take_arg(p->t_name, last && m->d_variadic, at);
        arg->a_next = args;
        args = arg;
        if (!last) {
            if (!is(in, ',')) {
                /* `...` may stand for nothing at all. */
                if (!(m->d_variadic && p->t_next->t_next->t_kind == T_END)) stop_at(at, "too few arguments for macro");
            } else {
                in = in->t_next;
            }
        }
        p = p->t_next;
    }
    if (!is(in, ')')) stop_at(at, "too many arguments for macro");
    arg_close = in;
    in = in->t_next;
    return args;
}

/* Expands the macro that stands first in the input; 0 if there is none. */
long expand() {
    struct Tok *t = in;
    struct Macro *m = 0;
    struct Hide *h = 0;
    struct Arg *args = 0;
    struct Tok *body = 0;
    if (t->t_kind != T_NAME) return 0;
    m = t->t_name->n_macro;
    if (m == 0 || is_hidden(t->t_hide, t->t_name)) return 0;
    if (m->d_builtin) {
        body = copy_token(t);
        body->t_kind = T_NUMBER;
        body->t_text = save_text(decimal(t->t_line), text_length(decimal(t->t_line)));
        if (m->d_builtin == 2) {
            body->t_kind = T_STRING;
            body->t_text = t->t_file;
        }
        body->t_length = text_length(body->t_text);
        body->t_next = t->t_next;
        in = body;
        return 1;
    }
    h = t->t_hide;
    if (m->d_function) {
        if (!is(t->t_next, '(')) return 0;
        in = t->t_next;
        args = take_args(m, t);
        h = hide_both(h, arg_close->t_hide);
    } else {
        in = t->t_next;
    }
    h = hide(h, t->t_name);
    lex_file = t->t_file;
    lex_line = t->t_line;
    body = substitute(m, args, t);
    struct Tok *b = body;
    while (b->t_kind != T_END) {
        b->t_hide = hide_all(b->t_hide, h);
        b->t_first = 0;
        b->t_file = t->t_file;
        b->t_line = t->t_line;
        b = b->t_next;
    }
    if (body->t_kind != T_END) {
        body->t_space = t->t_space;
        body->t_first = t->t_first;
    }
    in = put_before(body, in);
    return 1;
}

/* ---- #if ---- */

struct Tok *if_at;

long if_binary(long least);

long number_value(struct Tok *t);

long if_primary() {
    struct Tok *t = if_at;
    long v = 0;
    if_at = t->t_next;
    if (t->t_kind == T_NUMBER) return number_value(t);
    if (t->t_kind == T_CHAR) return t->t_mark;
    if (t->t_kind == T_NAME) return 0;
    if (is(t, '!')) return !if_primary();
    if (is(t, '-')) return -if_primary();
    if (is(t, '+')) return if_primary();
    if (is(t, '~')) return ~if_primary();
    if (is(t, '(')) {
        v = if_binary(1);
        if (!is(if_at, ')')) stop_at(if_at, "no closing parenthesis in #if");
        if_at = if_at->t_next;
        return v;
    }
    stop_at(t, "not understood in #if");
    return 0;
}

/* How strongly a binary operator binds; 0 if it is none. */
long binding(struct Tok *t) {
    long m = t->t_mark;
    if (t->t_kind != T_MARK) return 0;
    if (m == '*' || m == '/' || m == '%') return 10;
    if (m == '+' || m == '-') return 9;
    if (m == M_SHL || m == M_SHR) return 8;
    if (m == '<' || m == '>' || m == M_LE || m == M_GE) return 7;
    if (m == M_EQ || m == M_NE) return 6;
    if (m == '&') return 5;
    if (m == '^') return 4;
    if (m == '|') return 3;
    if (m == M_AND) return 2;
    if (m == M_OR) return 1;
    return 0;
}

long calculate(struct Tok *at, long m, long a, long b) {
    if (m == '*') return a * b;
    if (m == '/' || m == '%') {
        if (b == 0) stop_at(at, "division by zero in #if");
        if (m == '/') return a / b;
        return a % b;
    }
    if (m == '+') return a + b;
    if (m == '-') return a - b;
    if (m == M_SHL) return a << b;
    if (m == M_SHR) return a >> b;
    if (m == '<') return a < b;
    if (m == '>') return a > b;
    if (m == M_LE) return a <= b;
    if (m == M_GE) return a >= b;
    if (m == M_EQ) return a == b;
    if (m == M_NE) return a != b;
    if (m == '&') return a & b;
    if (m == '^') return a ^ b;
    if (m == '|') return a | b;
    if (m == M_AND) return a && b;
    return a || b;
}

long if_binary(long least) {
    long a = if_primary();
    while (binding(if_at) >= least) {
        struct Tok *op = if_at;
        if_at = op->t_next;
        /* Both sides are always read; division by zero in a side that does not count is not forgiven. */
        a = calculate(op, op->t_mark, a, if_binary(binding(op) + 1));
    }
    if (least == 1 && is(if_at, '?')) {
        if_at = if_at->t_next;
        long yes = if_binary(1);
        if (!is(if_at, ':')) stop_at(if_at, "no : after ? in #if");
        if_at = if_at->t_next;
        long no = if_binary(1);
        if (a) return yes;
        return no;
    }
    return a;
}

/* `defined X` and `defined(X)` become 0 or 1 before anything expands. */
void resolve_defined(struct Tok *t) {
    struct Name *defined = name("defined");
    while (t->t_kind != T_END) {
        if (t->t_kind == T_NAME && t->t_name == defined) {
            struct Tok *n = t->t_next;
            struct Tok *after = 0;
            if (is(n, '(')) {
                n = n->t_next;
                after = n->t_next->t_next;
            } else {
                after = n->t_next;
            }
            if (n->t_kind != T_NAME) stop_at(t, "no name after");
            t->t_kind = T_NUMBER;
            t->t_text = "0";
            if (n->t_name->n_macro) t->t_text = "1";
            t->t_length = 1;
            t->t_next = after;
        }
        t = t->t_next;
    }
}

long if_value(struct Tok *at) {
    struct Tok *line = take_line();
    resolve_defined(line);
    if_at = expand_list(line);
    if (if_at->t_kind == T_END) stop_at(at, "nothing to decide on");
    long v = if_binary(1);
    if (if_at->t_kind != T_END) stop_at(if_at, "not understood in #if");
    return v != 0;
}

long names(struct Tok *t, char *s) { return t->t_kind == T_NAME && same(t->t_name->n_text, s); }

/* Skips to the #else, #elif or #endif that belongs to this place. */
void skip_branch(struct Tok *at) {
    long depth = 0;
    while (in->t_kind != T_END) {
        if (is(in, '#') && in->t_first) {
            struct Tok *d = in->t_next;
            if (names(d, "if") || names(d, "ifdef") || names(d, "ifndef")) depth = depth + 1;
            if (depth == 0 && (names(d, "else") || names(d, "elif") || names(d, "endif"))) return;
            if (names(d, "endif")) depth = depth - 1;
        }
        in = in->t_next;
    }
    stop_at(at, "no #endif");
}

/* Stands at a directive after a branch that was not taken. */
void next_branch(struct Tok *at) {
    long done = 0;
    while (!done) {
        skip_branch(at);
        struct Tok *d = in->t_next;
        if (names(d, "endif")) {
            done = 1;       /* the main loop reads the #endif */
        } else {
            in = d->t_next;
            if (names(d, "elif")) {
                if (!ifs->i_taken && if_value(d)) done = 1;
            } else if (!ifs->i_taken) {
                done = 1;
            }
            if (done) ifs->i_taken = 1;
        }
    }
}

void begin_if(struct Tok *at, long v) {
    struct If *i = alloc(sizeof(struct If));
    i->i_next = ifs;
    i->i_taken = v;
    ifs = i;
    if (!v) next_branch(at);
}

/* ---- the other directives ---- */

void define(struct Tok *line) {
    struct Macro *m = alloc(sizeof(struct Macro));
    struct Tok *n = line;
    struct Tok *t = line->t_next;
    if (n->t_kind != T_NAME) stop_at(n, "cannot be defined");
    if (is(t, '(') && !t->t_space) {
        struct Tok *head = alloc(sizeof(struct Tok));
        struct Tok *last = head;
        m->d_function = 1;
        t = t->t_next;
        while (!is(t, ')')) {
            struct Tok *p = t;
            t = t->t_next;
            if (is(p, M_DOTS)) {
                m->d_variadic = 1;
                p->t_kind = T_NAME;
                p->t_name = name("__VA_ARGS__");
            } else if (is(t, M_DOTS)) {
                stop_at(p, "named variadic macro parameters are not supported");
            }
            if (p->t_kind != T_NAME) stop_at(p, "not a macro parameter");
            last->t_next = p;
            last = p;
            if (is(t, ',')) t = t->t_next;
            else if (!is(t, ')')) stop_at(t, "not understood among macro parameters");
        }
        last->t_next = new_token(T_END);
        m->d_params = head->t_next;
        t = t->t_next;
    }
    m->d_body = t;
    n->t_name->n_macro = m;
}

struct Tok *include(struct Tok *at) {
    struct Tok *line = take_line();
    long angled = 0;
    long i = 0;
    char *path = 0;
    if (line->t_kind == T_NAME) line = expand_list(line);
    if (is(line, '<')) {
        angled = 1;
        spelled = alloc(spelled_size(line));
        spelled_length = 0;
        line = line->t_next;
        while (!is(line, '>')) {
            if (line->t_kind == T_END) stop_at(at, "no > after the file name of");
            spell(line);
            line = line->t_next;
        }
        path = spelled;
    } else {
        if (line->t_kind != T_STRING) stop_at(at, "no file name after");
        path = line->t_text;
    }
    char *found = path;
    char *s = 0;
    if (path[0] == '/') s = read_file(path);
    if (!angled && path[0] != '/') {
        /* beside the file that includes */
        long n = text_length(at->t_file);
        while (n > 0 && at->t_file[n - 1] != '/') n = n - 1;
        found = join(save_text(at->t_file, n), path, "");
        s = read_file(found);
    }
    while (s == 0 && i < include_count) {
        found = join(include_dirs[i], "/", path);
        s = read_file(found);
        i = i + 1;
    }
    if (s == 0) stop(at->t_file, at->t_line, "no such file to include", path);
    include_depth = include_depth + 1;
    if (include_depth > 20000) stop(at->t_file, at->t_line, "includes without end", path);
    return lex(found, s);
}

void directive() {
    struct Tok *at = in->t_next;
    struct Tok *line = 0;
    if (line_ended(at)) {
        in = at;
        return;
    }
    in = at->t_next;
    if (names(at, "define")) {
        define(take_line());
    } else if (names(at, "undef")) {
        line = take_line();
        if (line->t_kind != T_NAME) stop_at(line, "cannot be undefined");
        line->t_name->n_macro = 0;
    } else if (names(at, "include")) {
        line = include(at);
        in = put_before(line, in);
    } else if (names(at, "if")) {
        begin_if(at, if_value(at));
    } else if (names(at, "ifdef") || names(at, "ifndef")) {
        line = take_line();
        if (line->t_kind != T_NAME) stop_at(at, "no name after");
        begin_if(at, (line->t_name->n_macro != 0) == names(at, "ifdef"));
    } else if (names(at, "else") || names(at, "elif")) {
        /* The branch above was taken. */
        if (ifs == 0) stop_at(at, "no #if before");
        take_line();
        next_branch(at);
    } else if (names(at, "endif")) {
        if (ifs == 0) stop_at(at, "no #if before");
        take_line();
        ifs = ifs->i_next;
    } else if (names(at, "error")) {
        line = take_line();
        stop(at->t_file, at->t_line, "#error", stringify(line, at)->t_text);
    } else if (names(at, "line") || names(at, "pragma") || names(at, "warning")) {
        take_line();
    } else {
        stop_at(at, "no such directive");
    }
}

/* The next token after preprocessing. */
struct Tok *pp_next() {
    while (1) {
        if (is(in, '#') && in->t_first && in->t_hide == 0) {
            directive();
        } else if (!expand()) {
            struct Tok *t = in;
            if (t->t_kind != T_END) in = t->t_next;
            return t;
        }
    }
    return 0;
}

/* Everything after preprocessing, neighbouring strings joined. */
struct Tok *preprocess(struct Tok *t) {
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *last = head;
    in = t;
    t = pp_next();
    while (t->t_kind != T_END) {
        if (t->t_kind == T_STRING && last->t_kind == T_STRING) {
            char *both = alloc(last->t_length + t->t_length + 1);
            copy(both, last->t_text, last->t_length);
            copy(both + last->t_length, t->t_text, t->t_length);
            last->t_text = both;
            last->t_length = last->t_length + t->t_length;
        } else {
            last->t_next = t;
            last = t;
        }
        t = pp_next();
    }
    if (ifs) stop_at(t, "no #endif for some #if");
    last->t_next = t;
    return head->t_next;
}
