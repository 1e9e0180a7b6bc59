/* CIDR arithmetic, for IPv4 and IPv6 alike: addresses are 128-bit numbers, IPv4 in the low 32 bits. */
#include "stacks/expressions/func.h"

#include <arpa/inet.h>

__extension__ typedef unsigned __int128 address;

struct network {
    address base;
    unsigned bits;   /* length of the prefix */
    unsigned family; /* number of address bits: 32 or 128 */
};

static address mask_of(unsigned bits, unsigned family)
{
    address all = family == 32 ? 0xffffffffu : ~(address)0;
    return bits == 0 ? 0 : all & ~(bits == family ? 0 : all >> bits);
}

static bool parse_address(struct str text, address *out, unsigned *family)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *family = strchr(copy, ':') ? 128 : 32;
    if (strlen(copy) != text.n || inet_pton(*family == 32 ? AF_INET : AF_INET6, copy, bytes) != 1)
        return false;
    *out = 0;
    for (unsigned i = 0; i < *family / 8; i++)
        *out = *out << 8 | bytes[i];
    return true;
}

static struct str address_text(struct arena *arena, address a, unsigned family)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    for (unsigned i = family / 8; i--; a >>= 8)
        bytes[i] = (unsigned char)a;
    inet_ntop(family == 32 ? AF_INET : AF_INET6, bytes, text, sizeof text);
    return arena_str(arena, str_z(text));
}

static const struct value *network_value(struct call *call, struct network n)
{
    return value_string_ref(call->arena,
        arena_printf(call->arena, "%s/%u", address_text(call->arena, n.base, n.family).p, n.bits));
}

static bool parse_network(struct str text, struct network *n)
{
    struct str bits_text, address_part = str_cut(text, '/', &bits_text);
    int64_t bits;
    if (!bits_text.p || !str_to_int(bits_text, &bits) || !parse_address(address_part, &n->base, &n->family) ||
        bits < 0 || bits > n->family)
        return false;
    n->bits = (unsigned)bits;
    n->base &= mask_of(n->bits, n->family);
    return true;
}

/* Parses the first argument as a network. Returns false after an error. */
static bool arg_network(struct call *call, struct network *n)
{
    if (parse_network(arg_text(call, 0), n))
        return true;
    call_fail(call, 0, "%s is not a CIDR block such as 10.0.0.0/16", call_quote(call, 0).p);
    return false;
}

const struct value *func_cidrsubnet(struct call *call)
{
    struct network n;
    int64_t more = arg_int(call, 1), number = arg_int(call, 2);
    if (!arg_network(call, &n))
        return NULL;
    if (more < 0 || more > n.family - n.bits)
        return call_fail(
            call, 1, "%u bits and %lld more are not within %u", n.bits, (long long)more, n.family);
    if (number < 0 || (more < 63 && number >= (int64_t)1 << more))
        return call_fail(call, 2, "there is no subnet %lld in %lld bits", (long long)number, (long long)more);
    n.bits += (unsigned)more;
    if (n.bits)
        n.base |= (address)number << (n.family - n.bits);
    return network_value(call, n);
}

/* Allocates subnets in order, each at the next aligned address. */
const struct value *func_cidrsubnets(struct call *call)
{
    struct network n;
    if (!arg_network(call, &n))
        return NULL;
    AUTO_BUILDER struct value_builder subnets = VALUE_BUILDER(call->arena);
    address end = n.base | (mask_of(n.family, n.family) & ~mask_of(n.bits, n.family)), next = n.base;
    bool full = false;
    for (size_t i = 1; i < call->n; i++) {
        int64_t more = arg_int(call, i);
        if (more < 0 || more > n.family - n.bits)
            return call_fail(
                call, i, "%u bits and %lld more are not within %u", n.bits, (long long)more, n.family);
        struct network subnet = {.bits = n.bits + (unsigned)more, .family = n.family};
        address rest = mask_of(n.family, n.family) & ~mask_of(subnet.bits, n.family);
        subnet.base = (next + rest) & ~rest;
        if (full || subnet.base < next || subnet.base > end || rest > end - subnet.base)
            return call_fail(call, i, "%s has no room left for this", call_quote(call, 0).p);
        value_builder_add(&subnets, network_value(call, subnet));
        next = (subnet.base | rest) + 1;
        full = (subnet.base | rest) == end;
    }
    return value_builder_list(&subnets);
}

const struct value *func_cidrhost(struct call *call)
{
    struct network n;
    int64_t number = arg_int(call, 1);
    if (!arg_network(call, &n))
        return NULL;
    address rest = mask_of(n.family, n.family) & ~mask_of(n.bits, n.family);
    address magnitude = number < 0 ? (address)(0 - (uint64_t)number) - 1 : (address)number;
    if (magnitude > rest)
        return call_fail(call, 1, "%s has no address %lld", call_quote(call, 0).p, (long long)number);
    address host = number < 0 ? rest - magnitude : magnitude;
    return value_string_ref(call->arena, address_text(call->arena, n.base | host, n.family));
}

const struct value *func_cidrnetmask(struct call *call)
{
    struct network n;
    if (!arg_network(call, &n))
        return NULL;
    if (n.family != 32)
        return call_fail(call, 0, "IPv6 has no netmasks");
    return value_string_ref(call->arena, address_text(call->arena, mask_of(n.bits, 32), 32));
}

const struct value *func_cidrcontains(struct call *call)
{
    struct network n, other;
    if (!arg_network(call, &n))
        return NULL;
    if (parse_address(arg_text(call, 1), &other.base, &other.family))
        other.bits = other.family;
    else if (!parse_network(arg_text(call, 1), &other))
        return call_fail(call, 1, "%s is neither an address nor a CIDR block", call_quote(call, 1).p);
    return value_bool(n.family == other.family && n.bits <= other.bits &&
                      (other.base & mask_of(n.bits, n.family)) == n.base);
}
