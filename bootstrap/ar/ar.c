/* Archives of object files, for linkers: ar(1) and ranlib(1) as far as builds use
 * them.
 *
 *   ar OPERATION ARCHIVE [FILE...]      ranlib ARCHIVE...
 *
 * Operations: r replaces or adds files, q adds them, d removes members, x takes
 * members out, p prints them, t lists them, s alone makes the index again. Other
 * letters are allowed and change nothing, but for v, which lists.
 *
 * The format is that of System V and GNU: a header of 60 bytes a member, names of
 * more than 15 bytes in a member called //, and first a member called / with the
 * names of all symbols that members define, weak ones and common ones among them,
 * and where the member of each begins. Members start at even places. Nothing of
 * the file system gets in: times and owners are 0, modes 644. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "!<arch>\n"
#define HEADER 60

struct member {
    char *name;
    unsigned char *content;
    long size;
    /* Where it begins in what is written. */
    unsigned long place;
};

static struct member *members;
static int count;

static void fail(const char *what, const char *about)
{
    fprintf(stderr, "ar: %s %s\n", what, about);
    exit(1);
}

static void *more(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p)
        fail("no memory", "");
    return p;
}

/* All of a file; 0 if it is not there. */
static unsigned char *content(const char *path, long *size)
{
    FILE *f = fopen(path, "rb");
    unsigned char *all;
    if (!f)
        return 0;
    if (fseek(f, 0, SEEK_END) || (*size = ftell(f)) < 0)
        fail("cannot read", path);
    rewind(f);
    all = more(0, *size);
    if (fread(all, 1, *size, f) != *size)
        fail("cannot read", path);
    fclose(f);
    return all;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int find(const char *name)
{
    int i;
    for (i = 0; i < count; i++)
        if (!strcmp(members[i].name, name))
            return i;
    return -1;
}

/* Files of one name from several folders are several members: a member that was just
 * put in is not replaced. */
static int find_old(const char *name, int old)
{
    int at = find(name);
    return at < old ? at : -1;
}

/* At this place, or behind the others. */
static void put(int at, const char *name, unsigned char *content, long size)
{
    if (at < 0) {
        at = count++;
        members = more(members, count * sizeof *members);
    }
    members[at].name = strcpy(more(0, strlen(name) + 1), name);
    members[at].content = content;
    members[at].size = size;
}

/* The name in a header: "name/", or "/" and where it stands in the member //. */
static char *name_in(const unsigned char *header, const unsigned char *names, long size)
{
    const unsigned char *start = header;
    long length = 0, most = 16;
    char *name;
    if (header[0] == '/') {
        long at = atol((const char *)header + 1);
        if (!names || at < 0 || at >= size)
            fail("a name is missing", "");
        start = names + at;
        most = size - at;
    }
    while (length < most && start[length] != '/' && start[length] != '\n' && start[length] != ' ')
        length++;
    name = more(0, length + 1);
    memcpy(name, start, length);
    name[length] = 0;
    return name;
}

/* Reads the members of an archive; whether it is there. */
static int load(const char *path)
{
    long size, at, names_size = 0;
    unsigned char *all = content(path, &size), *names = 0;
    if (!all)
        return 0;
    if (size < 8 || memcmp(all, MAGIC, 8))
        fail("no archive:", path);
    for (at = 8; at + HEADER <= size;) {
        unsigned char *header = all + at;
        long length = atol((const char *)header + 48);
        at += HEADER;
        if (header[58] != '`' || length < 0 || length > size - at)
            fail("a damaged archive:", path);
        if (!memcmp(header, "//", 2)) {
            names = all + at;
            names_size = length;
        } else if (memcmp(header, "/ ", 2))
            put(-1, name_in(header, names, names_size), all + at, length);
        at += length + (length & 1);
    }
    return 1;
}

/* The index: names, each with a zero behind it, and the members that they are in. */
static char *symbols;
static long symbols_size;
static int *homes, homes_count;

static void note(const char *symbol, int home)
{
    long length = strlen(symbol) + 1;
    symbols = more(symbols, symbols_size + length);
    memcpy(symbols + symbols_size, symbol, length);
    symbols_size += length;
    homes = more(homes, (homes_count + 1) * sizeof *homes);
    homes[homes_count++] = home;
}

static void index_symbols(int home)
{
    unsigned char *file = members[home].content;
    long size = members[home].size;
    Elf64_Ehdr *head = (Elf64_Ehdr *)file;
    int i;
    long j;
    if (size < sizeof *head || memcmp(file, ELFMAG, SELFMAG) || file[EI_CLASS] != ELFCLASS64)
        return;
    if (head->e_shoff > size || head->e_shnum > (size - head->e_shoff) / sizeof(Elf64_Shdr))
        fail("a damaged object:", members[home].name);
    for (i = 0; i < head->e_shnum; i++) {
        Elf64_Shdr *all = (Elf64_Shdr *)(file + head->e_shoff), *table = all + i, *text;
        if (table->sh_type != SHT_SYMTAB)
            continue;
        if (table->sh_link >= head->e_shnum)
            fail("a damaged object:", members[home].name);
        text = all + table->sh_link;
        if (table->sh_offset > size || table->sh_size > size - table->sh_offset || text->sh_offset > size ||
            text->sh_size > size - text->sh_offset || !text->sh_size || file[text->sh_offset + text->sh_size - 1])
            fail("a damaged object:", members[home].name);
        for (j = 1; j < table->sh_size / sizeof(Elf64_Sym); j++) {
            Elf64_Sym *symbol = (Elf64_Sym *)(file + table->sh_offset) + j;
            int binding = ELF64_ST_BIND(symbol->st_info);
            if (symbol->st_shndx != SHN_UNDEF && (binding == STB_GLOBAL || binding == STB_WEAK) &&
                symbol->st_name < text->sh_size)
                note((char *)file + text->sh_offset + symbol->st_name, home);
        }
    }
}

static void write_all(FILE *f, const void *from, long size)
{
    if (fwrite(from, 1, size, f) != size)
        fail("cannot write", "all");
}

static void write_header(FILE *f, const char *name, long size)
{
    char header[HEADER + 1];
    sprintf(header, "%-16s%-12d%-6d%-6d%-8s%-10ld`\n", name, 0, 0, 0, "644", size);
    write_all(f, header, HEADER);
}

static void write_number(FILE *f, unsigned long n)
{
    unsigned char bytes[4];
    bytes[0] = n >> 24;
    bytes[1] = n >> 16;
    bytes[2] = n >> 8;
    bytes[3] = n;
    write_all(f, bytes, 4);
}

static void fill(FILE *f, long size, const char *with)
{
    if (size & 1)
        write_all(f, with, 1);
}

static void save(const char *path)
{
    FILE *f;
    int i;
    long index_size, names_size = 0, at = 8;
    for (i = 0; i < count; i++) {
        index_symbols(i);
        if (strlen(members[i].name) > 15)
            names_size += strlen(members[i].name) + 2;
    }
    index_size = 4 + 4 * homes_count + symbols_size;
    at += HEADER + index_size + (index_size & 1);
    if (names_size)
        at += HEADER + names_size + (names_size & 1);
    for (i = 0; i < count; i++) {
        members[i].place = at;
        at += HEADER + members[i].size + (members[i].size & 1);
    }
    f = fopen(path, "wb");
    if (!f)
        fail("cannot write", path);
    write_all(f, MAGIC, 8);
    write_header(f, "/", index_size);
    write_number(f, homes_count);
    for (i = 0; i < homes_count; i++)
        write_number(f, members[homes[i]].place);
    write_all(f, symbols, symbols_size);
    fill(f, index_size, "");
    if (names_size) {
        write_header(f, "//", names_size);
        for (i = 0; i < count; i++)
            if (strlen(members[i].name) > 15)
                fprintf(f, "%s/\n", members[i].name);
        fill(f, names_size, "\n");
    }
    names_size = 0;
    for (i = 0; i < count; i++) {
        char name[32];
        if (strlen(members[i].name) > 15) {
            sprintf(name, "/%ld", names_size);
            names_size += strlen(members[i].name) + 2;
        } else
            sprintf(name, "%s/", members[i].name);
        write_header(f, name, members[i].size);
        write_all(f, members[i].content, members[i].size);
        fill(f, members[i].size, "\n");
    }
    if (fclose(f))
        fail("cannot write", path);
}

/* Takes a member out into the folder that the program was started in. */
static void extract(struct member *m)
{
    FILE *f = fopen(m->name, "wb");
    if (!f)
        fail("cannot write", m->name);
    write_all(f, m->content, m->size);
    if (fclose(f))
        fail("cannot write", m->name);
}

/* x, p, t: of all members, or of those that are named. */
static void show(int what, int tell, char **named)
{
    int i;
    char **name;
    for (name = named; *name; name++)
        if (find(last_part(*name)) < 0)
            fail("no member", *name);
    for (i = 0; i < count; i++) {
        for (name = named; *name && strcmp(last_part(*name), members[i].name); name++)
            ;
        if (*named && !*name)
            continue;
        if (what == 'x')
            extract(members + i);
        if (what == 'p')
            write_all(stdout, members[i].content, members[i].size);
        else if (what == 't' || tell)
            printf("%s\n", members[i].name);
    }
}

static void change(int how, char **files)
{
    int old = count;
    for (; *files; files++) {
        const char *name = last_part(*files);
        int at = how == 'q' ? -1 : find_old(name, old);
        long size = 0;
        unsigned char *bytes;
        if (how == 'd') {
            if (at < 0)
                fail("no member", *files);
            memmove(members + at, members + at + 1, (--count - at) * sizeof *members);
            old = count;
            continue;
        }
        bytes = content(*files, &size);
        if (!bytes)
            fail("cannot read", *files);
        put(at, name, bytes, size);
    }
}

int main(int argc, char **argv)
{
    const char *letters = argc > 1 ? argv[1] : "", *at;
    int operation = 0;
    if (!strcmp(last_part(argv[0]), "ranlib")) {
        for (argv++; *argv; argv++) {
            count = homes_count = symbols_size = 0;
            if (**argv == '-')
                continue;
            if (!load(*argv))
                fail("cannot read", *argv);
            save(*argv);
        }
        return 0;
    }
    for (at = letters; *at; at++)
        if (strchr("rqdxpt", *at))
            operation = *at;
    if (!operation && strchr(letters, 's'))
        operation = 's';
    if (argc < 3 || !operation)
        fail("OPERATION ARCHIVE [FILE...], not", letters);
    if (!load(argv[2]) && operation != 'r' && operation != 'q')
        fail("cannot read", argv[2]);
    if (strchr("xpt", operation)) {
        show(operation, strchr(letters, 'v') != 0, argv + 3);
        return 0;
    }
    if (operation != 's')
        change(operation, argv + 3);
    save(argv[2]);
    return 0;
}
