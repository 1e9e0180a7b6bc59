/*
 * Configured providers: opened by their provider type, observers of operations, ownership tags.
 */
#include "provider/provider.h"

#include "base/clock.h"
#include "base/mem.h"
#include "provider/kind.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- Looking resources up in the tables of provider kinds ---- */

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

/* ---- Observers: a missing callback is skipped. Results that operations in C share. ---- */

bool op_has_progress(const struct op_ctx *ctx)
{
    return ctx->observer && ctx->observer->progress;
}

bool op_has_printed(const struct op_ctx *ctx)
{
    return ctx->observer && ctx->observer->printed;
}

bool op_wants_ownership_tags(const struct op_ctx *ctx)
{
    return ctx->observer && ctx->observer->ownership_tags;
}

void op_progress(const struct op_ctx *ctx, const char *what)
{
    if (op_has_progress(ctx))
        ctx->observer->progress(ctx->observer->ctx, what);
}

void op_warn(const struct op_ctx *ctx, const char *text)
{
    if (ctx->observer && ctx->observer->warn)
        ctx->observer->warn(ctx->observer->ctx, text);
}

void op_printed(void *op, const char *line)
{
    const struct op_ctx *ctx = op;
    if (op_has_printed(ctx))
        ctx->observer->printed(ctx->observer->ctx, line);
}

void op_ownership_tags(const struct op_ctx *ctx, struct str id, const struct value *owner_tags)
{
    if (op_wants_ownership_tags(ctx))
        ctx->observer->ownership_tags(ctx->observer->ctx, id, owner_tags);
}

void op_response(const struct op_ctx *ctx, const struct value *document, bool made_by_aws)
{
    if (ctx->observer && ctx->observer->response)
        ctx->observer->response(ctx->observer->ctx, document, made_by_aws);
}

bool attempt_claims(const struct attempt *attempt, struct str id)
{
    return !attempt->claim || attempt->claim(attempt->claim_ctx, id);
}

const struct value *op_all_readable(const struct op_ctx *ctx)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++)
        if (!ctx->schema->attrs[i].local && !ctx->schema->attrs[i].write_only)
            value_builder_add(&b, value_string_ref(ctx->arena, ctx->schema->attrs[i].name));
    return value_builder_list(&b);
}

const struct value *op_attr(const struct op_ctx *ctx, const struct value *object, const char *name)
{
    return schema_value(ctx->schema, object, str_z(name));
}

struct str op_text(const struct op_ctx *ctx, const struct value *object, const char *name)
{
    return value_text(op_attr(ctx, object, name), STR_EMPTY);
}

bool op_flag(const struct op_ctx *ctx, const struct value *object, const char *name)
{
    const struct value *v = op_attr(ctx, object, name);
    return v && v->kind == VALUE_BOOL && v->boolean;
}

bool op_as_given(const struct op_ctx *ctx, const struct value *desired, const struct value *live)
{
    for (uint32_t i = 0; i < desired->count; i++) {
        const struct attr *attr = schema_attr(ctx->schema, desired->entries[i].key);
        bool reported = attr && !attr->local && !attr->write_only && (attr->settable || attr->prepared);
        if (reported && !attr_equal(attr, desired->entries[i].value, value_get(live, attr->name)))
            return false;
    }
    return true;
}

void op_keep_found(void *ctx, const struct value *live)
{
    *(const struct value **)ctx = live;
}

const struct value *op_predicted(
    const struct op_ctx *ctx, const struct value *desired, const struct value *prior, const struct value *id)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *before = value_get(prior, attr->name);
        if (attr->computed && !attr->prepared)
            value_builder_set(&b, attr->name, value_is_null(before) ? &value_unknown : before);
    }
    value_builder_set(&b, STR("id"), id);
    return value_merge(ctx->arena, value_builder_map(&b), desired);
}

/* ---- Repeated calls ---- */

static const char *ordinal_end(int n)
{
    static const char *const ends[] = {"th", "st", "nd", "rd"};
    return n % 10 > 3 || n / 10 % 10 == 1 ? ends[0] : ends[n % 10];
}

void repeats_because(struct repeats *repeats, const char *why, int nth)
{
    char what[256];
    repeats->tries = nth;
    snprintf(what, sizeof what, "%.*s: %d%s try, %s", STR_ARG(repeats->what), nth, ordinal_end(nth), why);
    op_progress(repeats->op, what);
}

void repeats_report(void *ctx, const struct err *failure, int nth)
{
    char why[48] = "there was no answer";
    if (failure->class == ERR_THROTTLED)
        snprintf(why, sizeof why, "throttled");
    else if (failure->http_status)
        snprintf(why, sizeof why, "the answer was %d", failure->http_status);
    repeats_because(ctx, why, nth);
}

