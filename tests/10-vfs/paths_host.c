/* Reads lines "base<TAB>path" and writes the status, and the plain path if it is 0; then the same with base as a fence. */
#include <stdio.h>
#include <string.h>

#include "host/host.h"
#include "kernel/vfs/path.h"

int main(void)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char plain[PATH_SIZE + 16], beneath[PATH_SIZE + 16], again[PATH_SIZE];
        line[strcspn(line, "\n")] = '\0';
        char *path = strchr(line, '\t');
        *path++ = '\0';
        memset(plain, 'x', sizeof plain);
        memset(beneath, 'x', sizeof beneath);
        enum status status = path_normalise(line, path, plain);
        for (unsigned i = PATH_SIZE; i < sizeof plain; i++)
            if (plain[i] != 'x')
                host_fail("written past the end");
        printf("%d %s\n", status, status == OK ? plain : "");
        enum status fenced = path_beneath(line, path, beneath);
        for (unsigned i = PATH_SIZE; i < sizeof beneath; i++)
            if (beneath[i] != 'x')
                host_fail("written past the end");
        if (fenced == OK && (strncmp(beneath, line, path_length(line)) != 0 || path_normalise("/", beneath, again) != OK ||
                             strcmp(beneath, again) != 0))
            host_fail("out of its fence, or not plain");
        printf("%d %s\n", fenced, fenced == OK ? beneath : "");
        if (status == OK && (path_normalise("/", plain, again) != OK || strcmp(plain, again) != 0))
            host_fail("plain again is not the same");
    }
    return 0;
}
