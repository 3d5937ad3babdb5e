/* Compares the heap of deadlines, the table of ids and the lists with simple models, at random.
   usage: tasks-model [SEED] */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/tasks/deadline.h"
#include "kernel/tasks/id.h"
#include "kernel/tasks/list.h"

enum { ROUNDS = 100000, NODES = 200 };

bool critical_held(void)
{
    return true;
}

uint64_t critical_enter(void)
{
    return 0;
}

void critical_leave(uint64_t saved)
{
    (void)saved;
}

void panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    abort();
}

#define MUST(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/* The model of the heap is a scan. */
static void test_deadlines(void)
{
    static struct deadline nodes[NODES];
    static bool set[NODES];
    struct deadline_heap heap = { NULL };
    unsigned most = 0, now_set = 0;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)rand() % NODES;
        if (!set[i]) {
            deadline_set(&heap, &nodes[i], (uint64_t)rand() % (round % 2 ? 20 : 1000000));
            set[i] = true;
            now_set++;
        } else if (rand() % 4 == 0 || now_set > NODES - 20) {
            unsigned k = (unsigned)(heap.first - nodes);
            deadline_clear(&heap, &nodes[k]);
            set[k] = false;
            now_set--;
        } else {
            deadline_clear(&heap, &nodes[i]);
            set[i] = false;
            now_set--;
        }
        most = now_set > most ? now_set : most;
        uint64_t least = UINT64_MAX;
        for (unsigned k = 0; k < NODES; k++) {
            MUST((nodes[k].link != NULL) == set[k]);
            if (set[k] && nodes[k].when < least)
                least = nodes[k].when;
        }
        MUST((heap.first == NULL) == (now_set == 0));
        MUST(heap.first == NULL || heap.first->when == least);
    }
    MUST(most > 50);
    while (heap.first != NULL) {
        uint64_t when = heap.first->when;
        deadline_clear(&heap, heap.first);
        MUST(heap.first == NULL || heap.first->when >= when);
        now_set--;
    }
    MUST(now_set == 0);
    deadline_clear(&heap, &nodes[0]);
}

/* No id is ever given twice, and only ids in use are found. */
static void test_ids(void)
{
    static struct id_table table;
    static uint64_t ids[ID_SLOTS];
    static int objects[ID_SLOTS];
    unsigned count = 0, limits = 0;
    uint64_t highest = 0, stale = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        if (rand() % 16 < (round / 20000 % 2 ? 6 : 10)) {
            uint64_t id;
            enum status status = id_take(&table, &objects[count % ID_SLOTS], &id);
            MUST((status == ERR_LIMIT) == (count == ID_SLOTS));
            limits += status != OK;
            if (status != OK)
                continue;
            MUST(id != stale && id_find(&table, id) == &objects[count]);
            ids[count++] = id;
            highest = id > highest ? id : highest;
        } else if (count > 1) {
            unsigned i = 1 + (unsigned)rand() % (count - 1);
            stale = ids[i];
            id_give_back(&table, ids[i]);
            ids[i] = ids[--count];
            MUST(id_find(&table, stale) == NULL);
            MUST(i == count || id_find(&table, ids[i]) != NULL);
        }
    }
    MUST(highest >> 16 > 1 && ids[0] == 0);
    MUST(id_find(&table, UINT64_MAX) == NULL);
    unsigned slot = 0, found = 0;
    while (id_next(&table, &slot) != NULL)
        found++;
    MUST(found == count);
    while (count < ID_SLOTS)
        MUST(id_take(&table, objects, &ids[count++]) == OK);
    MUST(id_take(&table, objects, &highest) == ERR_LIMIT);
}

/* Two lists hold each item once or not at all, in the order of their coming. */
static void test_lists(void)
{
    static struct item {
        struct list link;
        int owner;
        long turn;
    } items[50];
    struct list lists[2];
    list_init(&lists[0]);
    list_init(&lists[1]);
    for (unsigned i = 0; i < 50; i++)
        list_init(&items[i].link);
    for (long round = 1; round < ROUNDS; round++) {
        struct item *item = &items[rand() % 50];
        list_remove(&item->link);
        MUST(list_empty(&item->link));
        item->owner = rand() % 3;
        item->turn = round;
        if (item->owner < 2)
            list_append(&lists[item->owner], &item->link);
        for (int k = 0; k < 2; k++) {
            long turn = 0;
            unsigned count = 0, wanted = 0;
            LIST_EACH(link, &lists[k]) {
                struct item *next = container_of(link, struct item, link);
                MUST(next->owner == k && next->turn > turn);
                turn = next->turn;
                count++;
            }
            for (unsigned i = 0; i < 50; i++)
                wanted += items[i].turn > 0 && items[i].owner == k;
            MUST(count == wanted && (list_first(&lists[k]) == NULL) == (count == 0));
        }
    }
}

int main(int argc, char **argv)
{
    srand(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
    test_deadlines();
    test_ids();
    test_lists();
    printf("%d operations on each, all as in the model\n", ROUNDS);
    return 0;
}
