/*
 * Reads a CloudFormation template; features that weir has in another form are rewritten first.
 */
#include "cmd/import/template.h"

/* ---- rewriting of features that weir has in another form ---- */

/* ---- a bucket's notifications ---- */

struct channel {
    const char *list, *target;         /* CloudFormation's names */
    const char *api_list, *api_target; /* S3's names, which the CDK uses */
    const char *ours, *to;
};

static const struct channel channels[] = {{"LambdaConfigurations", "Function", "LambdaFunctionConfigurations",
                                              "LambdaFunctionArn", "lambda_functions", "function"},
    {"QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn", "queues", "queue"},
    {"TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn", "topics", "topic"}};

/* Converts {S3Key: {Rules: [{Name, Value}]}}, or S3's form, to [{name, value}]. */
static const struct node *filter_of(struct arena *arena, const struct node *filter)
{
    const struct node *rules = nodes_at(filter, STR("S3Key.Rules"));
    rules = rules ? rules : nodes_at(filter, STR("Key.FilterRules"));
    struct node *list = nodes_new(arena, NODE_LIST, filter);
    for (uint32_t i = 0; rules && rules->kind == NODE_LIST && i < rules->count; i++) {
        const struct node *name = node_get(rules->items[i], "Name"),
                          *value = node_get(rules->items[i], "Value");
        if (!name || !value)
            return NULL;
        nodes_add(arena, list, NODES_MAP(arena, rules, {"name", name}, {"value", value}));
    }
    return list->count ? list : NULL;
}

static const struct node *notice_of(
    struct arena *arena, const struct channel *channel, const struct node *one)
{
    if (one->kind != NODE_MAP)
        return NULL;
    const struct node *target = node_get(one, channel->target), *event = node_get(one, "Event"),
                      *filter = node_get(one, "Filter"), *several = node_get(one, "Events");
    const struct node *rules = filter ? filter_of(arena, filter) : NULL;
    target = target ? target : node_get(one, channel->api_target);
    if (!target || (!event && !several) || (filter && !rules))
        return NULL;
    struct node *events = several ? nodes_copy(arena, several) : nodes_new(arena, NODE_LIST, one);
    if (event)
        nodes_add(arena, events, event);
    return NODES_MAP(arena, one, {channel->to, target}, {"events", events}, {"filter", rules});
}

static const struct channel *channel_of(struct str key)
{
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (str_eqz(key, channels[i].list) || str_eqz(key, channels[i].api_list))
            return &channels[i];
    return NULL;
}

