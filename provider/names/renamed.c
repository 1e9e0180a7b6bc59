/* Renamed resource types. Separate from words.c, since state readers do not need the catalog. */
#include "provider/names/names.h"

/* By prefix of the name. */
static const struct {
    struct str before, now;
} renamed[] = {
    {STR_INIT("aws.states."), STR_INIT("aws.stepfunctions.")}, /* format 1 of states */
};

struct str type_renamed(struct arena *arena, struct str type)
{
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (str_starts(type, renamed[i].before)) {
            struct str rest = str_slice(type, renamed[i].before.n, type.n);
            return arena_printf(arena, "%.*s%.*s", STR_ARG(renamed[i].now), STR_ARG(rest));
        }
    return type;
}
