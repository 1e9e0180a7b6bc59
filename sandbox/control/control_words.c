/*
 * An index of resources by the strings in their attributes, so that lookups do not depend on the number of
 * resources; and values in a service's format.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/control/control_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- values as services store them: `normalise: {attribute: lower | cidr | protocol | base | key}`. A
 * client that compares strings sees a difference otherwise; see docs/pitfalls.md ---- */

static const struct value *normalise_lowered(const struct call *call, const struct value *v)
{
    return value_string(call->arena, arena_lower(call->arena, v->string));
}

static const struct value *without_host(const struct call *call, const struct value *v)
{
    struct str text;
    return schema_canonical_cidr(call->arena, v->string, &text) ? value_string(call->arena, text) : v;
}

/* EC2 has names for four protocols. */
static const struct value *named_protocol(const struct call *call, const struct value *v)
{
    return normalise_lowered(call, value_string(call->arena, schema_canonical_protocol(v->string)));
}

/* Returns the last part of a path: arn:…:key/1234 becomes 1234. */
static const struct value *without_path(const struct call *call, const struct value *v)
{
    struct str text = v->string;
    for (ptrdiff_t at; (at = str_find_char(text, '/', 0)) >= 0;)
        text = str_slice(text, (size_t)at + 1, text.n);
    return value_string(call->arena, text);
}

/* Converts a key id, an alias or an alias's ARN to the key's ARN. */
static const struct value *arn_of_key(const struct call *call, const struct value *v)
{
    struct str name = v->string;
    ptrdiff_t at = str_find(name, STR(":alias/"), 0);
    if (at >= 0)
        name = str_slice(name, (size_t)at + 1, name.n);
    const struct resource *alias =
        str_starts(name, STR("alias/"))
            ? record_resource(call->control, STR("aws.kms.alias"), call->region, name)
            : NULL;
    if (alias)
        name = value_gets(alias->attrs, "key");
    const struct resource *key = record_resource(call->control, STR("aws.kms.key"), call->region, name);
    return key ? value_string(call->arena, value_gets(key->attrs, "arn")) : v;
}

const struct value *normalise_attribute(
    const struct call *call, const struct spec_type *type, struct str name, const struct value *v)
{
    static const struct {
        const char *name;
        const struct value *(*normalise)(const struct call *call, const struct value *v);
    } ways[] = {{"lower", normalise_lowered}, {"cidr", without_host}, {"protocol", named_protocol},
        {"base", without_path}, {"key", arn_of_key}};
    struct str way = value_text(value_get(value_getz(type->sandbox, "normalise"), name), STR_EMPTY);
    for (size_t i = 0; way.n && v->kind == VALUE_STRING && i < sizeof ways / sizeof *ways; i++)
        if (str_eqz(way, ways[i].name))
            return ways[i].normalise(call, v);
    return v;
}

/* ---- numbers of versions with one name: layers, job definitions. The highest numbers are stored in a file,
 * since the versions may be deleted ---- */

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

/* ---- addresses: ${subnet_cidr|host} is a free address ---- */

enum { RESERVED = 4, ATTEMPTS = 4096 }; /* AWS reserves the first four addresses of a subnet, and the last */

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

enum { LONGEST = 2048, FIRST_SLOTS = 256 }; /* bytes: longer than any ARN */

struct word {
    struct word *next, **link; /* `link`: the pointer to this word */
    struct resource *resource;
    uint64_t hash;
};

static bool is_word(struct str text)
{
    return text.n && text.n <= LONGEST;
}

/* Hashes a string, ignoring case. */
static uint64_t hash_of(struct str text)
{
    char folded[LONGEST];
    for (size_t i = 0; i < text.n; i++)
        folded[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + ('a' - 'A') : text.p[i]);
    return str_hash(str_n(folded, text.n));
}

static struct word **slot_of(const struct words *words, uint64_t hash)
{
    return &words->slots[hash & (words->slot_count - 1)];
}

static void insert_word(struct words *words, struct word *word)
{
    word->link = slot_of(words, word->hash);
    word->next = *word->link;
    if (word->next)
        word->next->link = &word->next;
    *word->link = word;
}

