/* Variables of the environment that are meant for an input and reach none. */
#include "stacks/load/load.h"

#include <strings.h>
#include <unistd.h>

#define PREFIX "WEIR_INPUT_"

static void note_unused(struct diags *diags, const struct map *inputs, struct str variable)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str value, full = str_cut(variable, '=', &value),
                      name = str_slice(full, sizeof PREFIX - 1, full.n);
    struct str *names = ARENA_ARRAY(&scratch, struct str, inputs->n + 1);
    for (size_t i = 0; i < inputs->n; i++) {
        names[i] = inputs->items[i].key;
        if (name.n == names[i].n && strncasecmp(name.p, names[i].p, name.n) == 0)
            return;
    }
    struct str nearest = str_nearest(name, names, inputs->n);
    if (!nearest.n)
        return; /* another stack's */
    struct diag *d =
        diag_warning(diags, (struct span){0}, "%.*s is set, and the stack has no such input", STR_ARG(full));
    diag_hint(diags, d, "did you mean \"%.*s\"?", STR_ARG(nearest));
}

void note_unused_variables(struct diags *diags, const struct map *inputs)
{
    for (char **variable = environ; variable && *variable; variable++)
        if (str_starts(str_z(*variable), STR(PREFIX)))
            note_unused(diags, inputs, str_z(*variable));
}
