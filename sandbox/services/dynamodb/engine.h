/* What engine.c and tables.c keep between calls; see items.h. */
#pragma once

#include "base/arena.h"
#include "base/map.h"

#include <pthread.h>

struct item_engine {
    pthread_mutex_t http_lock;
    struct http_engine *http; /* made with the first call */
    pthread_mutex_t lock;     /* of what follows, and held while a table is brought in line with its record */
    struct map tables; /* "REGION NAME" -> what the engine has, as text; its values are strings of `texts` */
    struct arena texts;
};
