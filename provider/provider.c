/* Configured providers: opened by their kind, asked for what every kind may have. */
#include "provider/provider.h"

#include "base/mem.h"
#include "provider/kind.h"

#include <stdlib.h>

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
    void *self; /* the kind's; NULL: nothing was opened */
    const struct value *default_tags;
};

struct str provider_kind(struct str name)
{
    struct str rest = name;
    for (ptrdiff_t slash = 0; (slash = str_find_char(rest, '/', 0)) >= 0;) /* a module's path */
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

struct aws_client *provider_aws(const struct provider *provider)
{
    return provider->kind->aws ? provider->kind->aws(provider->self) : NULL;
}

int provider_place(struct provider *provider, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **place, struct err *err)
{
    *place = NULL;
    return provider->kind->place ? provider->kind->place(provider->self, schema, ask, arena, place, err) : 0;
}

const char *provider_place_difference(const struct provider *provider, const struct schema *schema,
    const struct value *then, const struct value *now)
{
    return provider->kind->place_difference ? provider->kind->place_difference(schema, then, now) : NULL;
}

struct str provider_place_text(
    const struct provider *provider, const struct value *place, struct arena *arena)
{
    return provider->kind->place_text ? provider->kind->place_text(place, arena) : STR_EMPTY;
}

int provider_marked(struct provider *provider, struct arena *arena, struct str stack,
    const struct value **list, struct err *err)
{
    *list = &value_empty_list;
    return provider->kind->marked ? provider->kind->marked(provider->self, arena, stack, list, err) : 0;
}

bool provider_clock(struct provider *provider, int64_t *ahead_ms)
{
    return provider->kind->clock && provider->kind->clock(provider->self, ahead_ms);
}

bool provider_is_store(struct provider *provider, const struct err *why)
{
    return provider->kind->is_store && provider->kind->is_store(provider->self, why);
}
