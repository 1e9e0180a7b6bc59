/* Records and open intents: single changes, and sorted lists. records_lines.c applies the log's lines. */
#include "plan/state/records.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider/names/names.h"
#include "stacks/stack.h"

#include <assert.h>
#include <stdlib.h>

enum { RECENT_MS = 60 * 1000 };

void records_init(struct records *r)
{
    *r = (struct records){.outputs = &value_empty_map};
    r->interner.arena = &r->arena;
    r->recent = time_rfc3339(&r->arena, clock_wall_ms() - RECENT_MS, true);
}

void records_forget_intents(struct records *r)
{
    for (size_t i = 0; i < r->intents.n; i++)
        free(r->intents.items[i].ptr);
    map_release(&r->intents);
    r->open_count = 0;
}

void records_unsort(struct records *r)
{
    free(r->sorted);
    r->sorted = NULL;
}

void records_release(struct records *r)
{
    records_forget_intents(r);
    records_unsort(r);
    map_release(&r->by_address);
    map_release(&r->running);
    interner_release(&r->interner);
    arena_release(&r->arena);
}

void records_restart(struct records *r)
{
    struct records former = *r;
    records_forget_intents(r);
    records_unsort(r);
    map_release(&r->by_address);
    map_release(&r->running);
    *r = (struct records){.arena = former.arena,
        .interner = former.interner,
        .secrets = former.secrets,
        .outputs = &value_empty_map,
        .lineage = former.lineage,
        .recent = former.recent,
        .keep_encrypted = former.keep_encrypted};
    r->interner.arena = &r->arena;
}

/* ---- parts of addresses: without an instance's key, and for replaced resources ---- */

#define DEPOSED "#old" /* names have no #, and keys end with "] */

struct str address_deposed(struct arena *arena, struct str address)
{
    return arena_printf(arena, "%.*s" DEPOSED, STR_ARG(address));
}

struct str address_current(struct str address)
{
    return str_ends(address, STR(DEPOSED)) ? str_slice(address, 0, address.n - strlen(DEPOSED)) : address;
}

struct str address_quoted(struct arena *arena, struct str address)
{
    return str_find_char(address, '[', 0) < 0 ? address : arena_printf(arena, "'%.*s'", STR_ARG(address));
}

struct str address_declared(struct str address)
{
    ptrdiff_t at = address_key_at(address);
    return at < 0 ? address_current(address) : str_slice(address, 0, (size_t)at);
}

/* ---- single changes ---- */

/* Successive records often have equal attribute names and dependencies. */
static const struct value *share_value(struct records *r, const struct value *v, const struct value *last)
{
    if (!v)
        return NULL;
    return last && value_equal(v, last) ? last : intern_value(&r->interner, v);
}

static const struct value *share_list(struct records *r, const struct value *v, const struct value *last)
{
    return share_value(r, v ? v : &value_empty_list, last);
}

/* The values of `record` are in the arena already. */
static void put_kept(struct records *r, struct record *record)
{
    const struct record *before = map_get(&r->by_address, record->subject.address);
    record->before = record->recent_since.n && before ? before->attrs : NULL;
    if (before)
        record->subject.address = before->subject.address;
    else
        record->subject.address = arena_str(&r->arena, record->subject.address);
    map_set(&r->by_address, record->subject.address, record);
    r->count += !before;
    r->last = record;
    records_unsort(r);
}

/* The id mostly equals an attribute and is not copied then. */
static struct str id_attr(const struct records *r, const struct value *attrs, struct str id)
{
    for (uint32_t i = 0; attrs->kind == VALUE_MAP && i < attrs->count; i++) {
        const struct value *v = attrs->entries[i].value;
        if (v->kind == VALUE_STRING && str_eq(v->string, id))
            return v->string;
    }
    return arena_str((struct arena *)(uintptr_t)&r->arena, id);
}

void records_put(struct records *r, const struct record *draft)
{
    struct record *record = ARENA_NEW(&r->arena, struct record);
    *record = *draft;
    record->subject.type = intern_name(&r->interner, draft->subject.type);
    record->subject.provider = intern_name(&r->interner, draft->subject.provider);
    record->attrs = intern_value(&r->interner, draft->attrs ? draft->attrs : &value_empty_map);
    record->set = share_list(r, draft->set, r->last ? r->last->set : NULL);
    record->deps = share_list(r, draft->deps, r->last ? r->last->deps : NULL);
    record->interrupted = share_value(r, draft->interrupted, NULL);
    record->reported = share_value(r, draft->reported, NULL);
    record->configured = share_value(r, draft->configured, r->last ? r->last->configured : NULL);
    record->location = share_value(r, draft->location, r->last ? r->last->location : NULL);
    record->subject.id = id_attr(r, record->attrs, draft->subject.id);
    put_kept(r, record);
}

