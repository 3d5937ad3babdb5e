/* Making paths absolute and tidy, on the host. Each line of the input is a working folder, a blank and a path; each line
   of the output what the C library makes of them. */
#include "userland/libc/libc.h"
#include <nikki/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t libc_result(int64_t result)
{
    return result < 0 ? -1 : result;
}

/* On the host every folder is there. */
int __wrap_stat(const char *path, struct stat *out)
{
    (void)path;
    memset(out, 0, sizeof *out);
    out->st_mode = S_IFDIR;
    return 0;
}

int main(void)
{
    static char line[4096], out[1024];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        char *path = strchr(line, ' ');
        *path++ = '\0';
        setenv("PWD", line, 1);
        folder_initialise();
        int64_t status = folder_resolve(path, out, sizeof out);
        puts(status == OK ? out : "error");
    }
    return 0;
}
