/*
 * Configurations of the AWS provider: the one of most resources, and others by their alias or by the region
 * of a resource. Known settings are converted; if the region is not configured, ARNs tell it.
 */
#include "cmd/import/terraform.h"

/* ---- the configuration ---- */

static const struct value *config_of(const struct terraform *t, struct str key)
{
    return value_getz(value_get(value_getz(t->configuration, "provider_config"), key), "expressions");
}

/* Returns the value of an expression if the plan has it: a constant, or a variable of the root; otherwise
 * NULL. */
static const struct value *text_given(const struct terraform *t, const struct value *expression)
{
    const struct value *references = value_getz(expression, "references"),
                       *v = value_getz(expression, "constant_value");
    struct str name, first = STR_EMPTY;
    if (references && references->kind == VALUE_LIST && references->count == 1)
        first = str_cut(value_text(references->items[0], STR_EMPTY), '.', &name);
    if (value_is_null(v) && str_eqz(first, "var"))
        v = value_getz(value_get(t->variables, name), "value");
    return value_is_null(v) || v->kind != VALUE_STRING ? NULL : v;
}

static const struct value *block_of(const struct value *expressions, const char *name)
{
    const struct value *block = value_getz(expressions, name);
    return block && block->kind == VALUE_LIST && block->count ? block->items[0] : block;
}

static void add_setting(
    struct terraform *t, struct tree *to, const char *name, const struct value *expression)
{
    const struct value *v = expression ? text_given(t, expression) : NULL;
    if (v)
        tree_set(t->arena, to, str_z(name), terraform_related(t, v, expression));
}

/* ---- the configuration of each resource ---- */

static bool is_of_aws(const struct group *group)
{
    return group->schema && group->n &&
           (str_starts(group->schema->name, STR("aws.")) || str_starts(group->schema->name, STR("AWS::")));
}

/* Returns the region from the state, or from the ARN; "" for global resources such as a role, and for data
 * sources. */
static struct str region_of(const struct tf_instance *one)
{
    if (!is_of_aws(one->group))
        return STR_EMPTY;
    struct str region = value_gets(one->values, "region");
    return region.n ? region : str_part(value_gets(one->values, "arn"), ':', 3);
}

static struct str account_of(const struct tf_instance *one)
{
    return str_part(value_gets(one->values, "arn"), ':', 4);
}

/* Returns the most frequent value of the resources' first instances; "": none. */
static struct str usual(const struct terraform *t, struct str (*of)(const struct tf_instance *one))
{
    struct map seen = {0};
    struct str most = STR_EMPTY;
    size_t *count, best = 0;
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        struct str text = group->n ? of(group->instances[0]) : STR_EMPTY;
        if (!text.n)
            continue;
        if (!(count = map_get(&seen, text)))
            map_set(&seen, text, count = ARENA_NEW(t->arena, size_t));
        if (++*count > best) {
            best = *count;
            most = text;
        }
    }
    map_release(&seen);
    return most;
}

/* Returns aws.backup of "module.west:aws.backup". */
static struct str alias_of(const struct group *group)
{
    struct str key = value_gets(group->config, "provider_config_key");
    ptrdiff_t colon = str_find_char(key, ':', 0);
    key = colon < 0 ? key : str_slice(key, (size_t)colon + 1, key.n);
    return str_starts(key, STR("aws.")) ? key : STR_EMPTY;
}

static struct str name_of(struct arena *arena, struct str key)
{
    struct str name = str_starts(key, STR("aws.")) ? str_slice(key, strlen("aws."), key.n) : key;
    return arena_printf(arena, "aws.%.*s", STR_ARG(draft_snake(arena, name)));
}

/* ---- default tags ---- */

/* Returns the resource's tags that are not in its own block. */
static const struct value *tags_besides(struct arena *arena, const struct tf_instance *one)
{
    const struct value *all = value_getz(one->values, "tags_all"), *own = value_getz(one->values, "tags"),
                       *rest = &value_empty_map;
    for (uint32_t i = 0; all && all->kind == VALUE_MAP && i < all->count; i++)
        if (!value_get(own, all->entries[i].key))
            rest = value_with(arena, rest, all->entries[i].key, all->entries[i].value);
    return rest;
}

/* `provider` "": the default configuration. */
static bool is_under(const struct group *group, struct str provider)
{
    return !group->data && str_eq(group->provider, provider);
}

/* Returns whether all resources with tags have this tag, or one with another value. */
static bool is_everywhere(const struct terraform *t, struct str provider, const struct value_entry *tag)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; is_under(group, provider) && k < group->n; k++) {
            const struct value *all = value_getz(group->instances[k]->values, "tags_all");
            if (all && all->kind == VALUE_MAP && !value_get(all, tag->key))
                return false;
        }
    }
    return true;
}

/* Returns the tags that all resources have, since the plan does not contain the expressions of
 * default_tags. */
