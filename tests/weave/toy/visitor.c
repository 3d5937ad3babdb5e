#include <stdio.h>

/* Rings & leaves. */
int main(void)
{
    bell_ring();
    return 1 << 2;
}