const struct node *template_notices(struct arena *arena, const struct node *bucket, const struct node *all)
{
    struct node *made = NODES_MAP(arena, all, {"bucket", bucket});
    for (uint32_t i = 0; all->kind == NODE_MAP && i < all->count; i++) {
        const struct node *bus = nodes_at(all->entries[i].value, STR("EventBridgeEnabled"));
        if (str_eqz(all->entries[i].key, "EventBridgeConfiguration")) {
            nodes_set(arena, made, STR("event_bridge"), bus ? bus : nodes_bool(arena, true, all));
            continue;
        }
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

/* Adds a part of the resource as a resource by itself, whose names end in `what`, under the same condition.
 */
static struct node *put_beside(struct arena *arena, const struct node_entry *entry, struct str suffix,
    const char *type, const struct node *properties, struct node *resources)
{
    struct node *made = NODES_MAP(arena, properties, {"Type", nodes_text(arena, str_z(type), properties)},
        {"Condition", node_get(entry->value, "Condition")},
        {"Metadata", nodes_part_metadata(arena, entry->value, suffix)}, {"Properties", properties});
    nodes_set(arena, resources, arena_printf(arena, "%.*s%.*s", STR_ARG(entry->key), STR_ARG(suffix)), made);
    return made;
}

/* Splits a bucket into the bucket and its notifications. Returns false if it stays as it is. */
static bool split_bucket(struct arena *arena, const struct node_entry *entry, struct node *resources)
{
    const struct node *properties = node_get(entry->value, "Properties");
    const struct node *all = node_get(properties, "NotificationConfiguration");
    const struct node *notices =
        all ? template_notices(arena, nodes_call(arena, "Ref", entry->key, all), all) : NULL;
    if (!notices || str_find(entry->key, STR("${"), 0) >= 0)
        return false;
    /* Only the notifications depend on what the bucket depended on, usually permissions. */
    const struct node *rest = nodes_without(arena, properties, "NotificationConfiguration");
    nodes_put(arena, resources, entry,
        nodes_with(arena, nodes_without(arena, entry->value, "DependsOn"), "Properties", rest));
    struct node *made =
        put_beside(arena, entry, STR("Notifications"), "aws.s3.bucket_notification", notices, resources);
    if (node_find(entry->value, STR("DependsOn")))
        nodes_set_entry(arena, made, node_find(entry->value, STR("DependsOn")));
    return true;
}

/* Splits a topic into the topic and its subscriptions. Returns false if it stays as it is. */
static bool split_topic(struct arena *arena, const struct node_entry *entry, struct node *resources)
{
    const struct node *properties = node_get(entry->value, "Properties");
    const struct node *all = node_get(properties, "Subscription");
    if (!all || all->kind != NODE_LIST || str_find(entry->key, STR("${"), 0) >= 0)
        return false;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->items[i]->kind != NODE_MAP || nodes_is_function(all->items[i]))
            return false;
    const struct node *rest = nodes_without(arena, properties, "Subscription");
    nodes_put(arena, resources, entry, nodes_with(arena, entry->value, "Properties", rest));
    for (uint32_t i = 0; i < all->count; i++) {
        const struct node *topic = nodes_call(arena, "Ref", entry->key, all);
        struct str number = all->count > 1 ? arena_printf(arena, "%u", i + 1) : STR_EMPTY;
        put_beside(arena, entry, arena_printf(arena, "Subscription%.*s", STR_ARG(number)),
            "AWS::SNS::Subscription", nodes_with(arena, all->items[i], "TopicArn", topic), resources);
    }
    return true;
}

/* Adds the resource with another type and other properties. */
static void put_as(struct arena *arena, const struct node_entry *entry, struct str type,
    const struct node *properties, struct node *resources)
{
    const struct node *retyped =
        nodes_with(arena, entry->value, "Type", nodes_text(arena, type, entry->value));
    nodes_put(arena, resources, entry, nodes_with(arena, retyped, "Properties", properties));
}

/* ---- a rule of a security group ---- */

static const char *const rule_names[][2] = {{"GroupId", "group_id"}, {"IpProtocol", "protocol"},
    {"FromPort", "from_port"}, {"ToPort", "to_port"}, {"CidrIp", "cidr"}, {"CidrIpv6", "ipv6_cidr"},
    {"SourceSecurityGroupId", "source_group"}, {"DestinationSecurityGroupId", "source_group"},
    {"SourcePrefixListId", "prefix_list"}, {"DestinationPrefixListId", "prefix_list"},
    {"Description", "description"}};

/* Converts an ingress or egress rule. Returns false if it has other properties. */
static bool write_as_rule(
    struct arena *arena, const struct node_entry *entry, bool egress, struct node *resources)
{
    const struct node *properties = node_get(entry->value, "Properties");
    struct node *rule = nodes_new(arena, NODE_MAP, entry->value);
    for (uint32_t i = 0; properties && properties->kind == NODE_MAP && i < properties->count; i++) {
        struct node_entry named = properties->entries[i];
        named.key = STR_EMPTY;
        for (size_t k = 0; k < sizeof rule_names / sizeof *rule_names; k++)
            if (str_eqz(properties->entries[i].key, rule_names[k][0]))
                named.key = str_z(rule_names[k][1]);
        if (!named.key.n)
            return false;
        nodes_set_entry(arena, rule, &named);
    }
    if (!node_get(rule, "group_id") || str_find(entry->key, STR("${"), 0) >= 0)
        return false;
    if (egress)
        nodes_set(arena, rule, STR("egress"), nodes_bool(arena, true, entry->value));
    put_as(arena, entry, STR("aws.ec2.security_group_rule"), rule, resources);
    return true;
}

/* Returns whether a resource of that type is a rule of the group. */
static bool has_rule(const struct node *all, struct str group, const char *type)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct node *id = node_get(node_get(all->entries[i].value, "Properties"), "GroupId");
        if (id && nodes_is_type(all->entries[i].value, type) && nodes_refer_to(id, group))
            return true;
    }
    return false;
}

