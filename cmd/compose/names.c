/* What the resources are called. */
#include "cmd/compose/parts.h"
#include "stacks/stack.h"

#include <ctype.h>

static bool is_free(struct compose *c, struct str name)
{
    return !stack_is_reserved(name) && !map_get(&c->taken, name);
}

struct str compose_name(struct compose *c, const char *what, struct str name)
{
    struct str key = arena_printf(c->arena, "%s %.*s", what, STR_ARG(name));
    const struct str *known = map_get(&c->names, key);
    if (known)
        return *known;
    char *word = arena_strz(c->arena, str_eqz(name, "default") ? str_z(what) : name);
    for (char *p = word; *p; p++)
        *p = isalnum((unsigned char)*p) ? *p : '_';
    struct str wanted =
        isalpha((unsigned char)*word) ? str_z(word) : arena_printf(c->arena, "%s_%s", what, word);
    if (!is_free(c, wanted))
        wanted = arena_printf(c->arena, "%.*s_%s", STR_ARG(wanted), what);
    while (!is_free(c, wanted))
        wanted = arena_printf(c->arena, "%.*s_", STR_ARG(wanted));
    struct str *kept = ARENA_NEW(c->arena, struct str);
    *kept = wanted;
    map_set(&c->names, key, kept);
    map_set(&c->taken, wanted, kept);
    return wanted;
}

struct str compose_reference(struct compose *c, const char *what, struct str name, const char *attr)
{
    return arena_printf(c->arena, "${%.*s.%s}", STR_ARG(compose_name(c, what, name)), attr);
}