static struct tree *shared_tags(struct terraform *t, struct str provider, const struct value *given)
{
    const struct value *tags = &value_empty_map;
    for (size_t i = 0; given && i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; is_under(group, provider) && k < group->n; k++)
            tags = value_merge(t->arena, tags, tags_besides(t->arena, group->instances[k]));
    }
    struct tree *shared = tree_new(t->arena, TREE_MAP, NULL);
    for (uint32_t i = 0; i < tags->count; i++)
        if (is_everywhere(t, provider, &tags->entries[i]))
            tree_set(
                t->arena, shared, tags->entries[i].key, terraform_related(t, tags->entries[i].value, given));
    return shared;
}

/* ---- all configurations ---- */

/* Adds the configured region, or else the region of the resources; "": unknown. */
static void add_region(struct terraform *t, struct tree *provider, const struct value *configured,
    struct str key, struct str there)
{
    if (configured)
        add_setting(t, provider, "region", configured);
    if (tree_get(provider, "region"))
        return;
    if (there.n)
        tree_set(t->arena, provider, STR("region"), tree_string(t->arena, there, NULL));
    else
        diag_warning(t->draft->diags, (struct span){0},
            "provider %.*s: its `region` depends on values that the plan does not show: add it under "
            "`providers:`",
            STR_ARG(key));
}

static void add_role(struct terraform *t, struct tree *provider, const struct value *role, struct str key)
{
    struct tree *taken = tree_new(t->arena, TREE_MAP, NULL);
    if (!role)
        return;
    add_setting(t, taken, "role", value_getz(role, "role_arn"));
    add_setting(t, taken, "session_name", value_getz(role, "session_name"));
    if (tree_get(taken, "role"))
        tree_set(t->arena, provider, STR("assume_role"), taken);
    else
        diag_warning(t->draft->diags, (struct span){0},
            "provider %.*s: the role of its `assume_role` depends on values that the plan does not show: add "
            "it under `providers:`",
            STR_ARG(key));
}

/* Adds ignored tags: keys and key prefixes. */
static void add_ignored_tags(struct terraform *t, struct tree *provider, const struct value *block)
{
    static const char *const members[] = {"keys", "key_prefixes"};
    struct tree *ignored = tree_new(t->arena, TREE_LIST, NULL);
    for (size_t i = 0; block && i < sizeof members / sizeof *members; i++) {
        const struct value *list = value_as_list(value_getz(value_getz(block, members[i]), "constant_value"));
        for (uint32_t k = 0; list && k < list->count; k++)
            tree_add(t->arena, ignored,
                tree_string(t->arena,
                    arena_printf(t->arena, "%.*s%s", STR_ARG(list->items[k]->string), i ? "*" : ""), NULL));
    }
    if (ignored->n)
        tree_set(t->arena, provider, STR("ignore_tags"), ignored);
}

/* `key`: its configuration in the plan; `there`: the region of its resources, "": unknown. */
static void write_provider(struct terraform *t, struct str name, struct str key, struct str there)
{
    const struct value *config = config_of(t, key), *region = value_getz(config, "region");
    struct tree *provider = tree_new(t->arena, TREE_MAP, NULL);
    bool main = str_eqz(name, "aws"), as_configured = main || !str_eqz(key, "aws");
    if (region || !main)
        add_region(t, provider, as_configured ? region : NULL, key, there);
    add_setting(t, provider, "profile", value_getz(config, "profile"));
    add_role(t, provider, block_of(config, "assume_role"), key);
    struct tree *tags = shared_tags(t, main ? STR_EMPTY : name, value_getz(config, "default_tags"));
    if (tags->n)
        tree_set(t->arena, provider, STR("default_tags"), tags);
    add_ignored_tags(t, provider, block_of(config, "ignore_tags"));
    if (provider->n)
        tree_set(t->arena, t->draft->providers, name, provider);
}

struct str terraform_region(const struct terraform *t)
{
    const struct value *configured = value_getz(config_of(t, STR("aws")), "region"),
                       *v = configured ? text_given(t, configured) : NULL;
    return v ? v->string : usual(t, region_of);
}

struct str terraform_account(const struct terraform *t)
{
    return usual(t, account_of);
}

static struct str key_of(const struct group *group, struct str usual)
{
    struct str alias = alias_of(group), region = region_of(group->instances[0]);
    return alias.n ? alias : str_eq(region, usual) ? STR_EMPTY : region;
}

void terraform_providers(struct terraform *t)
{
    struct str usual = terraform_region(t);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        struct str key = is_of_aws(group) ? key_of(group, usual) : STR_EMPTY;
        if (key.n)
            group->provider = name_of(t->arena, key);
    }
    write_provider(t, STR("aws"), STR("aws"), usual);
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        struct str alias = alias_of(group);
        if (group->provider.n && !tree_get(t->draft->providers, group->provider.p))
            write_provider(t, group->provider, alias.n ? alias : STR("aws"), region_of(group->instances[0]));
    }
}