/* A group with rules of its own removes all others. Where the template has both, its inbound rules become
 * resources, too; elsewhere its changes are ignored: outbound, since a group without rules gets the one for
 * everything, and in a live stack, where the ids of the rules are not known. */
static const struct node *without_own_rules(
    struct template *t, const struct node *all, const struct node_entry *entry, struct node *resources)
{
    static const char *const directions[][3] = {
        {"SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress", "ingress"},
        {"SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress", "egress"}};
    struct node *group = nodes_copy(t->arena, entry->value), *ignored = nodes_new(t->arena, NODE_LIST, group);
    for (size_t i = 0; i < 2; i++) {
        const struct node *properties = node_get(group, "Properties"),
                          *rules = node_get(properties, directions[i][0]);
        if (!rules || !has_rule(all, entry->key, directions[i][1]))
            continue;
        if (i || t->live || rules->kind != NODE_LIST) {
            nodes_add(t->arena, ignored, nodes_text(t->arena, str_z(directions[i][2]), rules));
            continue;
        }
        nodes_set(t->arena, group, STR("Properties"), nodes_without(t->arena, properties, directions[i][0]));
        for (uint32_t k = 0; k < rules->count; k++) {
            struct str suffix = arena_printf(t->arena, "Ingress%u", k + 1);
            struct node *rule = nodes_copy(t->arena, rules->items[k]);
            nodes_set(t->arena, rule, STR("GroupId"),
                nodes_call(
                    t->arena, "!GetAtt", arena_printf(t->arena, "%.*s.GroupId", STR_ARG(entry->key)), rules));
            put_beside(t->arena, entry, suffix, directions[i][1], rule, resources);
            write_as_rule(t->arena, &resources->entries[resources->count - 1], false, resources);
        }
    }
    if (ignored->count)
        nodes_set(t->arena, group, STR(TEMPLATE_IGNORED), ignored);
    return group;
}

/* ---- a table with a stream, a global table of one region ---- */

/* Adds the table, and the Kinesis stream that gets its changes as a resource. */
static void put_table(
    struct template *t, const struct node_entry *entry, const struct node *properties, struct node *resources)
{
    const struct node *stream = node_get(properties, "KinesisStreamSpecification"),
                      *arn = node_get(stream, "StreamArn"),
                      *precision = node_get(stream, "ApproximateCreationDateTimePrecision");
    bool split = arn && str_find(entry->key, STR("${"), 0) < 0;
    put_as(t->arena, entry, STR("AWS::DynamoDB::Table"),
        split ? nodes_without(t->arena, properties, "KinesisStreamSpecification") : properties, resources);
    if (!split)
        return;
    struct node *own = nodes_new(t->arena, NODE_MAP, stream);
    nodes_set(t->arena, own, STR("table"), nodes_call(t->arena, "Ref", entry->key, stream));
    nodes_set(t->arena, own, STR("stream"), arn);
    if (precision)
        nodes_set(t->arena, own, STR("precision"), precision);
    put_beside(t->arena, entry, STR("Stream"), "aws.dynamodb.streaming_destination", own, resources);
}