void records_remove(struct records *r, struct str address)
{
    if (map_get(&r->by_address, address)) {
        map_set(&r->by_address, address, NULL);
        r->count--;
        records_unsort(r);
    }
}

void records_end_intent(struct records *r, struct str address)
{
    if (!map_get(&r->intents, address))
        return;
    free(map_set(&r->intents, address, NULL));
    if (--r->open_count == 0)
        map_release(&r->intents);
}

void records_intent(struct records *r, struct str address, struct str json)
{
    records_end_intent(r, address);
    map_set(&r->intents, arena_str(&r->arena, address), mem_memdup0(json.p, json.n));
    r->open_count++;
}

/* An address, and that of its declaration. */
struct moved_name {
    struct str instance, declared;
};

static const struct value *moved_deps(
    struct records *r, const struct value *deps, const struct moved_name *from, const struct moved_name *to)
{
    const struct value **items = NULL;
    for (uint32_t i = 0; i < deps->count; i++) {
        struct str dep = value_text(deps->items[i], STR_EMPTY), now = dep;
        if (str_eq(dep, from->instance))
            now = to->instance;
        else if (str_eq(dep, from->declared))
            now = to->declared;
        if (str_eq(now, dep))
            continue;
        if (!items) {
            items = mem_realloc_array(NULL, deps->count, sizeof *items);
            memcpy(items, deps->items, deps->count * sizeof *items);
        }
        items[i] = value_string(&r->arena, now);
    }
    if (!items)
        return deps;
    deps = value_list(&r->arena, items, deps->count);
    free(items);
    return deps;
}

void records_move(struct records *r, struct str from, struct str to)
{
    const struct moved_name then = {from, address_declared(from)}, now = {to, address_declared(to)};
    const struct record *before = map_get(&r->by_address, from);
    if (!before)
        return;
    struct record *record = ARENA_NEW(&r->arena, struct record);
    *record = *before;
    record->subject.address = to;
    records_remove(r, from);
    put_kept(r, record);
    for (size_t i = 0; i < r->by_address.n; i++) {
        const struct record *other = r->by_address.items[i].ptr;
        const struct value *deps = other ? moved_deps(r, other->deps, &then, &now) : NULL;
        if (!other || deps == other->deps)
            continue;
        struct record *copy = ARENA_NEW(&r->arena, struct record);
        *copy = *other;
        copy->deps = deps;
        r->by_address.items[i].ptr = copy;
    }
    records_unsort(r);
}

void records_trust(struct records *r, struct str connection, struct str key, struct str of)
{
    const struct value *v = key.n ? value_string(&r->arena, key) : NULL;
    if (v && of.n)
        v = VALUE_MAP(&r->arena, {STR("key"), v}, {STR("of"), value_string(&r->arena, of)});
    r->trusted = value_with(&r->arena, r->trusted, arena_str(&r->arena, connection), v);
}

/* ---- records from lines ---- */

/* "aws" of "aws.s3.bucket": the default provider. */
static struct str default_provider(struct str type)
{
    struct str rest;
    return str_cut(type, '.', &rest);
}

int records_read_value(struct records *r, const struct value *v, const struct value **out, struct err *err)
{
    if (!r->keep_encrypted)
        return decode_value(&r->interner, r->secrets, v, out, err);
    *out = intern_value(&r->interner, v);
    return 0;
}

static struct str keep_type(struct records *r, struct str type)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return intern_name(&r->interner, type_renamed(&scratch, type));
}

int records_put_line(struct records *r, const struct value *line, uint64_t seq, struct err *err)
{
    const struct value *attrs = value_getz(line, "attrs");
    if (!attrs || attrs->kind != VALUE_MAP)
        return err_set(err, ERR_DAMAGED, "it has no attributes");
    struct record *record = ARENA_NEW(&r->arena, struct record);
    struct str type = value_gets(line, "type"), provider = value_gets(line, "provider");
    *record = (struct record){
        .subject.address = value_gets(line, "address"),
        .subject.type = keep_type(r, type),
        .subject.provider = intern_name(&r->interner, provider.n ? provider : default_provider(type)),
        .tainted = value_getb(line, "tainted"),
        .adopted = value_getb(line, "adopted"),
        .prevent_destroy = value_getb(line, "prevent_destroy"),
        .seq = seq,
    };
    struct str at = value_gets(line, "at"); /* such times are ordered as strings, too */
    if (str_cmp(at, r->recent) > 0)
        record->recent_since = arena_str(&r->arena, at); /* the line is freed */
    if (records_read_value(r, attrs, &record->attrs, err))
        return -1;
    record->set = share_list(r, value_getz(line, "set"), r->last ? r->last->set : NULL);
    record->deps = share_list(r, value_getz(line, "deps"), r->last ? r->last->deps : NULL);
    record->interrupted = share_value(r, value_getz(line, "halfway"), NULL);
    record->reported = share_value(r, value_getz(line, "told"), NULL);
    record->configured = share_value(r, value_getz(line, "said"), r->last ? r->last->configured : NULL);
    record->location = share_value(r, value_getz(line, "place"), r->last ? r->last->location : NULL);
    record->subject.id = id_attr(r, record->attrs, value_gets(line, "id"));
    put_kept(r, record);
    return 0;
}

