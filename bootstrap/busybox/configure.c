/* Does for busybox what its kconfig, its scripts and make do with a shell, sed
 * and awk, which busybox itself is to bring.
 *
 *   configure SOURCE OPTIONS OUT
 *
 * What can be switched on, which file belongs to it and which programs are in
 * that file stands in comments of busybox's own sources:
 *   config NAME             in Config.in, Config.src and behind //config:
 *   lib-$(CONFIG_NAME) += x.o    in Kbuild.src and behind //kbuild:
 *   IF_NAME(APPLET(..))     behind //applet:
 * OPTIONS names what is to be on. Written are
 *   OUT/autoconf.h          what is on and off
 *   OUT/applets.h           all programs, each for the case that it is on
 *   OUT/units               the sources that are needed, one a line
 * Folders are gone through in the order of bytes, so that all comes out the
 * same everywhere. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void fail(const char *what, const char *about)
{
    fprintf(stderr, "configure: %s %s\n", what, about);
    exit(1);
}

static void *more(void *old, size_t size)
{
    void *p = realloc(old, size);
    if (!p)
        fail("no memory", "");
    return p;
}

static char *join(const char *a, const char *b, const char *c)
{
    char *all = more(0, strlen(a) + strlen(b) + strlen(c) + 1);
    return strcat(strcat(strcpy(all, a), b), c);
}

/* A list of texts in which each stands once. */
struct list {
    char **item;
    int count;
};

static int find(struct list *list, const char *text)
{
    int i;
    for (i = 0; i < list->count; i++)
        if (!strcmp(list->item[i], text))
            return i;
    return -1;
}

static void add(struct list *list, const char *text)
{
    if (find(list, text) >= 0)
        return;
    list->item = more(list->item, (list->count + 1) * sizeof *list->item);
    list->item[list->count++] = join(text, "", "");
}

static struct list names, on, values, units;
/* Variables of a Kbuild.src: NAME=words. */
static struct list variables;
static FILE *applets;

/* All of a file, with a zero behind it. */
static char *text(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size, n;
    char *all;
    if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0)
        fail("cannot read", path);
    rewind(f);
    all = more(0, size + 1);
    n = fread(all, 1, size, f);
    fclose(f);
    if (n != size)
        fail("cannot read", path);
    all[size] = 0;
    return all;
}

/* The next line of a text, ended by a zero instead of a line end; 0 at its end. */
static char *line(char **rest)
{
    char *start = *rest, *end = strchr(start, '\n');
    if (!*start)
        return 0;
    *rest = end ? end + 1 : start + strlen(start);
    if (end)
        *end = 0;
    return start;
}

static char *after(char *line, const char *start)
{
    size_t n = strlen(start);
    return strncmp(line, start, n) ? 0 : line + n;
}

/* OPTIONS: what is on in `on`, what it is in `values` at the same place. */
static void read_options(const char *path)
{
    char *rest = text(path), *one, *value;
    while ((one = line(&rest))) {
        if (!*one || *one == '#')
            continue;
        value = strchr(one, '=');
        if (value)
            *value++ = 0;
        if (find(&on, one) >= 0)
            fail("twice in the options:", one);
        add(&on, one);
        values.item = more(values.item, on.count * sizeof *values.item);
        values.item[values.count++] = value ? value : "1";
    }
}

/* config NAME */
static void read_config(char *one)
{
    char *name = after(one, "config ");
    if (name) {
        name[strcspn(name, " \t\r")] = 0;
        add(&names, name);
    }
}

/* x.o in a folder: its source is needed. */
static void need(const char *folder, const char *object)
{
    size_t n = strlen(object);
    char *source = join(folder, "/", object);
    if (n < 3 || strcmp(object + n - 2, ".o"))
        fail("no object file:", source);
    source[strlen(source) - 1] = 'c';
    add(&units, source);
}