/* Returns the only replica, if it is in the stack's region, otherwise NULL. */
static const struct node *only_replica(const struct node *properties)
{
    const struct node *all = node_get(properties, "Replicas");
    const struct node *one = all && all->kind == NODE_LIST && all->count == 1 ? all->items[0] : NULL;
    const struct node *region = node_get(one, "Region");
    bool here = region && (region->kind == NODE_STRING || str_eqz(nodes_referred(region), "AWS::Region"));
    return here ? one : NULL;
}

/* Converts a global table to a table. Returns false if it uses features of global tables. */
static bool write_as_table(struct template *t, const struct node_entry *entry, struct node *resources)
{
    struct arena *arena = t->arena;
    static const char of_replica[] = "PointInTimeRecoverySpecification DeletionProtectionEnabled Tags "
                                     "TableClass ContributorInsightsSpecification ResourcePolicy "
                                     "KinesisStreamSpecification";
    static const char of_table[] = "TableName AttributeDefinitions KeySchema BillingMode StreamSpecification "
                                   "TimeToLiveSpecification LocalSecondaryIndexes GlobalSecondaryIndexes "
                                   "SSESpecification";
    const struct node *properties = node_get(entry->value, "Properties"), *replica = only_replica(properties);
    struct node *table = nodes_new(arena, NODE_MAP, entry->value);
    for (uint32_t i = 0; replica && i < properties->count; i++) {
        if (str_is_any(properties->entries[i].key, of_table))
            nodes_set_entry(arena, table, &properties->entries[i]);
        else if (!str_eqz(properties->entries[i].key, "Replicas"))
            return false;
    }
    for (uint32_t i = 0; replica && i < replica->count; i++) {
        struct str key = replica->entries[i].key;
        const struct node *own = node_get(table, "SSESpecification"),
                          *given = nodes_at(replica->entries[i].value, STR("KMSMasterKeyId"));
        if (str_is_any(key, of_replica)) {
            nodes_set_entry(arena, table, &replica->entries[i]);
        } else if (str_eqz(key, "SSESpecification") && own && own->kind == NODE_MAP && given) {
            nodes_set(arena, table, key, nodes_with(arena, own, "KMSMasterKeyId", given));
        } else if (!str_eqz(key, "Region")) {
            return false;
        }
    }
    if (!replica)
        return false;
    put_table(t, entry, table, resources);
    return true;
}

/* ---- a state machine's substitutions ---- */

/* Converts "arn:${Name}" to a join of strings and values; unknown names stay. */
static const struct node *substituted_text(
    struct arena *arena, const struct node *node, const struct node *values)
{
    struct node *parts = nodes_new(arena, NODE_LIST, node);
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
    return NODES_MAP(
        arena, node, {"Fn::Join", NODES_LIST(arena, node, nodes_text(arena, STR_EMPTY, node), parts)});
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

static const struct node *parsed_json(struct template *t, const struct node *at, struct str text)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_MAKE(t->arena, struct source, .path = at->source->path, .text = text);
    const struct node *parsed = yaml_parse(t->arena, source, &diags);
    return parsed && parsed->kind == NODE_MAP && !diags.errors ? parsed : NULL;
}

const struct node *template_json(struct template *t, const struct node *text)
{
    const struct node *join = text ? node_get(text, "Fn::Join") : NULL,
                      *parts = join && join->kind == NODE_LIST && join->count == 2 ? join->items[1] : NULL;
    struct str literal = nodes_joined(t->arena, text);
    if (literal.p)
        return parsed_json(t, text, literal);
    if (!parts || parts->kind != NODE_LIST || !str_eqz(nodes_literal(join->items[0]), ""))
        return NULL;
    struct node *values = nodes_new(t->arena, NODE_MAP, text);
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; i < parts->count; i++) {
        struct str name = arena_printf(t->arena, "part %u", i), piece = nodes_literal(parts->items[i]);
        if (piece.p)
            buf_add_str(&out, piece);
        else
            buf_addf(&out, "${%.*s}", STR_ARG(name));
        nodes_set(t->arena, values, name, parts->items[i]);
    }
    const struct node *parsed = parsed_json(t, text, arena_str(t->arena, buf_str(&out)));
    return parsed ? substituted_node(t->arena, parsed, values) : NULL;
}

