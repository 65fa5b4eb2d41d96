/* cc1, part 2: names and tokens.
 *
 * A source file becomes a linked list of tokens. A name is stored once, so
 * that two names are equal when their pointers are, and everything that is
 * known under a name hangs on it: its macro, its symbol, its struct tag.
 */

enum {
    T_END = 1, T_NAME = 2, T_NUMBER = 3, T_STRING = 4, T_CHAR = 5, T_MARK = 6,
    /* Marks of several characters: first + 256 * second + 65536 * third. */
    M_ARROW = 15917, M_INC = 11051, M_DEC = 11565, M_SHL = 15420, M_SHR = 15934,
    M_LE = 15676, M_GE = 15678, M_EQ = 15677, M_NE = 15649, M_AND = 9766,
    M_OR = 31868, M_MULSET = 15658, M_DIVSET = 15663, M_MODSET = 15653,
    M_ADDSET = 15659, M_SUBSET = 15661, M_ANDSET = 15654, M_XORSET = 15710,
    M_ORSET = 15740, M_SHLSET = 4013116, M_SHRSET = 4013630,
    M_DOTS = 3026478, M_PASTE = 8995,
    NAME_SLOTS = 65536
};

struct Name {
    char *n_text;
    long n_keyword;
    struct Macro *n_macro;
    struct Sym *n_sym;
    struct Tag *n_tag;
    struct Goto *n_goto;
    struct Name *n_next;
};

struct Tok {
    long t_kind;
    long t_mark;           /* T_MARK: which; T_CHAR: its value */
    struct Name *t_name;   /* T_NAME */
    char *t_text;          /* T_NUMBER: spelling; T_STRING: the bytes meant */
    long t_length;
    char *t_file;
    long t_line;
    long t_first;          /* stands first on its line */
    long t_space;          /* white space before it */
    struct Hide *t_hide;   /* macros that must not expand it again */
    struct Tok *t_next;
};

struct Name *name_table[NAME_SLOTS];

struct Name *name_of(char *s, long n) {
    long hash = 5381;
    long i = 0;
    while (i < n) {
        hash = (hash * 33 + s[i]) & (NAME_SLOTS - 1);
        i = i + 1;
    }
    struct Name *p = name_table[hash];
    while (p) {
        i = 0;
        while (i < n && p->n_text[i] == s[i]) i = i + 1;
        if (i == n && p->n_text[n] == 0) return p;
        p = p->n_next;
    }
    p = alloc(sizeof(struct Name));
    p->n_text = save_text(s, n);
    p->n_next = name_table[hash];
    name_table[hash] = p;
    return p;
}

struct Name *name(char *s) { return name_of(s, text_length(s)); }

long is_letter(long c) {
    if (c >= 'a' && c <= 'z') return 1;
    if (c >= 'A' && c <= 'Z') return 1;
    return c == '_' || c == '$';
}

long is_digit(long c) { return c >= '0' && c <= '9'; }

