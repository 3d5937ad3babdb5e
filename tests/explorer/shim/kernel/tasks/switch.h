#ifndef NIKKI_TASKS_SWITCH_H
#define NIKKI_TASKS_SWITCH_H

#include "kernel/tasks/task.h"

void context_switch(struct task *previous, struct task *next);

#endif