/* Returns the definition as a tree; NULL if it is not a known text. */
static const struct node *definition_of(
    struct template *t, const struct node *properties, const struct node *values)
{
    const struct node *tree = node_get(properties, "Definition"),
                      *text = node_get(properties, "DefinitionString");
    if (!values)
        return t->cdk ? template_json(t, text) : NULL; /* others have written it as text */
    if (!tree || nodes_is_function(tree))
        tree = nodes_joined(t->arena, text).p ? template_json(t, text) : NULL;
    return values->kind == NODE_MAP && tree ? substituted_node(t->arena, tree, values) : NULL;
}

/* Reports a key that the JSON of a definition has twice; Step Functions does not tell which of them counts.
 */
static void warn_repeated_key(struct template *t, const struct node *text)
{
    const struct node *values, *sub = nodes_sub(text, &values);
    struct str literal = nodes_joined(t->arena, sub ? sub : text);
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct source source = {.path = t->source->path, .text = literal};
    if (literal.n && literal.p[0] == '{')
        yaml_parse(t->arena, &source, &diags);
    for (size_t i = 0; i < diags.n; i++)
        if (str_ends(diags.items[i].message, STR("given twice"))) {
            struct diag *d =
                diag_warning(t->diags, node_span(text), "in its JSON %.*s", STR_ARG(diags.items[i].message));
            diag_hint(t->diags, d, "leave one of them out, also in the stack");
        }
}

/* Returns false if there is nothing to substitute, or it is not possible. */
static bool write_out_definition(struct template *t, const struct node_entry *entry, struct node *resources)
{
    const struct node *properties = node_get(entry->value, "Properties");
    warn_repeated_key(t, node_get(properties, "DefinitionString"));
    const struct node *definition =
        properties ? definition_of(t, properties, node_get(properties, "DefinitionSubstitutions")) : NULL;
    if (!definition)
        return false;
    struct node *rest = nodes_without(t->arena, properties, "DefinitionSubstitutions");
    rest = nodes_without(t->arena, rest, "DefinitionString");
    nodes_set(t->arena, rest, STR("Definition"), definition);
    nodes_put(t->arena, resources, entry, nodes_with(t->arena, entry->value, "Properties", rest));
    return true;
}

/* ---- the whole template ---- */

/* Returns the template's root, a new one if anything was rewritten. */
static const struct node *template_rewrite(struct template *t, const struct node *root)
{
    if (serverless_is(root))
        root = serverless_expand(t, root);
    if (t->cdk)
        root = cdk_expand(t, root);
    root = secrets_expand(t, code_expand(t, root));
    const struct node *given = node_get(root, "Resources");
    struct node *resources = nodes_new(t->arena, NODE_MAP, given);
    for (uint32_t i = 0; i < given->count; i++) {
        const struct node_entry *entry = &given->entries[i];
        if (nodes_is_type(entry->value, "AWS::S3::Bucket") && split_bucket(t->arena, entry, resources))
            continue;
        if (nodes_is_type(entry->value, "AWS::SNS::Topic") && split_topic(t->arena, entry, resources))
            continue;
        bool egress = nodes_is_type(entry->value, "AWS::EC2::SecurityGroupEgress");
        if ((egress || nodes_is_type(entry->value, "AWS::EC2::SecurityGroupIngress")) &&
            write_as_rule(t->arena, entry, egress, resources))
            continue;
        if (nodes_is_type(entry->value, "AWS::EC2::SecurityGroup")) {
            nodes_set(t->arena, resources, entry->key, without_own_rules(t, given, entry, resources));
            continue;
        }
        if (nodes_is_type(entry->value, "AWS::DynamoDB::GlobalTable") && write_as_table(t, entry, resources))
            continue;
        const struct node *properties = node_get(entry->value, "Properties");
        if (nodes_is_type(entry->value, "AWS::DynamoDB::Table") && properties) {
            put_table(t, entry, properties, resources);
            continue;
        }
        if (nodes_is_type(entry->value, "AWS::StepFunctions::StateMachine") &&
            write_out_definition(t, entry, resources))
            continue;
        nodes_set_entry(t->arena, resources, entry);
    }
    return nodes_with(t->arena, root, "Resources", resources);
}

