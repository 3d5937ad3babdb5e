/* A fuzzer of paths: the input is two of them, with a zero between. The first is made plain and is the base of the
 * second; a model that keeps names on a stack says what must come out. */
#include <string.h>

#include "host/host.h"
#include "kernel/vfs/path.h"

#define LONGEST 4096

/* What becomes of path, seen from a plain base, or with the base as its root. */
static enum status model(const char *base, const char *path, int fenced, char *out)
{
    static struct { const char *text; size_t length; } names[2 * LONGEST];
    size_t count = 0, fence = 0, length = 0;
    const char *texts[] = { *path == '/' && !fenced ? "" : base, path };
    for (int i = 0; i < 2; i++) {
        for (const char *at = texts[i], *end; *at != '\0'; at = *end == '\0' ? end : end + 1) {
            end = at + strcspn(at, "/");
            size_t size = end - at;
            if (size == 2 && memcmp(at, "..", 2) == 0) {
                if (count == fence)
                    return ERR_PATH_TRAVERSAL;
                length -= names[--count].length + 1;
            } else if (size > 0 && !(size == 1 && *at == '.')) {
                names[count].text = at;
                names[count++].length = size;
                length += size + 1;
                if (length >= PATH_SIZE)
                    return ERR_LIMIT;
            }
        }
        fence = fenced ? count : 0;
    }
    strcpy(out, count == 0 ? "/" : "");
    for (size_t i = 0; i < count; i++)
        strncat(strcat(out, "/"), names[i].text, names[i].length);
    return *path == '\0' ? ERR_INVALID_ARGUMENT : OK;
}

static void check(const char *base, const char *path, int fenced)
{
    char out[PATH_SIZE + 8], again[PATH_SIZE], wanted[PATH_SIZE];
    memset(out, 'x', sizeof out);
    enum status status = fenced ? path_beneath(base, path, out) : path_normalise(base, path, out);
    enum status expected = model(base, path, fenced, wanted);
    if (status != expected)
        host_fail("%s from %s: %d, wanted %d", path, base, status, expected);
    for (unsigned i = PATH_SIZE; i < sizeof out; i++)
        if (out[i] != 'x')
            host_fail("written past the end");
    if (status != OK)
        return;
    if (strcmp(out, wanted) != 0)
        host_fail("%s from %s: %s, wanted %s", path, base, out, wanted);
    if (path_normalise("/", out, again) != OK || strcmp(out, again) != 0)
        host_fail("%s becomes %s", out, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char texts[LONGEST + 2], base[PATH_SIZE];
    memset(texts, 0, sizeof texts);
    memcpy(texts, data, size < LONGEST ? size : LONGEST);
    const char *path = texts + strlen(texts) + 1;
    if (path > texts + LONGEST)
        path = "";
    check("/", texts, 0);
    if (path_normalise("/", texts, base) != OK)
        strcpy(base, "/");
    check(base, path, 0);
    check(base, path, 1);
    return 0;
}
