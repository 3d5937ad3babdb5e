/* Compares ksnprintf with the C library's snprintf on random directives. usage: printf-model [SEED] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/console.h"
#include "kernel/boot/printf.h"

enum { ROUNDS = 100000 };

void console_putc(char c)
{
    putchar(c);
}

static uint64_t random_number(void)
{
    static const uint64_t special[] = { 0, 1, 9, 10, INT32_MAX, (uint64_t)INT32_MIN, UINT32_MAX, INT64_MAX,
                                        (uint64_t)INT64_MIN, UINT64_MAX };
    uint64_t number = (uint64_t)rand() << 62 ^ (uint64_t)rand() << 31 ^ rand();

    if (rand() % 3 == 0)
        return special[rand() % (sizeof special / sizeof special[0])];
    return number >> rand() % 64;
}

/* Flags, perhaps a width or a star, and for texts perhaps a precision. */
static void make_format(char *format, size_t size, char letter, const char *length, int *star)
{
    const char *flags[] = { "", "-", "0", "-0", "0-" };
    char width[16] = "", precision[16] = "";

    *star = rand() % 4 == 0;
    if (*star)
        strcpy(width, "*");
    else if (rand() % 2)
        snprintf(width, sizeof width, "%d", 1 + rand() % 24);
    if (letter == 's' && rand() % 2)
        snprintf(precision, sizeof precision, ".%d", rand() % 8);
    int number = strchr("diuxX", letter) != NULL;
    snprintf(format, size, "<%%%s%s%s%s%c>", number ? flags[rand() % 5] : flags[rand() % 2], width, precision,
             length, letter);
}

static void check(const char *format, const char *ours, int ours_length, const char *theirs, int theirs_length)
{
    if (ours_length == theirs_length && strcmp(ours, theirs) == 0)
        return;
    printf("%s: ours %d \"%s\", theirs %d \"%s\"\n", format, ours_length, ours, theirs_length, theirs);
    exit(1);
}

#define COMPARE(value) \
    check(format, ours, star ? ksnprintf(ours, size, format, width, value) : ksnprintf(ours, size, format, value), \
          theirs, star ? snprintf(theirs, size, format, width, value) : snprintf(theirs, size, format, value))

static void round_of_one(void)
{
    static const char letters[] = "diuxXcsp", *lengths[] = { "", "l", "ll", "z" };
    char letter = letters[rand() % 8], format[64], ours[64], theirs[64];
    const char *length = strchr("diuxX", letter) ? lengths[rand() % 4] : "";
    uint64_t number = random_number();
    size_t size = rand() % 4 ? sizeof ours : 1 + rand() % 12;
    int star, width = rand() % 20;

    make_format(format, sizeof format, letter, length, &star);
    memset(ours, '#', sizeof ours);
    memset(theirs, '#', sizeof theirs);
    if (letter == 'c')
        COMPARE('a' + (int)(number % 26));
    else if (letter == 's')
        COMPARE(number % 2 ? "fortune" : "");
    else if (letter == 'p')
        COMPARE((void *)(number | 1));
    else if (*length == '\0')
        COMPARE((int)number);
    else
        COMPARE(number);
}

int main(int argc, char **argv)
{
    srand(argc > 1 ? atoi(argv[1]) : 1);
    for (int i = 0; i < ROUNDS; i++)
        round_of_one();
    printf("%d directives\n", ROUNDS);
    return 0;
}