static void tell_macro(struct template *t, const struct node *node)
{
    struct str name = node->kind == NODE_MAP ? node_text(node_get(node, "Name")) : node_text(node);
    if (str_eqz(name, "AWS::LanguageExtensions") || str_eqz(name, "AWS::Serverless-2016-10-31"))
        return;
    const struct node *location = nodes_at(node, STR("Parameters.Location"));
    if (str_eqz(name, "AWS::Include") && location) {
        struct diag *include = diag_warning(
            t->diags, node_span(location), "what AWS::Include adds to the whole template is not known here");
        diag_hint(t->diags, include,
            "put that file's sections into this one; within a section `Fn::Transform` of a path is read");
        return;
    }
    struct diag *d = diag_warning(t->diags, node_span(node),
        "what the macro \"%.*s\" makes of the template is not known here", STR_ARG(name));
    diag_hint(t->diags, d,
        "`--stack NAME` without a template takes what the macro made of it, as CloudFormation has it");
}

static void tell_rest(struct template *t)
{
    const struct node *macros = node_get(t->root, "Transform");
    for (uint32_t i = 0; i < t->root->count; i++) {
        if (!str_is_any(t->root->entries[i].key, "AWSTemplateFormatVersion Description Metadata Parameters "
                                                 "Mappings Conditions Transform Resources Outputs"))
            diag_warning(t->diags, node_key_span(&t->root->entries[i]),
                "`%.*s` has no equivalent in a stack, and is left out", STR_ARG(t->root->entries[i].key));
    }
    if (macros && macros->kind != NODE_LIST)
        tell_macro(t, macros);
    for (uint32_t i = 0; macros && macros->kind == NODE_LIST && i < macros->count; i++)
        tell_macro(t, macros->items[i]);
}

static void import_one(struct template *t, struct template_resource *declared, struct str address)
{
    struct tree *id = declared->resource->schema ? template_import_id(t, declared) : NULL;
    if (id)
        draft_import(t->draft, address, id);
    else if (declared->resource->schema)
        diag_warning(t->diags, node_span(declared->node),
            "%.*s cannot be imported by the id that it has: `weir state import %.*s ID` can",
            STR_ARG(declared->logical), STR_ARG(address));
}

/* Imports each instance that the live stack has. */
static void import_each(struct template *t, struct template_resource *declared)
{
    ptrdiff_t open = str_find(declared->pattern, STR("${"), 0),
              close = str_find_char(declared->pattern, '}', 0);
    if (declared->loops->outer)
        diag_warning(t->diags, node_span(declared->node),
            "%.*s is not imported: which is which of loops within loops is not known; `weir state import` "
            "imports each",
            STR_ARG(declared->logical));
    if (open < 0 || declared->loops->outer)
        return;
    struct str before = str_slice(declared->pattern, 0, (size_t)open),
               after = str_slice(declared->pattern, (size_t)close + 1, declared->pattern.n);
    for (uint32_t i = 0; i < t->live->physical->count; i++) {
        struct str logical = t->live->physical->entries[i].key;
        if (logical.n <= before.n + after.n || !str_starts(logical, before) || !str_ends(logical, after))
            continue;
        struct str key = str_slice(logical, before.n, logical.n - after.n);
        declared->physical = value_gets(t->live->physical->entries[i].value, "id");
        import_one(t, declared,
            arena_printf(t->arena, "%.*s[\"%.*s\"]", STR_ARG(declared->resource->name), STR_ARG(key)));
    }
}

