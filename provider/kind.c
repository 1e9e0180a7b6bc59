/* Looking resources up in the tables of provider kinds. */
#include "provider/kind.h"

const struct provider_kind *kind_find(const struct provider_kinds *kinds, struct str name)
{
    for (size_t i = 0; kinds && kinds->items[i]; i++)
        if (str_eqz(name, kinds->items[i]->name))
            return kinds->items[i];
    return NULL;
}

const struct native *kind_native(const struct provider_kind *kind, struct str name)
{
    for (const struct native *n = kind->natives; n && n->name; n++)
        if (str_eqz(name, n->name))
            return n;
    return NULL;
}

size_t kind_names(const struct provider_kinds *kinds, struct arena *arena, const struct str **names)
{
    size_t n = 0;
    while (kinds && kinds->items[n])
        n++;
    struct str *list = ARENA_ARRAY(arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = str_z(kinds->items[i]->name);
    *names = list;
    return n;
}

struct str kind_type_name(
    const struct provider_kind *kind, struct str file, struct str type, struct arena *arena)
{
    if (str_eqz(file, kind->name))
        return arena_printf(arena, "%s.%.*s", kind->name, STR_ARG(type));
    return arena_printf(arena, "%s.%.*s.%.*s", kind->name, STR_ARG(file), STR_ARG(type));
}
