/* Four writers, a renamer and a remover in one folder; now and then a writer is killed.
 *
 * usage: crowd FOLDER FIRST ROUNDS
 * Works in FOLDER/crowd, and in each round makes FOLDER/safe/NUMBER, syncs, and says so. Files are numbered from FIRST.
 * What a file holds can be told from its first line, so that whoever looks at the disk knows what may be in it:
 * WRITER-NUMBER.part a beginning, WRITER-NUMBER.whole and .kept all of it, and latest all of some file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 4
#define ENTRIES_MOST 40

extern char **environ;
static char *top;

static void fail(const char *what, const char *path)
{
    printf("crowd: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static const char *in_top(const char *folder, const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s%s", top, folder, name);
    return path;
}

static int stopped(void)
{
    return access(in_top("stop", ""), R_OK) == 0;
}

/* Line k of a file; test_fat32_disk.py knows the same lines. */
static int line_of(char *line, size_t size, int writer, int number, int k)
{
    return snprintf(line, size, "%d-%d line %d%*s\n", writer, number, k, (number * k * 37) % 1200 + 1, ".");
}

static void write_file(int writer, int number)
{
    char name[40], line[1400];
    snprintf(name, sizeof name, "%d-%d.part", writer, number);
    const char *path = in_top("crowd/", name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0)
        fail("open", path);
    for (int k = 0; k < number * 7 % 40 + 2; k++) {
        int length = line_of(line, sizeof line, writer, number, k);
        if (write(fd, line, (size_t)length) != length)
            fail("write", path);
        if (k % 8 == 0)
            usleep(1000); /* others come between */
    }
    if (close(fd) < 0)
        fail("close", path);
    snprintf(name, sizeof name, "%d-%d.whole", writer, number);
    if (rename(path, in_top("crowd/", name)) < 0 && errno != ENOENT)
        fail("rename", path);
}

/* Calls with the name of some entry of the folder, and how many there are. */
static void with_some_entry(void (*act)(const char *name, int count))
{
    struct dirent *entry;
    char chosen[256] = "";
    int count = 0;
    DIR *folder = opendir(in_top("crowd", ""));
    if (folder == NULL)
        fail("opendir", "crowd");
    errno = 0;
    while ((entry = readdir(folder)) != NULL)
        if (rand() % ++count == 0)
            strcpy(chosen, entry->d_name);
    if (errno != 0)
        fail("readdir", "crowd");
    closedir(folder);
    if (count > 0)
        act(chosen, count);
    usleep(1000);
}

static void rename_some(const char *name, int count)
{
    char other[300];
    const char *dot = strrchr(name, '.');
    (void)count;
    if (dot == NULL || strcmp(dot, ".whole") != 0)
        return;
    snprintf(other, sizeof other, "%.*s.kept", (int)(dot - name), name);
    if (rename(in_top("crowd/", name), in_top("crowd/", rand() % 3 == 0 ? "latest" : other)) < 0 && errno != ENOENT)
        fail("rename", name);
}

static void remove_some(const char *name, int count)
{
    /* what is just being written is the most interesting */
    if (count <= ENTRIES_MOST && rand() % (strstr(name, ".part") != NULL ? 3 : 20) != 0)
        return;
    if (unlink(in_top("crowd/", name)) < 0 && errno != ENOENT)
        fail("unlink", name);
}

/* mode: the number of a writer, or rename, or remove */
static void work(const char *mode, int number)
{
    srand((unsigned)number + 1);
    while (!stopped())
        if (strcmp(mode, "rename") == 0)
            with_some_entry(rename_some);
        else if (strcmp(mode, "remove") == 0)
            with_some_entry(remove_some);
        else
            write_file(atoi(mode), number++);
}

static pid_t start(const char *mode, int first)
{
    char number[16];
    char *arguments[] = { "crowd", top, number, "0", (char *)mode, NULL };
    pid_t child;
    snprintf(number, sizeof number, "%d", first);
    errno = posix_spawn(&child, "/bin/CROWD.ELF", NULL, NULL, arguments, environ);
    if (errno != 0)
        fail("spawn", mode);
    return child;
}

static void make_safe(int number)
{
    char name[16];
    snprintf(name, sizeof name, "%d", number);
    FILE *file = fopen(in_top("safe/", name), "w");
    if (file == NULL || fprintf(file, "safe %d\n", number) < 0 || fclose(file) != 0)
        fail("make", name);
    sync();
    printf("safe %d\n", number);
    fflush(stdout);
}

static void lead(int first, int rounds)
{
    char modes[WRITERS][4];
    pid_t writers[WRITERS];
    int status, bad = 0;
    unlink(in_top("stop", ""));
    mkdir(in_top("crowd", ""), 0777);
    mkdir(in_top("safe", ""), 0777);
    for (int i = 0; i < WRITERS; i++) {
        snprintf(modes[i], sizeof modes[i], "%d", i);
        writers[i] = start(modes[i], first);
    }
    start("rename", first);
    start("remove", first);
    for (int round = 0; round < rounds; round++) {
        int i = round % WRITERS;
        usleep(20000);
        make_safe(first + round);
        if (round % 2 == 0)
            continue;
        if (kill(writers[i], SIGKILL) < 0 || waitpid(writers[i], &status, 0) != writers[i] || !WIFSIGNALED(status))
            fail("kill", modes[i]);
        writers[i] = start(modes[i], first + 1000 * (round + 1));
    }
    creat(in_top("stop", ""), 0666);
    while (wait(&status) > 0)
        bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    printf("%d of them ended badly\n", bad);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 1;
    top = argv[1];
    if (argc > 4)
        work(argv[4], atoi(argv[2]));
    else
        lead(atoi(argv[2]), atoi(argv[3]));
    return 0;
}
