/* Numbers of what has many versions of one name: layers, job definitions. The highest ones are kept in a file
 * of their own, since what had them may be deleted. */
#include "sandbox/control/control_internal.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <stdint.h>

enum { MAX_NUMBERS = 16 * 1024 * 1024 };

static struct str number_attribute(const struct spec_type *type)
{
    return value_gets(type->sandbox, "numbered");
}

static struct str name_of(
    struct arena *arena, const struct spec_type *type, struct str region, const struct value *attrs)
{
    struct str name = value_gets(attrs, "name");
    return arena_printf(arena, "%.*s/%.*s/%.*s", STR_ARG(type->schema.name), STR_ARG(region), STR_ARG(name));
}

int64_t number_of(const struct resource *resource)
{
    const struct value *number = value_get(resource->attrs, number_attribute(resource->type));
    return number && number->kind == VALUE_INT ? number->integer : 0;
}

int64_t number_next(
    const struct control *control, const struct spec_type *type, struct str region, const struct value *attrs)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t highest = (intptr_t)map_get(&control->numbers, name_of(&scratch, type, region, attrs));
    struct str name = value_gets(attrs, "name");
    const struct resources namesakes = words_find_rarest(control, &scratch, &name, 1);
    for (size_t i = 0; i < namesakes.n; i++) {
        const struct resource *resource = namesakes.items[i];
        if (resource->type == type && str_eq(resource->region, region) && number_of(resource) > highest &&
            value_equal(value_getz(resource->attrs, "name"), value_getz(attrs, "name")))
            highest = number_of(resource);
    }
    return highest + 1;
}

static const char *file_of(const struct control *control, struct arena *arena)
{
    return path_join(arena, str_z(control->options.dir), STR("numbers")).p;
}

int number_given(struct control *control, const struct resource *resource, struct err *err)
{
    const struct value *number = value_get(resource->attrs, number_attribute(resource->type));
    if (!number || number->kind != VALUE_INT)
        return 0;
    map_set(&control->numbers, name_of(&control->arena, resource->type, resource->region, resource->attrs),
        (void *)(intptr_t)number->integer);
    if (!control->options.dir)
        return 0;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(&arena);
    for (size_t i = 0; i < control->numbers.n; i++)
        value_builder_set(
            &all, control->numbers.items[i].key, value_int(&arena, (intptr_t)control->numbers.items[i].ptr));
    json_write(&text, value_builder_map(&all), JSON_PLAIN);
    return file_write_atomic(file_of(control, &arena), buf_str(&text), 0600, err);
}

int number_load(struct control *control, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = file_of(control, &arena);
    const struct value *all;
    struct str text;
    if (!path_exists(path))
        return 0;
    if (file_read(&arena, path, MAX_NUMBERS, &text, err) || json_parse(&arena, text, &all, err))
        return err_context(err, "%s", path);
    for (uint32_t i = 0; all->kind == VALUE_MAP && i < all->count; i++)
        if (all->entries[i].value->kind == VALUE_INT)
            map_set(&control->numbers, arena_str(&control->arena, all->entries[i].key),
                (void *)(intptr_t)all->entries[i].value->integer);
    return 0;
}

/* ---- addresses: ${subnet_cidr|host} is one that no other resource has ---- */

enum { RESERVED = 4, ATTEMPTS = 4096 }; /* the first four of a network, and its last, are the service's own */

static bool is_taken(const struct call *call, struct str address)
{
    const struct resources known = words_find(call->control, call->arena, &address, 1);
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