void repeats_done(const struct repeats *repeats)
{
    char what[256];
    if (!repeats->tries)
        return;
    snprintf(what, sizeof what, "%.*s: done at the %d%s try", STR_ARG(repeats->what), repeats->tries,
        ordinal_end(repeats->tries));
    op_progress(repeats->op, what);
}

const struct teardown_name teardown_names[] = {
    {"force_empty", TEARDOWN_EMPTY},
    {"skip_final_snapshot", TEARDOWN_SNAPSHOT},
    {"force_secrets", TEARDOWN_SECRETS},
    {"delete_protected", TEARDOWN_PROTECTED},
    {NULL, 0},
};

struct provider {
    struct arena arena;
    struct str name;
    const struct provider_kind *kind;
    void *self; /* from the provider type's open(); NULL: nothing was opened */
    const struct value *default_tags, *ignore_tags;
};

struct str provider_kind(struct str name)
{
    struct str rest = name;
    for (ptrdiff_t slash = 0; (slash = str_find_char(rest, '/', 0)) >= 0;) /* module names */
        rest = str_slice(rest, (size_t)slash + 1, rest.n);
    return str_cut(rest, '.', &rest);
}

static int unknown_kind(const struct provider_options *options, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct str *names;
    size_t n = kind_names(options->kinds, &scratch, &names);
    struct str nearest = str_nearest(provider_kind(options->name), names, n);
    err_set(err, ERR_INVALID, "no provider is called \"%.*s\"", STR_ARG(options->name));
    return nearest.n ? err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest)) : -1;
}

static int open_kind(struct provider *provider, const struct provider_options *given, struct err *err)
{
    struct provider_options options = *given;
    options.name = provider->name;
    options.config = value_copy(&provider->arena, given->config);
    options.via = value_gets(options.config, "via");
    provider->default_tags = value_getz(options.config, "default_tags");
    provider->ignore_tags = value_as_list(value_getz(options.config, "ignore_tags"));
    return provider->kind->open ? provider->kind->open(&options, &provider->arena, &provider->self, err) : 0;
}

int provider_new(const struct provider_options *options, struct provider **out, struct err *err)
{
    const struct provider_kind *kind = kind_find(options->kinds, provider_kind(options->name));
    if (!kind)
        return unknown_kind(options, err);
    struct provider *provider = mem_zalloc(sizeof *provider);
    provider->name = arena_str(&provider->arena, options->name);
    provider->kind = kind;
    if (open_kind(provider, options, err)) {
        provider_free(provider);
        return -1;
    }
    *out = provider;
    return 0;
}

void provider_free(struct provider *provider)
{
    if (!provider)
        return;
    if (provider->self && provider->kind->close)
        provider->kind->close(provider->self);
    arena_release(&provider->arena);
    free(provider);
}

void *provider_self(const struct provider *provider)
{
    return provider->self;
}

const struct provider_kind *provider_kind_of(const struct provider *provider)
{
    return provider->kind;
}

struct str provider_name(const struct provider *provider)
{
    return provider->name;
}

const struct value *provider_default_tags(const struct provider *provider)
{
    return provider->default_tags;
}

const struct value *provider_ignored_tags(const struct provider *provider)
{
    return provider->ignore_tags;
}

bool provider_leaves_tag(const struct provider *provider, struct str key)
{
    const struct value *ignored = provider ? provider->ignore_tags : NULL;
    if (str_starts(key, STR("aws:")) || str_starts(key, STR("weir:")))
        return true;
    for (uint32_t i = 0; ignored && i < ignored->count; i++) {
        struct str pattern = ignored->items[i]->string;
        bool prefix = str_ends(pattern, STR("*"));
        if (prefix ? str_starts(key, str_slice(pattern, 0, pattern.n - 1)) : str_eq(key, pattern))
            return true;
    }
    return false;
}

struct aws_client *provider_aws(const struct provider *provider)
{
    return provider->kind->aws ? provider->kind->aws(provider->self) : NULL;
}

int provider_location(struct provider *provider, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **location, struct err *err)
{
    *location = NULL;
    return provider->kind->location
               ? provider->kind->location(provider->self, schema, ask, arena, location, err)
               : 0;
}

const char *provider_location_difference(const struct provider *provider, const struct schema *schema,
    const struct value *then, const struct value *now)
{
    return provider->kind->location_difference ? provider->kind->location_difference(schema, then, now)
                                               : NULL;
}

struct str provider_location_text(
    const struct provider *provider, const struct value *location, struct arena *arena)
{
    return provider->kind->location_text ? provider->kind->location_text(location, arena) : STR_EMPTY;
}

