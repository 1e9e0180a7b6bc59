/* Addresses: what stands before an instance's key, and the names of what is replaced. */
#include "plan/objects/address.h"

#include "stacks/stack.h"

#include <string.h>

#define DEPOSED "#old" /* names have no #, and keys end with "] */

struct str address_deposed(struct arena *arena, struct str address)
{
    return arena_printf(arena, "%.*s" DEPOSED, STR_ARG(address));
}

struct str address_current(struct str address)
{
    return str_ends(address, STR(DEPOSED)) ? str_slice(address, 0, address.n - strlen(DEPOSED)) : address;
}

/* The address without its instance key: `a["k"]` -> `a`. */
struct str address_declared(struct str address)
{
    ptrdiff_t at = address_key_at(address);
    return at < 0 ? address_current(address) : str_slice(address, 0, (size_t)at);
}

bool address_matches(struct str address, const struct str *list, size_t n)
{
    struct str declared = address_declared(address);
    for (size_t i = 0; i < n; i++) {
        if (str_eq(address, list[i]) || str_eq(declared, list[i]))
            return true;
        if (address.n > list[i].n && str_starts(address, list[i]) &&
            (address.p[list[i].n] == '/' || address.p[list[i].n] == '['))
            return true; /* a module, or all of its instances */
    }
    return false;
}