/* ---- lists ---- */

static int record_order(const void *a, const void *b)
{
    return str_cmp((*(const struct record *const *)a)->subject.address,
        (*(const struct record *const *)b)->subject.address);
}

const struct record *const *records_sorted(struct records *r)
{
    if (r->sorted)
        return r->sorted;
    size_t n = 0;
    bool in_order = true;
    r->sorted = mem_realloc_array(NULL, r->count, sizeof *r->sorted);
    for (size_t i = 0; i < r->by_address.n; i++) {
        if (!r->by_address.items[i].ptr)
            continue;
        r->sorted[n] = r->by_address.items[i].ptr;
        in_order =
            in_order && (!n || str_cmp(r->sorted[n - 1]->subject.address, r->sorted[n]->subject.address) < 0);
        n++;
    }
    assert(n == r->count);
    if (!in_order)
        qsort(r->sorted, n, sizeof *r->sorted, record_order);
    return r->sorted;
}

static const struct value *kept_or_null(struct records *r, const struct value *line, const char *name)
{
    const struct value *v = value_getz(line, name), *kept = NULL;
    return v && !decode_value(&r->interner, r->secrets, v, &kept, NULL) ? kept : NULL;
}

const struct value *records_intended(const struct records *r, struct str address, struct arena *arena)
{
    const struct value *line;
    const char *json = map_get(&r->intents, address);
    return json && !log_parse(arena, arena_str(arena, str_z(json)), &line, NULL) ? value_getz(line, "desired")
                                                                                 : NULL;
}

int records_check_intents(const struct records *r, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct interner interner = {.arena = &scratch};
    int status = 0;
    for (size_t i = 0; i < r->intents.n && !status; i++) {
        const struct value *opened, *desired = records_intended(r, r->intents.items[i].key, &scratch);
        status = desired ? decode_value(&interner, r->secrets, desired, &opened, err) : 0;
    }
    interner_release(&interner);
    return status;
}

static struct intent *parse_intent(struct records *r, const char *json)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *line = &value_empty_map;
    struct intent *intent = ARENA_NEW(&r->arena, struct intent);
    int broken = log_parse(&scratch, str_z(json), &line, NULL);
    assert(!broken);
    (void)broken;
    struct str type = value_gets(line, "type"), provider = value_gets(line, "provider");
    int64_t at_ms = 0;
    time_parse_rfc3339(value_gets(line, "at"), &at_ms);
    *intent = (struct intent){
        .subject.address = arena_str(&r->arena, value_gets(line, "address")),
        .subject.type = keep_type(r, type),
        .subject.provider = intern_name(&r->interner, provider.n ? provider : default_provider(type)),
        .action = intern_name(&r->interner, value_gets(line, "action")),
        .token = arena_str(&r->arena, value_gets(line, "token")),
        .subject.id = arena_str(&r->arena, value_gets(line, "id")),
        .desired = kept_or_null(r, line, "desired"),
        .set = kept_or_null(r, line, "set"),
        .deps = kept_or_null(r, line, "deps"),
        .location = kept_or_null(r, line, "place"),
        .seq = value_get_count(line, str_eqz(value_gets(line, "kind"), "kept") ? "from" : "seq"),
        .run = arena_str(&r->arena, value_gets(line, "run")),
        .at_ms = at_ms,
    };
    return intent;
}

static int intent_order(const void *a, const void *b)
{
    const struct intent *x = *(const struct intent *const *)a, *y = *(const struct intent *const *)b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

const struct intent *const *records_open_intents(struct records *r, size_t *n)
{
    const struct intent **list = arena_alloc(&r->arena, r->open_count * sizeof *list);
    *n = 0;
    for (size_t i = 0; i < r->intents.n; i++)
        if (r->intents.items[i].ptr)
            list[(*n)++] = parse_intent(r, r->intents.items[i].ptr);
    qsort(list, *n, sizeof *list, intent_order);
    return list;
}
