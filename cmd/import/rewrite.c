/* What a template says otherwise than weir does, written out before it is read: see rewrite.h. */
#include "cmd/import/rewrite.h"

#include "cmd/import/nodes.h"

/* ---- a bucket's notifications ---- */

struct channel {
    const char *list, *target; /* as CloudFormation calls them */
    const char *ours, *to;
};

static const struct channel channels[] = {
    {"LambdaConfigurations", "Function", "lambda_functions", "function"},
    {"QueueConfigurations", "Queue", "queues", "queue"}, {"TopicConfigurations", "Topic", "topics", "topic"}};

/* {S3Key: {Rules: [{Name, Value}]}} as [{name, value}]. */
static const struct node *filter_of(struct arena *arena, const struct node *filter)
{
    const struct node *rules = nodes_at(filter, STR("S3Key.Rules"));
    struct node *list = nodes_new(arena, NODE_LIST, filter);
    for (uint32_t i = 0; rules && rules->kind == NODE_LIST && i < rules->count; i++) {
        struct node *one = nodes_new(arena, NODE_MAP, rules);
        const struct node *name = node_get(rules->items[i], "Name"),
                          *value = node_get(rules->items[i], "Value");
        if (!name || !value)
            return NULL;
        nodes_set(arena, one, STR("name"), name);
        nodes_set(arena, one, STR("value"), value);
        nodes_add(arena, list, one);
    }
    return list->count ? list : NULL;
}

static const struct node *notice_of(
    struct arena *arena, const struct channel *channel, const struct node *one)
{
    const struct node *target = one->kind == NODE_MAP ? node_get(one, channel->target) : NULL,
                      *event = one->kind == NODE_MAP ? node_get(one, "Event") : NULL,
                      *filter = one->kind == NODE_MAP ? node_get(one, "Filter") : NULL;
    const struct node *rules = filter ? filter_of(arena, filter) : NULL;
    if (!target || !event || (filter && !rules))
        return NULL;
    struct node *made = nodes_new(arena, NODE_MAP, one), *events = nodes_new(arena, NODE_LIST, one);
    nodes_add(arena, events, event);
    nodes_set(arena, made, str_z(channel->to), target);
    nodes_set(arena, made, STR("events"), events);
    if (rules)
        nodes_set(arena, made, STR("filter"), rules);
    return made;
}

static const struct channel *channel_of(struct str key)
{
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (str_eqz(key, channels[i].list))
            return &channels[i];
    return NULL;
}

/* NULL: there is something among them that cannot be said so. */
static const struct node *notices_of(struct arena *arena, struct str bucket, const struct node *all)
{
    struct node *made = nodes_new(arena, NODE_MAP, all);
    nodes_set(arena, made, STR("bucket"), nodes_call(arena, "Ref", bucket, all));
    for (uint32_t i = 0; all->kind == NODE_MAP && i < all->count; i++) {
        const struct channel *channel = channel_of(all->entries[i].key);
        const struct node *list = all->entries[i].value;
        if (!channel || list->kind != NODE_LIST)
            return NULL;
        struct node *notices = nodes_new(arena, NODE_LIST, list);
        for (uint32_t k = 0; k < list->count; k++) {
            const struct node *notice = notice_of(arena, channel, list->items[k]);
            if (!notice)
                return NULL;
            nodes_add(arena, notices, notice);
        }
        nodes_set(arena, made, str_z(channel->ours), notices);
    }
    return made->count > 1 ? made : NULL;
}

static struct node *without_key(struct arena *arena, const struct node *map, const char *key)
{
    struct node *rest = nodes_new(arena, NODE_MAP, map);
    for (uint32_t i = 0; i < map->count; i++)
        if (!str_eqz(map->entries[i].key, key))
            nodes_set_entry(arena, rest, &map->entries[i]);
    return rest;
}

/* The bucket alone, and what it tells whom after it. False: it stays as it is. */
static bool split_bucket(struct arena *arena, const struct node_entry *entry, struct node *resources)
{
    const struct node *properties = node_get(entry->value, "Properties");
    const struct node *all = properties ? node_get(properties, "NotificationConfiguration") : NULL;
    const struct node *notices = all ? notices_of(arena, entry->key, all) : NULL;
    static const char *const kept[] = {"Condition", "DependsOn"};
    if (!notices || str_find(entry->key, STR("${"), 0) >= 0)
        return false;
    /* What the bucket had to wait for may call what it tells. */
    struct node_entry bucket = *entry;
    bucket.value = without_key(arena, entry->value, "DependsOn");
    nodes_set(
        arena, bucket.value, STR("Properties"), without_key(arena, properties, "NotificationConfiguration"));
    struct node *made = nodes_new(arena, NODE_MAP, all);
    nodes_set(arena, made, STR("Type"), nodes_text(arena, STR("aws.s3.bucket_notification"), all));
    for (size_t i = 0; i < 2; i++)
        if (node_find(entry->value, str_z(kept[i])))
            nodes_set_entry(arena, made, node_find(entry->value, str_z(kept[i])));
    nodes_set(arena, made, STR("Properties"), notices);
    nodes_set_entry(arena, resources, &bucket);
    nodes_set(arena, resources, arena_printf(arena, "%.*sNotifications", STR_ARG(entry->key)), made);
    return true;
}

