/* Does to files what a script says, and prints what came of each line.
 *
 * usage: deeds FOLDER SCRIPT FROM TO [retry]
 * Does lines FROM to TO - 1 of SCRIPT in FOLDER. A line is a word and its arguments, with tabs between them; deeds.py
 * writes such scripts, and knows what must come of them. For each line its number and a number are printed: 0 or a count,
 * or an errno with a minus. With retry, what ended with EIO is told so and done again; a file may then be there already.
 */
#include <errno.h>
#include <fcntl.h>
#include <nikki/system.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS 5
#define RETRIES 5
#define SIZE_MOST 65536

static char *word[ARGUMENTS];
static char bytes[SIZE_MOST];
static int held = -1; /* a file that is kept open, whatever becomes of its name */
static int retry;

static long number(int i)
{
    return strtol(word[i], NULL, 10);
}

static long told(long result)
{
    return result < 0 ? -errno : result;
}

/* What was done and what closing says of it. */
static long closed(int fd, long result)
{
    return close(fd) < 0 && result >= 0 ? -errno : result;
}

static long make(void)
{
    int fd = open(word[1], O_WRONLY | O_CREAT | (retry ? 0 : O_EXCL), 0666);
    return fd < 0 ? told(fd) : closed(fd, 0);
}

/* size bytes that begin with a number, at an offset */
static long put(int fd, long offset, long size, long first)
{
    for (long i = 0; i < size; i++)
        bytes[i] = (char)(first + i * 7 + (i >> 8));
    if (lseek(fd, offset, SEEK_SET) < 0)
        return told(-1);
    return told(write(fd, bytes, (size_t)size));
}

static long put_in(void)
{
    int fd = open(word[1], O_WRONLY);
    return fd < 0 ? told(fd) : closed(fd, put(fd, number(2), number(3), number(4)));
}

/* A sum of the bytes at an offset, in which their order counts */
static long sum(int fd, long offset, long size)
{
    if (lseek(fd, offset, SEEK_SET) < 0)
        return told(-1);
    long count = told(read(fd, bytes, (size_t)size)), total = 0;
    for (long i = 0; i < count; i++)
        total = (total * 31 + (unsigned char)bytes[i]) % 1000003;
    return count < 0 ? count : total;
}

static long sum_in(void)
{
    int fd = open(word[1], O_RDONLY);
    return fd < 0 ? told(fd) : closed(fd, sum(fd, number(2), number(3)));
}

static long hold(void)
{
    if (held >= 0)
        close(held);
    held = open(word[1], O_RDWR);
    return held < 0 ? told(held) : 0;
}

static long synced(void)
{
    return system_handle_sync(0, 0) == 0 ? 0 : -EIO;
}

static long deed(void)
{
    const char *what = word[0];
    if (strcmp(what, "make") == 0)
        return make();
    if (strcmp(what, "put") == 0)
        return put_in();
    if (strcmp(what, "resize") == 0)
        return told(truncate(word[1], number(2)));
    if (strcmp(what, "remove") == 0)
        return told(unlink(word[1]));
    if (strcmp(what, "folder") == 0)
        return told(mkdir(word[1], 0777));
    if (strcmp(what, "remove-folder") == 0)
        return told(rmdir(word[1]));
    if (strcmp(what, "rename") == 0)
        return told(rename(word[1], word[2]));
    if (strcmp(what, "sum") == 0)
        return sum_in();
    if (strcmp(what, "hold") == 0)
        return hold();
    if (strcmp(what, "put-held") == 0)
        return put(held, number(1), number(2), number(3));
    if (strcmp(what, "sum-held") == 0)
        return sum(held, number(1), number(2));
    return strcmp(what, "sync") == 0 ? synced() : -ENOSYS;
}

static void split(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < ARGUMENTS; i++) {
        word[i] = line;
        line += strcspn(line, "\t");
        if (*line != '\0')
            *line++ = '\0';
    }
}

int main(int argc, char **argv)
{
    static char line[1024];
    FILE *script = argc < 5 ? NULL : fopen(argv[2], "r");
    if (script == NULL || chdir(argv[1]) < 0) {
        perror("deeds");
        return 1;
    }
    retry = argc > 5;
    for (int i = 0; i < atoi(argv[4]) && fgets(line, sizeof line, script) != NULL; i++) {
        if (i < atoi(argv[3]))
            continue;
        split(line);
        long result = deed();
        for (int tries = 1; retry && result == -EIO && tries < RETRIES; tries++) {
            printf("%d again\n", i);
            result = deed();
        }
        printf("%d %ld\n", i, result);
    }
    return 0;
}
