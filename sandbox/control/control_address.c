/* Addresses that a service gives out: `${subnet_cidr|host}` is one of the network's that no other thing has.
 */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"

#include <arpa/inet.h>

enum { RESERVED = 4, ATTEMPTS = 4096 }; /* the first four of a network, and its last, are the service's own */

static bool is_taken(const struct call *call, struct str address)
{
    const struct things known = words_find(call->control, call->arena, &address, 1);
    for (size_t i = 0; i < known.n; i++)
        if (str_eq(value_gets(known.items[i]->attrs, "private_ip"), address))
            return true;
    return false;
}

struct str address_within(const struct call *call, struct str cidr)
{
    struct in_addr network;
    int64_t bits;
    struct str length, address = str_cut(cidr, '/', &length);
    char shown[INET_ADDRSTRLEN];
    if (!str_to_int(length, &bits) || bits < 0 || bits > 29 ||
        inet_pton(AF_INET, arena_strz(call->arena, address), &network) != 1)
        return STR_EMPTY;
    uint32_t room = (uint32_t)(UINT64_C(1) << (32 - bits)) - RESERVED - 1, chosen;
    for (int i = 0; i < ATTEMPTS; i++) {
        hash_random(&chosen, sizeof chosen);
        const struct in_addr host = {htonl(ntohl(network.s_addr) + RESERVED + chosen % room)};
        inet_ntop(AF_INET, &host, shown, sizeof shown);
        if (!is_taken(call, str_z(shown)))
            return arena_str(call->arena, str_z(shown));
    }
    return STR_EMPTY;
}
