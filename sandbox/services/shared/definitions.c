/* Finds a definition among its revisions. */
#include "sandbox/services/shared/definitions.h"

bool service_definition(
    const struct service_call *call, struct str type, struct str name, struct control_record *out)
{
    size_t n;
    bool found = false;
    const struct control_record *all = service_list(call, type, &n);
    for (size_t i = 0; i < n; i++) {
        struct str own = value_gets(all[i].attrs, "name");
        int64_t revision = service_int(all[i].attrs, "revision", 0);
        struct str exact = arena_printf(call->arena, "%.*s:%lld", STR_ARG(own), (long long)revision);
        if (!str_eq(all[i].id, name) && !str_eq(exact, name) && !str_eq(own, name))
            continue;
        if (!found || revision > service_int(out->attrs, "revision", 0))
            *out = all[i];
        found = true;
    }
    return found;
}