static void make_room(struct words *words, size_t count)
{
    struct words wider = *words;
    while (wider.slot_count < count)
        wider.slot_count = wider.slot_count ? wider.slot_count * 2 : FIRST_SLOTS;
    if (wider.slot_count == words->slot_count)
        return;
    wider.slots = mem_zalloc(wider.slot_count * sizeof(struct word *));
    for (size_t i = 0; i < words->slot_count; i++)
        for (struct word *word = words->slots[i], *next; word; word = next) {
            next = word->next;
            insert_word(&wider, word);
        }
    free(words->slots);
    *words = wider;
}

static size_t texts_in(const struct value *v)
{
    size_t n = v->kind == VALUE_STRING && is_word(v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        n += texts_in(v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        n += texts_in(v->entries[i].value);
    return n;
}

static struct word *add_texts(
    struct words *words, struct resource *resource, const struct value *v, struct word *at)
{
    if (v->kind == VALUE_STRING && is_word(v->string)) {
        *at = (struct word){.resource = resource, .hash = hash_of(v->string)};
        insert_word(words, at++);
    }
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        at = add_texts(words, resource, v->items[i], at);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        at = add_texts(words, resource, v->entries[i].value, at);
    return at;
}

void words_take(struct words *words, struct resource *resource)
{
    resource->word_count = texts_in(resource->attrs);
    resource->words = ARENA_ARRAY(&resource->arena, struct word, resource->word_count + 1);
    words->n += resource->word_count;
    make_room(words, words->n);
    add_texts(words, resource, resource->attrs, resource->words);
}

void words_drop(struct words *words, struct resource *resource)
{
    for (size_t i = 0; i < resource->word_count; i++) {
        struct word *word = &resource->words[i];
        *word->link = word->next;
        if (word->next)
            word->next->link = word->link;
    }
    words->n -= resource->word_count;
    resource->word_count = 0;
}

/* ---- lookups ---- */

static struct word *first_of(const struct words *words, uint64_t hash)
{
    return words->slot_count ? *slot_of(words, hash) : NULL;
}

/* Sorts by creation and removes duplicates. */
static void put_in_order(struct resources *found)
{
    size_t n = 0;
    if (found->n > 1)
        qsort(found->items, found->n, sizeof(struct resource *), resource_order);
    for (size_t i = 0; i < found->n; i++)
        if (!n || found->items[n - 1] != found->items[i])
            found->items[n++] = found->items[i];
    found->n = n;
}

struct resources words_all(const struct control *control)
{
    return (struct resources){control->resources, control->resource_count};
}

struct resources words_find(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count)
{
    struct resources found = {0};
    size_t cap = 0;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].n > LONGEST)
            return words_all(control);
        uint64_t hash = hash_of(texts[i]);
        for (const struct word *word = first_of(&control->words, hash); word; word = word->next)
            if (word->hash == hash) {
                ARENA_GROW(arena, found.items, found.n, cap);
                found.items[found.n++] = word->resource;
            }
    }
    put_in_order(&found);
    return found;
}

/* Counts the resources with a string, up to `most`. */
static size_t count_of(const struct words *words, struct str text, size_t most)
{
    size_t n = 0;
    uint64_t hash = hash_of(text);
    for (const struct word *word = first_of(words, hash); word && n < most; word = word->next)
        n += word->hash == hash;
    return n;
}

/* Counts incrementally, since all resources may have one of the strings, such as a VPC's id. */
const struct str *words_rarest(const struct words *words, const struct str *texts, size_t count)
{
    const struct str *rarest = NULL;
    size_t usable = 0;
    for (size_t i = 0; i < count; i++)
        usable += is_word(texts[i]);
    for (size_t most = 4; usable && !rarest; most *= 4)
        for (size_t i = 0; i < count && !rarest; i++)
            if (is_word(texts[i]) && count_of(words, texts[i], most) < most)
                rarest = &texts[i];
    return rarest;
}

struct resources words_find_rarest(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count)
{
    const struct str *rarest = words_rarest(&control->words, texts, count);
    return rarest ? words_find(control, arena, rarest, 1) : words_all(control);
}

struct resources words_naming(
    const struct control *control, struct arena *arena, const struct resource *resource)
{
    const struct str texts[] = {resource->id,
        value_text(value_get(resource->attrs, resource->type->schema.id), STR_EMPTY),
        value_gets(resource->attrs, "arn")};
    return words_find(control, arena, texts, sizeof texts / sizeof *texts);
}