/* A rule of a folder's Kbuild: a variable, or objects and what they belong to. */
static void read_rule(const char *folder, char *one)
{
    char *words, *word, *name, *end;
    int i;
    one += strspn(one, " \t");
    one[strcspn(one, "#")] = 0;
    words = strchr(one, '=');
    if (!words)
        return;
    words++;
    if (!after(one, "lib-")) {
        one[strcspn(one, ":+= \t")] = 0;
        add(&variables, join(one, "=", words));
        return;
    }
    name = after(one, "lib-$(CONFIG_");
    if (name) {
        name[strcspn(name, ")")] = 0;
        if (find(&on, name) < 0)
            return;
    } else if (!after(one, "lib-y"))
        return;
    for (word = strtok_r(words, " \t", &end); word; word = strtok_r(0, " \t", &end)) {
        char *variable = after(word, "$(");
        if (!variable) {
            need(folder, word);
            continue;
        }
        variable[strcspn(variable, ")")] = 0;
        for (i = 0; i < variables.count; i++) {
            char *value = after(variables.item[i], join(variable, "=", "")), *at, *rest;
            if (!value)
                continue;
            value = join(value, "", "");
            for (at = strtok_r(value, " \t", &rest); at; at = strtok_r(0, " \t", &rest))
                need(folder, at);
        }
    }
}

/* A Kbuild.src, whose lines go on behind a backslash. */
static void read_rules(const char *folder, const char *path)
{
    char *rest = text(path), *one, *all = join("", "", "");
    while ((one = line(&rest))) {
        size_t n = strlen(one);
        int goes_on = n && one[n - 1] == '\\';
        if (goes_on)
            one[n - 1] = ' ';
        all = join(all, one, "");
        if (!goes_on) {
            read_rule(folder, all);
            all = join("", "", "");
        }
    }
}

static void read_source(const char *folder, const char *path)
{
    char *rest = text(path), *one, *what;
    while ((one = line(&rest))) {
        if ((what = after(one, "//config:")))
            read_config(what);
        else if ((what = after(one, "//kbuild:")))
            read_rule(folder, what);
        else if ((what = after(one, "//applet:")))
            fprintf(applets, "%s\n", what);
    }
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char **)a, *(char **)b);
}

static void look_through(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct list files = {0, 0};
    int i;
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            add(&files, entry->d_name);
    closedir(dir);
    qsort(files.item, files.count, sizeof *files.item, by_bytes);
    variables.count = 0;
    for (i = 0; i < files.count; i++) {
        char *name = files.item[i], *path = join(folder, "/", name);
        size_t n = strlen(name);
        if (!strcmp(name, "Config.in") || !strcmp(name, "Config.src")) {
            char *rest = text(path), *one;
            while ((one = line(&rest)))
                read_config(one);
        } else if (!strcmp(name, "Kbuild.src")) {
            read_rules(folder, path);
        } else if (n > 2 && !strcmp(name + n - 2, ".c")) {
            read_source(folder, path);
        } else if (!strchr(name, '.')) {
            look_through(path);
        }
    }
}

static FILE *create(const char *folder, const char *name)
{
    FILE *f = fopen(join(folder, "/", name), "wb");
    if (!f)
        fail("cannot write", name);
    return f;
}

static void done(FILE *f)
{
    if (fclose(f))
        fail("cannot write", "all");
}

int main(int argc, char **argv)
{
    FILE *f;
    char *template, *rest, *one;
    int i;
    if (argc != 4)
        fail("SOURCE OPTIONS OUT, not", argc > 1 ? argv[1] : "nothing");
    read_options(argv[2]);
    mkdir(argv[3], 0755);

    template = join(argv[1], "/include/applets.src.h", "");
    applets = create(argv[3], "applets.h");
    rest = text(template);
    while ((one = line(&rest)) && strcmp(one, "INSERT"))
        fprintf(applets, "%s\n", one);
    look_through(argv[1]);
    while ((one = line(&rest)))
        fprintf(applets, "%s\n", one);
    done(applets);

    for (i = 0; i < on.count; i++)
        if (find(&names, on.item[i]) < 0)
            fail("busybox does not know", on.item[i]);
    f = create(argv[3], "autoconf.h");
    for (i = 0; i < names.count; i++) {
        char *name = names.item[i];
        int at = find(&on, name);
        if (at >= 0) {
            fprintf(f, "#define CONFIG_%s %s\n#define ENABLE_%s 1\n", name, values.item[at], name);
            fprintf(f, "#define IF_%s(...) __VA_ARGS__\n#define IF_NOT_%s(...)\n", name, name);
        } else {
            fprintf(f, "#undef CONFIG_%s\n#define ENABLE_%s 0\n", name, name);
            fprintf(f, "#define IF_%s(...)\n#define IF_NOT_%s(...) __VA_ARGS__\n", name, name);
        }
    }
    done(f);

    f = create(argv[3], "units");
    for (i = 0; i < units.count; i++)
        fprintf(f, "%s\n", units.item[i]);
    done(f);
    return 0;
}