int provider_list_owned(struct provider *provider, struct arena *arena, struct str stack,
    const struct value **list, struct err *err)
{
    *list = &value_empty_list;
    return provider->kind->list_owned ? provider->kind->list_owned(provider->self, arena, stack, list, err)
                                      : 0;
}

bool provider_clock(struct provider *provider, int64_t *ahead_ms)
{
    return provider->kind->clock && provider->kind->clock(provider->self, ahead_ms);
}

bool provider_is_store(struct provider *provider, const struct err *why)
{
    return provider->kind->is_store && provider->kind->is_store(provider->self, why);
}

/* ---- Ownership tags: how an address is written in a tag value, and refusing to change resources of other
 * owners ---- */

enum { SAME_WITHIN_MS = 1000 };

struct str ownership_tag_text(struct arena *arena, struct str s, size_t max)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < s.n && out.n < max; i++) {
        char c = s.p[i];
        if (c == '[')
            buf_add_char(&out, '/');
        else if (c != '"' && c != ']')
            buf_add_char(&out, isalnum((unsigned char)c) || char_is_among(c, " +-=._:/@") ? c : '_');
    }
    return arena_str(arena, buf_str(&out));
}

const struct value *ownership_tags_make(struct arena *arena, const struct owner *owner, struct str address)
{
    AUTO_BUILDER struct value_builder owner_tags = VALUE_BUILDER(arena);
    value_builder_set(&owner_tags, STR("weir:address"), value_string(arena, address));
    value_builder_set(&owner_tags, STR("weir:intent"), value_string(arena, owner->token));
    if (owner->lease.n)
        value_builder_set(&owner_tags, STR("weir:lease"), value_string(arena, owner->lease));
    value_builder_set(&owner_tags, STR("weir:stack"), value_string(arena, owner->stack));
    if (owner->lineage.n)
        value_builder_set(&owner_tags, STR("weir:state"), value_string(arena, owner->lineage));
    return value_builder_map(&owner_tags);
}

const struct value *ownership_tags_among(struct arena *arena, const struct value *tags)
{
    struct str prefix = STR("weir:");
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(arena);
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (str_starts(tags->entries[i].key, prefix))
            value_builder_set(&own, str_slice(tags->entries[i].key, prefix.n, tags->entries[i].key.n),
                tags->entries[i].value);
    return value_builder_map(&own);
}

static struct ownership nobody_knows(void)
{
    return (struct ownership){.kind = OWNERSHIP_UNKNOWN,
        .reason =
            STR("it has no ownership tags, and nothing else shows that it is still what this stack made")};
}

struct ownership ownership_by_tags(
    struct arena *arena, const struct owner *owner, const struct value *owner_tags)
{
    struct str stack = value_gets(owner_tags, "stack"), state = value_gets(owner_tags, "state");
    bool renamed = state.n && str_eq(state, owner->lineage);
    if (str_eq(stack, owner->stack) || renamed || (!stack.n && owner->untagged))
        return (struct ownership){.kind = OWNERSHIP_OURS};
    if (stack.n)
        return (struct ownership){.kind = OWNERSHIP_OTHERS,
            .reason = arena_printf(arena, "it has the ownership tags of the stack \"%.*s\"", STR_ARG(stack))};
    return nobody_knows();
}

/* Compares recorded and live values; services round times in different ways. */
static bool is_same(const struct value *a, const struct value *b)
{
    int64_t a_ms, b_ms;
    if (time_parse_rfc3339(value_text(a, STR_EMPTY), &a_ms) &&
        time_parse_rfc3339(value_text(b, STR_EMPTY), &b_ms))
        return a_ms - b_ms < SAME_WITHIN_MS && b_ms - a_ms < SAME_WITHIN_MS;
    return value_equal(a, b);
}

struct ownership ownership_by_record(struct arena *arena, const struct value *recorded,
    const struct value *live, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct value *was = value_get(recorded, names[i]), *is = value_get(live, names[i]);
        if (value_is_null(was) || value_is_null(is))
            continue;
        if (is_same(was, is))
            return (struct ownership){.kind = OWNERSHIP_OURS};
        return (struct ownership){.kind = OWNERSHIP_OTHERS,
            .reason = arena_printf(arena,
                "it has no ownership tags, and its %.*s is not the recorded one: somebody recreated it",
                STR_ARG(names[i]))};
    }
    return nobody_knows();
}

int ownership_refuse(const struct ownership *ownership, const char *done, struct err *err)
{
    err_set(err, ERR_FAILED, "%.*s, so it is not %s", STR_ARG(ownership->reason), done);
    if (ownership->kind == OWNERSHIP_UNKNOWN)
        return err_hint(err, "--delete-adopted deletes it anyway; `weir state rm` forgets it");
    return err_hint(err,
        "`weir state rm` forgets it as it is; should it be this stack's all the same, import "
        "it after that");
}
