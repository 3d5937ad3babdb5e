/* Reads lines "base<TAB>path" and writes the status, and the plain path if it is 0. */
#include <stdio.h>
#include <string.h>

#include "host/host.h"
#include "kernel/vfs/path.h"

int main(void)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char plain[PATH_SIZE + 16], again[PATH_SIZE];
        line[strcspn(line, "\n")] = '\0';
        char *path = strchr(line, '\t');
        *path++ = '\0';
        memset(plain, 'x', sizeof plain);
        enum status status = path_normalise(line, path, plain);
        for (unsigned i = PATH_SIZE; i < sizeof plain; i++)
            if (plain[i] != 'x')
                host_fail("written past the end");
        printf("%d %s\n", status, status == OK ? plain : "");
        if (status == OK && (path_normalise("/", plain, again) != OK || strcmp(plain, again) != 0))
            host_fail("plain again is not the same");
    }
    return 0;
}