long digit_value(long c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

/* Joins lines that end in a backslash. Their line ends come back after the
 * joined line, so that lines below keep their numbers. */
void join_lines(char *s) {
    long from = 0;
    long to = 0;
    long owed = 0;
    while (s[from]) {
        if (s[from] == '\\' && s[from + 1] == '\n') {
            from = from + 2;
            owed = owed + 1;
        } else if (s[from] == '\n' && owed) {
            /* A line end read is one written, and so is each one owed. */
            while (owed >= 0) {
                s[to] = '\n';
                to = to + 1;
                owed = owed - 1;
            }
            owed = 0;
            from = from + 1;
        } else {
            s[to] = s[from];
            to = to + 1;
            from = from + 1;
        }
    }
    s[to] = 0;
}

char *lex_at;       /* where the lexer reads */
char *lex_file;
long lex_line;

/* One character of a string or character constant, escapes resolved. */
long lex_escaped() {
    long c = lex_at[0];
    long n = 0;
    lex_at = lex_at + 1;
    if (c != '\\') return c;
    c = lex_at[0];
    if (c >= '0' && c <= '7') {
        long count = 0;
        while (count < 3 && lex_at[0] >= '0' && lex_at[0] <= '7') {
            n = n * 8 + lex_at[0] - '0';
            lex_at = lex_at + 1;
            count = count + 1;
        }
        return n & 255;
    }
    lex_at = lex_at + 1;
    if (c == 'x') {
        while (digit_value(lex_at[0]) < 16) {
            n = n * 16 + digit_value(lex_at[0]);
            lex_at = lex_at + 1;
        }
        return n & 255;
    }
    if (c == 'n') return 10;
    if (c == 't') return 9;
    if (c == 'r') return 13;
    if (c == 'a') return 7;
    if (c == 'b') return 8;
    if (c == 'f') return 12;
    if (c == 'v') return 11;
    if (c == 'e') return 27;
    return c;
}

void lex_quoted(struct Tok *t, long quote) {
    char *start = lex_at;
    long n = 0;
    /* The bytes meant are never more than the bytes written. */
    while (lex_at[n] != quote) {
        if (lex_at[n] == '\\') n = n + 1;
        if (lex_at[n] == 0 || lex_at[n] == '\n') stop(lex_file, lex_line, "no closing quote", 0);
        n = n + 1;
    }
    char *end = start + n;
    char *bytes = alloc(n + 1);
    n = 0;
    while (lex_at < end) {
        bytes[n] = lex_escaped();
        n = n + 1;
    }
    lex_at = end + 1;
    t->t_text = bytes;
    t->t_length = n;
    t->t_kind = T_STRING;
    if (quote == '\'') {
        if (n != 1) stop(lex_file, lex_line, "not one character between quotes", 0);
        t->t_kind = T_CHAR;
        t->t_mark = bytes[0];
        /* char is signed */
        if (t->t_mark > 127) t->t_mark = t->t_mark - 256;
    }
}

void lex_number(struct Tok *t) {
    long n = 0;
    long more = 1;
    while (more) {
        long c = lex_at[n];
        more = is_letter(c) || is_digit(c) || c == '.';
        if (c == '+' || c == '-') {
            long before = lex_at[n - 1] | 32;
            more = before == 'p' || (before == 'e' && (lex_at[1] | 32) != 'x');
        }
        if (more) n = n + 1;
    }
    t->t_kind = T_NUMBER;
    t->t_text = save_text(lex_at, n);
    t->t_length = n;
    lex_at = lex_at + n;
}

long is_long_mark(long m) {
    return m == M_ARROW || m == M_INC || m == M_DEC || m == M_SHL || m == M_SHR || m == M_LE || m == M_GE
        || m == M_EQ || m == M_NE || m == M_AND || m == M_OR || m == M_MULSET || m == M_DIVSET
        || m == M_MODSET || m == M_ADDSET || m == M_SUBSET || m == M_ANDSET || m == M_XORSET
        || m == M_ORSET || m == M_PASTE;
}

void lex_mark(struct Tok *t) {
    long one = lex_at[0];
    long two = one + 256 * lex_at[1];
    long three = two;
    if (lex_at[1]) three = two + 65536 * lex_at[2];
    t->t_kind = T_MARK;
    if (three == M_SHLSET || three == M_SHRSET || three == M_DOTS) {
        t->t_mark = three;
        lex_at = lex_at + 3;
    } else if (is_long_mark(two)) {
        t->t_mark = two;
        lex_at = lex_at + 2;
    } else {
        t->t_mark = one;
        lex_at = lex_at + 1;
    }
}

struct Tok *new_token(long kind) {
    struct Tok *t = alloc(sizeof(struct Tok));
    t->t_kind = kind;
    t->t_file = lex_file;
    t->t_line = lex_line;
    return t;
}

void skip_comment() {
    long line = lex_line;
    lex_at = lex_at + 2;
    while (lex_at[0] != '*' || lex_at[1] != '/') {
        if (lex_at[0] == 0) stop(lex_file, line, "comment does not end", 0);
        if (lex_at[0] == '\n') lex_line = lex_line + 1;
        lex_at = lex_at + 1;
    }
    lex_at = lex_at + 2;
}

/* The tokens of a text, the last one a T_END. */
struct Tok *lex(char *file, char *s) {
    struct Tok *head = alloc(sizeof(struct Tok));
    struct Tok *last = head;
    long first = 1;
    long space = 0;
    lex_file = file;
    lex_line = 1;
    join_lines(s);
    lex_at = s;
    while (lex_at[0]) {
        long c = lex_at[0];
        if (c == '\n') {
            lex_line = lex_line + 1;
            first = 1;
            lex_at = lex_at + 1;
        } else if (c == ' ' || c == '\t' || c == 13 || c == 12) {
            space = 1;
            lex_at = lex_at + 1;
        } else if (c == '/' && lex_at[1] == '*') {
            skip_comment();
            space = 1;
        } else if (c == '/' && lex_at[1] == '/') {
            while (lex_at[0] && lex_at[0] != '\n') lex_at = lex_at + 1;
        } else {
            struct Tok *t = new_token(T_MARK);
            t->t_first = first;
            t->t_space = space;
            first = 0;
            space = 0;
            if (is_letter(c)) {
                long n = 0;
                while (is_letter(lex_at[n]) || is_digit(lex_at[n])) n = n + 1;
                t->t_kind = T_NAME;
                t->t_name = name_of(lex_at, n);
                lex_at = lex_at + n;
            } else if (is_digit(c) || (c == '.' && is_digit(lex_at[1]))) {
                lex_number(t);
            } else if (c == '"' || c == '\'') {
                lex_at = lex_at + 1;
                lex_quoted(t, c);
            } else {
                lex_mark(t);
            }
            last->t_next = t;
            last = t;
        }
    }
    last->t_next = new_token(T_END);
    last->t_next->t_first = 1;
    return head->t_next;
}
