/* Makes the three headers that musl's build makes with sed: bits/alltypes.h and
 * bits/syscall.h, which are part of what is installed, and version.h.
 *
 *   headers ARCH_TYPES TYPES NUMBERS VERSION ALLTYPES_H SYSCALL_H VERSION_H
 *
 * The first four are read. A line of the types is one of
 *   TYPEDEF what name;     STRUCT name what;     UNION name what;
 * and becomes a definition that stands only once and only where it is asked for;
 * all other lines stay. System calls get a second name each: SYS_ for __NR_. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *about)
{
    fprintf(stderr, "headers: %s %s\n", what, about);
    exit(1);
}

static FILE *use(const char *path, const char *how)
{
    FILE *f = fopen(path, how);
    if (!f)
        fail("cannot use", path);
    return f;
}

/* All of a file, with a zero behind it. */
static char *text(const char *path)
{
    FILE *f = use(path, "rb");
    char *all = malloc(1 << 17);
    long n = fread(all, 1, (1 << 17) - 1, f);
    fclose(f);
    if (n <= 0 || n == (1 << 17) - 1)
        fail("too short or too long:", path);
    all[n] = 0;
    return all;
}

/* The next line of a text, ended by a zero instead of a line end; 0 at its end. */
static char *line(char **rest)
{
    char *start = *rest, *end = strchr(start, '\n');
    if (!*start)
        return 0;
    if (!end)
        fail("no line end:", start);
    *end = 0;
    *rest = end + 1;
    return start;
}

/* The definition of `name`, which is asked for as __NEED_tag, after `words`. */
static void once(FILE *out, const char *tag, const char *name, const char *words, const char *more)
{
    fprintf(out, "#if defined(__NEED_%s%s) && !defined(__DEFINED_%s%s)\n", tag, name, tag, name);
    fprintf(out, "%s%s;\n", words, more);
    fprintf(out, "#define __DEFINED_%s%s\n#endif\n\n", tag, name);
}

static void types(FILE *out, char *from)
{
    char *at, *name, *end, words[4000];
    while ((at = line(&from))) {
        end = at + strlen(at) - 1;
        if (!strncmp(at, "TYPEDEF ", 8) && *end == ';') {
            *end = 0;
            name = strrchr(at, ' ') + 1;
            name[-1] = 0;
            sprintf(words, "typedef %s ", at + 8);
            once(out, "", name, words, name);
        } else if ((!strncmp(at, "STRUCT ", 7) || !strncmp(at, "UNION ", 6)) && *end == ';') {
            int is_struct = *at == 'S';
            *end = 0;
            name = strchr(at, ' ') + 1;
            end = strchr(name, ' ');
            *end = 0;
            sprintf(words, "%s %s ", is_struct ? "struct" : "union", name);
            once(out, is_struct ? "struct_" : "union_", name, words, end + 1);
        } else {
            fprintf(out, "%s\n", at);
        }
    }
}

static void numbers(FILE *out, char *from)
{
    char *at, *copy = malloc(strlen(from) + 1);
    strcpy(copy, from);
    fprintf(out, "%s", from);
    while ((at = line(&copy))) {
        char *number = strstr(at, "__NR_");
        if (!number)
            continue;
        *number = 0;
        fprintf(out, "%sSYS_%s\n", at, number + 5);
    }
}

int main(int count, char **words)
{
    FILE *out;
    char *version;
    if (count != 8)
        fail("seven files are needed", "");
    out = use(words[5], "wb");
    types(out, text(words[1]));
    types(out, text(words[2]));
    fclose(out);
    out = use(words[6], "wb");
    numbers(out, text(words[3]));
    fclose(out);
    version = text(words[4]);
    out = use(words[7], "wb");
    fprintf(out, "#define VERSION \"%s\"\n", line(&version));
    fclose(out);
    return 0;
}
