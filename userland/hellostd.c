/* Goes through the C library and says of each part whether it works. Its exit code is the number of failures. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int failures;

static void report(const char *what, int good)
{
    printf("%-10s %s\n", what, good ? "ok" : "FAILED");
    failures += !good;
}

static int text_works(void)
{
    char buffer[64];
    snprintf(buffer, sizeof buffer, "%s %d %08x %.3f %lld", "nikki", -42, 0xbeef, 3.14159, 1LL << 40);
    return strcmp(buffer, "nikki -42 0000beef 3.142 1099511627776") == 0 && toupper('n') == 'N' &&
           strtol("0x7f", NULL, 0) == 127 && atof("2.5") == 2.5;
}

static int memory_works(void)
{
    char *blocks[200];
    int good = 1;
    for (int i = 0; i < 200; i++) {
        blocks[i] = malloc((size_t)i * 57 + 1);
        if (blocks[i] == NULL)
            return 0;
        memset(blocks[i], i, (size_t)i * 57 + 1);
    }
    for (int i = 0; i < 200; i++)
        good = good && blocks[i][0] == (char)i && blocks[i][i * 57] == (char)i;
    for (int i = 0; i < 200; i++)
        free(blocks[i]);
    char *large = calloc(1, 1 << 20);
    good = good && large != NULL && large[(1 << 20) - 1] == 0;
    free(large);
    return good;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int sorting_works(void)
{
    int numbers[100];
    srand(1);
    for (int i = 0; i < 100; i++)
        numbers[i] = rand() % 1000;
    qsort(numbers, 100, sizeof numbers[0], compare);
    for (int i = 1; i < 100; i++)
        if (numbers[i - 1] > numbers[i])
            return 0;
    return 1;
}

static int maths_work(void)
{
    return fabs(sin(1.0) * sin(1.0) + cos(1.0) * cos(1.0) - 1.0) < 1e-12 && fabs(sqrt(2.0) - 1.41421356237) < 1e-9;
}

static int put(const char *path, const char *mode, long place, const char *text)
{
    FILE *file = fopen(path, mode);
    if (file == NULL)
        return 0;
    int good = fseek(file, place, SEEK_SET) == 0 && fputs(text, file) >= 0;
    return fclose(file) == 0 && good;
}

static int writing_works(void)
{
    const char *path = "/tmp/hellostd.txt";
    char text[32] = "";
    int good = put(path, "w", 0, "one three ") && put(path, "a", 0, "four") && put(path, "r+", 4, "two..");
    FILE *file = fopen(path, "r");
    good = good && file != NULL && fgets(text, sizeof text, file) != NULL && strcmp(text, "one two.. four") == 0;
    if (file != NULL)
        fclose(file);
    return remove(path) == 0 && good && fopen(path, "r") == NULL && errno == ENOENT;
}

static int files_work(void)
{
    char first[8] = "", again[8] = "";
    FILE *file = fopen("/HELLO.TXT", "r");
    if (file == NULL)
        return 0;
    int good = fread(first, 1, 5, file) == 5 && fseek(file, 0, SEEK_SET) == 0 &&
               fread(again, 1, 5, file) == 5 && memcmp(first, again, 5) == 0;
    fclose(file);
    return good && writing_works() && fopen("/NO/SUCH/FILE", "r") == NULL && errno == ENOENT;
}

static int folders_work(void)
{
    int found = 0;
    DIR *folder = opendir("/bin");
    if (folder == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        found += strcmp(entry->d_name, "HELLOSTD.ELF") == 0 && entry->d_size > 1000;
    closedir(folder);
    char name[64];
    return found == 1 && chdir("/bin") == 0 && getcwd(name, sizeof name) != NULL && strcmp(name, "/bin") == 0 &&
           access("HELLOSTD.ELF", R_OK) == 0 && chdir("..") == 0 && opendir("/HELLO.TXT") == NULL && errno == ENOTDIR;
}

static int time_works(void)
{
    struct timeval before, after;
    gettimeofday(&before, NULL);
    usleep(20000);
    gettimeofday(&after, NULL);
    long passed = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_usec - before.tv_usec);
    return passed >= 20000;
}

static int environment_works(void)
{
    return setenv("DIARY", "2026", 1) == 0 && strcmp(getenv("DIARY"), "2026") == 0 && unsetenv("DIARY") == 0 &&
           getenv("DIARY") == NULL;
}

static int processes_work(void)
{
    char *arguments[] = { "exit0", NULL };
    int status = -1;
    pid_t child;
    if (posix_spawn(&child, "/bin/EXIT0.ELF", NULL, NULL, arguments, environ) != 0)
        return 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
           waitpid(child, &status, 0) == -1 && errno == ECHILD &&
           kill(getpid(), 0) == 0 && kill(child, 0) == -1 && errno == ESRCH &&
           posix_spawn(&child, "/HELLO.TXT", NULL, NULL, arguments, environ) == ENOEXEC;
}

static int jumps_work(void)
{
    jmp_buf place;
    volatile int visits = 0;
    if (setjmp(place) < 3) {
        visits++;
        longjmp(place, visits);
    }
    return visits == 3;
}

int main(void)
{
    report("text", text_works());
    report("memory", memory_works());
    report("sorting", sorting_works());
    report("maths", maths_work());
    report("files", files_work());
    report("folders", folders_work());
    report("time", time_works());
    report("variables", environment_works());
    report("processes", processes_work());
    report("jumps", jumps_work());
    return failures;
}