static void import_declared(struct template *t)
{
    for (size_t i = 0; t->live && i < t->declared.n; i++) {
        struct template_resource *declared = t->declared.items[i].ptr;
        if (declared->pattern.n)
            import_each(t, declared);
        else if (declared->physical.n && !declared->nested)
            import_one(t, declared, declared->resource->name);
    }
}

static void read_all(struct template *t, const struct node *resources)
{
    struct str words = node_text(node_get(t->root, "Description"));
    t->draft->description = words;
    if (t->root->count)
        t->draft->comment = template_comment(t->arena, &t->root->entries[0]);
    tell_rest(t);
    template_parameters(t, node_get(t->root, "Parameters"));
    template_mappings(t, node_get(t->root, "Mappings"));
    template_conditions(t, node_get(t->root, "Conditions"));
    template_resources(t, resources);
    template_outputs(t, node_get(t->root, "Outputs"));
    template_decide(t);
    import_declared(t);
}

void template_without_tabs(struct arena *arena, struct str *text)
{
    size_t i = 0;
    while (i < text->n && strchr(" \t\r\n", text->p[i]))
        i++;
    if (i == text->n || text->p[i] != '{')
        return;
    char *copy = arena_strz(arena, *text);
    for (char *p = copy; (size_t)(p - copy) < text->n; p++)
        *p = *p == '\t' ? ' ' : *p;
    text->p = copy;
}

struct str template_stack_name(struct template *t)
{
    if (!t->parent)
        return STR("stack.name");
    return draft_ask(
        t->draft, STR(TEMPLATE_STACK_NAME), "string", STR("What made-up names begin with"), false);
}

/* The draft resolves references through the template when it is written. */
static void read_source(struct template *t, const struct source *source)
{
    t->source = source;
    t->root = yaml_parse_tagged(t->arena, source, t->diags);
    if (t->root)
        t->root = template_include(t, t->root);
    const struct node *resources = t->root ? node_get(t->root, "Resources") : NULL;
    if (t->root && (!resources || resources->kind != NODE_MAP))
        diag_error(t->diags, (struct span){.source = source, .line = 1, .column = 1, .length = 1},
            "a template has `Resources:`");
    if (!resources || resources->kind != NODE_MAP)
        return;
    t->draft->resolve = template_resolve_reference;
    t->draft->resolve_ctx = t;
    t->serverless = serverless_is(t->root);
    t->cdk = cdk_is(t->root);
    t->root = template_rewrite(t, t->root);
    read_all(t, node_get(t->root, "Resources"));
}

static void release_maps(struct template *t)
{
    map_release(&t->parts);
    map_release(&t->exports);
    map_release(&t->declared);
    map_release(&t->mappings);
    map_release(&t->conditions);
}

static struct template *template_new(
    struct draft *draft, struct names *names, const struct template_live *live)
{
    return ARENA_MAKE(draft->arena, struct template, .arena = draft->arena, .draft = draft, .names = names,
        .diags = draft->diags, .live = live, .around = STR_EMPTY);
}

void template_read_within(struct template *t, struct draft *draft, const struct source *source,
    const struct template_live *live, struct map *inputs, struct map *outputs)
{
    struct template *within = template_new(draft, t->names, live);
    within->parent = t;
    read_source(within, source);
    *inputs = within->parameters; /* released by the caller */
    *outputs = within->outputs;
    release_maps(within);
}

int template_read(
    struct draft *draft, struct names *names, const struct source *source, const struct template_live *live)
{
    struct template *t = template_new(draft, names, live);
    read_source(t, source);
    release_maps(t);
    map_release(&t->parameters);
    map_release(&t->outputs);
    return draft->diags->errors ? -1 : 0;
}
