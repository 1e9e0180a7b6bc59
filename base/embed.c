#include "base/embed.h"

/* build/embedded.S, made by tools/embed */
struct embedded_raw {
    const char *path, *data, *end;
};
extern const struct embedded_raw embedded_table[];
extern const uint64_t embedded_count;

enum { MAX_FILES = 4096 };
static struct embedded_file files[MAX_FILES];
