#include "provider/provider.h"

#include "base/mem.h"
#include "provider/aws/client.h"
#include "provider/aws/place.h"

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
    struct str name, stack;
    struct aws_client *aws; /* NULL: the provider `weir`, which has nobody to speak to */
    const struct value *default_tags;
};

struct str provider_kind(struct str name)
{
    struct str rest = name;
    for (ptrdiff_t slash = 0; (slash = str_find_char(rest, '/', 0)) >= 0;) /* a module's path */
        rest = str_slice(rest, (size_t)slash + 1, rest.n);
    return str_cut(rest, '.', &rest);
}

static int open_aws(struct provider *provider, const struct provider_options *options, struct err *err)
{
    provider->default_tags = value_copy(&provider->arena, value_getz(options->config, "default_tags"));
    struct aws_options aws = {.name = provider->name,
        .config = value_copy(&provider->arena, options->config),
        .http = options->http};
    return aws_client_new(&aws, &provider->aws, err);
}

int provider_new(const struct provider_options *options, struct provider **out, struct err *err)
{
    struct str kind = provider_kind(options->name);
    struct provider *provider = mem_zalloc(sizeof *provider);
    provider->name = arena_str(&provider->arena, options->name);
    provider->stack = arena_str(&provider->arena, options->stack);
    int failed = 0;
    if (str_eqz(kind, "aws"))
        failed = open_aws(provider, options, err);
    else if (!str_eqz(kind, "weir"))
        failed = err_set(err, ERR_INVALID, "no provider is called \"%.*s\"", STR_ARG(options->name));
    if (failed) {
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
    if (provider->aws)
        aws_client_free(provider->aws);
    arena_release(&provider->arena);
    free(provider);
}

const struct value *provider_default_tags(const struct provider *provider)
{
    return provider->default_tags;
}

struct aws_client *provider_aws(const struct provider *provider)
{
    return provider->aws;
}

int provider_place(struct provider *provider, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **place, struct err *err)
{
    *place = NULL;
    return provider->aws && schema->service
               ? aws_place(provider->aws, schema->service, ask, arena, place, err)
               : 0;
}

const char *provider_place_difference(
    const struct schema *schema, const struct value *then, const struct value *now)
{
    return schema->service ? aws_place_difference(schema->service, then, now) : NULL;
}