/* ---- a state machine's substitutions ---- */

/* "arn:${Name}" as text and values joined; what is not among them stays. */
static const struct node *substituted_text(
    struct arena *arena, const struct node *node, const struct node *values)
{
    struct node *parts = nodes_new(arena, NODE_LIST, node), *both = nodes_new(arena, NODE_LIST, node),
                *call = nodes_new(arena, NODE_MAP, node);
    struct str text = node->string;
    size_t from = 0;
    for (size_t i = 0; i + 1 < text.n; i++) {
        ptrdiff_t close = text.p[i] == '$' && text.p[i + 1] == '{' ? str_find_char(text, '}', i) : -1;
        const struct node_entry *value =
            close < 0 ? NULL : node_find(values, str_slice(text, i + 2, (size_t)close));
        if (!value)
            continue;
        if (i > from)
            nodes_add(arena, parts, nodes_text(arena, str_slice(text, from, i), node));
        nodes_add(arena, parts, value->value);
        from = (size_t)close + 1;
        i = (size_t)close;
    }
    if (!parts->count)
        return node;
    if (from < text.n)
        nodes_add(arena, parts, nodes_text(arena, str_slice(text, from, text.n), node));
    if (parts->count == 1)
        return parts->items[0];
    nodes_add(arena, both, nodes_text(arena, STR_EMPTY, node));
    nodes_add(arena, both, parts);
    nodes_set(arena, call, STR("Fn::Join"), both);
    return call;
}

static const struct node *substituted_node(
    struct arena *arena, const struct node *node, const struct node *values)
{
    if (node->kind == NODE_STRING)
        return substituted_text(arena, node, values);
    if (node->kind != NODE_MAP && node->kind != NODE_LIST)
        return node;
    struct node *made = nodes_copy(arena, node);
    for (uint32_t i = 0; i < made->count; i++)
        if (node->kind == NODE_MAP)
            made->entries[i].value = (struct node *)substituted_node(arena, made->entries[i].value, values);
        else
            made->items[i] = (struct node *)substituted_node(arena, made->items[i], values);
    return made;
}

/* The definition as a tree; NULL: it is no text that is known here. */
static const struct node *definition_of(struct template *t, const struct node *properties)
{
    const struct node *tree = node_get(properties, "Definition"),
                      *text = node_get(properties, "DefinitionString");
    struct str literal = nodes_joined(t->arena, text);
    if (tree && !nodes_is_function(tree))
        return tree;
    if (!literal.p)
        return NULL;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(t->arena, struct source);
    *source = (struct source){.path = text->source->path, .text = literal};
    const struct node *parsed = yaml_parse(t->arena, source, &diags);
    return parsed && parsed->kind == NODE_MAP ? parsed : NULL;
}

/* False: there is nothing to substitute, or it cannot be done here. */
static bool write_out_definition(struct template *t, const struct node_entry *entry, struct node *resources)
{
    const struct node *properties = node_get(entry->value, "Properties");
    const struct node *values = properties ? node_get(properties, "DefinitionSubstitutions") : NULL;
    const struct node *definition = values && values->kind == NODE_MAP ? definition_of(t, properties) : NULL;
    if (!definition)
        return false;
    struct node *rest = without_key(t->arena, properties, "DefinitionSubstitutions");
    rest = without_key(t->arena, rest, "DefinitionString");
    nodes_set(t->arena, rest, STR("Definition"), substituted_node(t->arena, definition, values));
    struct node_entry changed = *entry;
    changed.value = nodes_copy(t->arena, entry->value);
    nodes_set(t->arena, changed.value, STR("Properties"), rest);
    nodes_set_entry(t->arena, resources, &changed);
    return true;
}

/* ---- the whole ---- */

static bool is_of(const struct node *resource, const char *type)
{
    return resource->kind == NODE_MAP && str_eqz(nodes_literal(node_get(resource, "Type")), type);
}

const struct node *template_rewrite(struct template *t, const struct node *root)
{
    if (serverless_is(root))
        root = serverless_expand(t, root);
    const struct node *given = node_get(root, "Resources");
    struct node *resources = nodes_new(t->arena, NODE_MAP, given), *whole = nodes_copy(t->arena, root);
    for (uint32_t i = 0; i < given->count; i++) {
        const struct node_entry *entry = &given->entries[i];
        if (is_of(entry->value, "AWS::S3::Bucket") && split_bucket(t->arena, entry, resources))
            continue;
        if (is_of(entry->value, "AWS::StepFunctions::StateMachine") &&
            write_out_definition(t, entry, resources))
            continue;
        nodes_set_entry(t->arena, resources, entry);
    }
    nodes_set(t->arena, whole, STR("Resources"), resources);
    return whole;
}
