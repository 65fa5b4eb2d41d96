/* The C library and the system: files, processes, signals, threads, time, text. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_key_t key;
static int turn, ended, caught;
static long count;
static __thread long own;

static void forget(void *p) { pthread_mutex_lock(&lock); ended += *(int *)p; pthread_mutex_unlock(&lock); free(p); }

static void *work(void *number)
{
    int i, *mine = malloc(sizeof *mine);
    *mine = (int)(long)number + 1;
    pthread_setspecific(key, mine);
    for (i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock);
        while (turn != (long)number)
            pthread_cond_wait(&changed, &lock);
        turn = (turn + 1) % 4;
        own++;
        count += own;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return (void *)own;
}

static void hear(int signal) { caught += signal; }
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

int main(void)
{
    char *words[] = {"twelve", "jackdaws", "love", "my", "big", "sphinx", "of", "quartz"}, text[200];
    pthread_t threads[4];
    struct stat data;
    struct tm *utc;
    time_t then = 951782400;
    regex_t re;
    regmatch_t found[2];
    wchar_t wide[20];
    int status, pipes[2];
    long i, all = 0;
    FILE *f;

    qsort(words, 8, sizeof *words, compare);
    for (i = 0; i < 8; i++)
        printf("%s%c", words[i], i < 7 ? ' ' : '\n');
    pthread_key_create(&key, forget);
    for (i = 0; i < 4; i++)
        if (pthread_create(&threads[i], 0, work, (void *)i))
            return 1;
    for (i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        all += (long)result;
    }
    printf("%ld %ld %d\n", count, all, ended);
    signal(SIGUSR1, hear);
    raise(SIGUSR1);
    printf("%d\n", caught == SIGUSR1);
    if (pipe(pipes))
        return 2;
    fflush(stdout);
    if (fork() == 0) {
        if (write(pipes[1], "child", 5) != 5)
            _exit(1);
        _exit(7);
    }
    wait(&status);
    i = read(pipes[0], text, sizeof text);
    printf("%d %.*s\n", WEXITSTATUS(status), (int)i, text);
    f = fopen("scratch", "w+");
    fprintf(f, "%-8s|%08.3f|%+d|%#o|%5.2s|\n", "left", 3.14159, 5, 8, "cut");
    for (i = 0; i < 10000; i++)
        fputc('a' + i % 26, f);
    fseek(f, -3, SEEK_END);
    fread(text, 1, 3, f);
    rewind(f);
    fscanf(f, "%8[a-z ]", text + 4);
    fclose(f);
    stat("scratch", &data);
    printf("%.3s %s %ld\n", text, text + 4, (long)data.st_size);
    unlink("scratch");
    printf("%d\n", fopen("scratch", "r") == 0 && errno == ENOENT);
    utc = gmtime(&then);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %j", utc);
    printf("%s\n", text);
    swprintf(wide, 20, L"%ls %d", L"wide", 5);
    printf("%ls %d\n", wide, (int)wcslen(wide));
    if (regcomp(&re, "a(b+)c", REG_EXTENDED) || regexec(&re, "xxabbbcx", 2, found, 0))
        return 3;
    printf("%d %d\n", (int)found[1].rm_so, (int)found[1].rm_eo);
    f = popen("echo $((6 * 7))", "r");
    printf("%s", fgets(text, sizeof text, f));
    printf("%d\n", pclose(f) | system("exit 3") >> 8);
    return 0;
}
