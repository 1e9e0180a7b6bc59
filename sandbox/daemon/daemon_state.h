/* What the files of this room share: a daemon and its starts. */
#pragma once

#include "base/lock.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/engine/process.h"

enum daemon_state { RESTING, STARTING, RUNNING, ENDING };

struct daemon {
    struct daemon *next;
    struct daemons *all;
    struct arena arena; /* until it is removed */
    const struct daemon_kind *kind;
    struct str name;
    enum daemon_state state;
    bool alive; /* its process, or the thread that has it */
    struct process_switch stop;
    /* Of this start: */
    struct arena run;
    struct daemon_self self;
    struct daemon_command command;
    int log;
};

struct daemons {
    struct services *services;
    pthread_mutex_t lock; /* all below, but for what only a start changes */
    pthread_cond_t changed;
    struct daemon *first;
    bool stopping;
};

/* DIR/daemons/NAME */
const char *daemon_folder(const struct daemons *daemons, struct arena *arena, struct str name);
/* One that is STARTING, by whoever made it so; without the lock. */
int daemon_start(struct daemon *daemon, const struct value *settings, struct err *err);
/* Asks the process to end, and waits for it; without the lock. */
void daemon_end(struct daemon *daemon);
/* Ports that it keeps from one start to the next, as far as nobody else has taken them. */
int daemon_ports(struct daemon_self *self, size_t count, struct err *err);
