/* Converts templates of `cdk synth` to hand-written form: without resources that serve only the CDK, custom
 * resources as their effect, with the construct paths as names. See template.h. */
#include "cmd/import/template.h"

#include "base/file.h"

struct cdk {
    struct template *t;
    struct arena *arena;
    const struct node *resources; /* as synthesized */
    struct map removed;           /* logical ids that are left out -> struct node_entry * */
    struct map made;              /* their replacements: a map of resources, struct node * */
    struct map reported; /* custom resources of the CDK without an equivalent, which are reported later */
    struct map emptied;  /* buckets and repositories that are emptied when they are deleted */
    struct map helpers;  /* resources that may serve only custom resources */
};

static const char PATH[] = "aws:cdk:path";

static struct str cdk_type(const struct node *resource)
{
    return node_text(node_get(resource, "Type"));
}

static const struct node *property(const struct node *resource, const char *name)
{
    return node_get(node_get(resource, "Properties"), name);
}

static struct str path_in_app(const struct node *resource)
{
    return node_text(node_get(node_get(resource, "Metadata"), PATH));
}

bool cdk_is(const struct node *root)
{
    const struct node *resources = node_get(root, "Resources");
    for (uint32_t i = 0; resources && resources->kind == NODE_MAP && i < resources->count; i++)
        if (path_in_app(resources->entries[i].value).n ||
            str_eqz(cdk_type(resources->entries[i].value), "AWS::CDK::Metadata"))
            return true;
    return node_get(node_get(root, "Parameters"), "BootstrapVersion");
}

/* ---- names ---- */

enum { HASH_LENGTH = 8 };

/* Returns whether a hash of letters and digits begins at the offset. */
static bool is_hash(struct str name, size_t at)
{
    struct str hash = at + HASH_LENGTH <= name.n ? str_slice(name, at, at + HASH_LENGTH) : STR_EMPTY;
    return hash.n && str_is_made_of(hash, CHARS_DIGITS "ABCDEF") && !str_is_made_of(hash, "ABCDEF") &&
           !str_is_made_of(hash, CHARS_DIGITS);
}

/* Returns "Lake" of "Lake5F1B88EA". */
static struct str without_hash(struct str name)
{
    bool is = name.n > HASH_LENGTH && is_hash(name, name.n - HASH_LENGTH);
    return is ? str_slice(name, 0, name.n - HASH_LENGTH) : name;
}

/* Cuts the next significant part off "Orders/Net.NestedStack/Vpc/Resource"; n 0: none. */
static struct str next_part(struct str *path)
{
    while (path->n) {
        struct str part = without_hash(str_cut(*path, '/', path));
        *path = path->p ? *path : STR_EMPTY;
        if (str_ends(part, STR(".NestedStack")))
            part.n -= strlen(".NestedStack");
        if (!str_is_any(part, "Resource Default CustomResource") &&
            !str_ends(part, STR(".NestedStackResource")))
            return part;
    }
    return STR_EMPTY;
}

/* Returns the number of parts, such as the stack, that all paths have in common. They are not part of
 * names. */
static size_t shared_parts(const struct node *resources)
{
    struct str first = STR_EMPTY;
    size_t shared = SIZE_MAX;
    for (uint32_t i = 0; i < resources->count; i++) {
        struct str path = path_in_app(resources->entries[i].value), other, part;
        if (!path.n || str_eqz(cdk_type(resources->entries[i].value), "AWS::CDK::Metadata"))
            continue;
        first = first.n ? first : path;
        other = first;
        size_t n = 0, same = 0;
        for (bool alike = true; (part = next_part(&path)).n; n++) {
            alike = alike && str_eq(part, next_part(&other));
            same += alike;
        }
        shared = same < shared ? same : shared;
        shared = n <= shared ? n - (n > 0) : shared; /* at least one part remains */
    }
    return shared == SIZE_MAX ? 0 : shared;
}

struct str cdk_name(struct template *t, const struct node *resource, struct str logical)
{
    AUTO_BUF struct buf name = BUF_INIT;
    struct str path = path_in_app(resource), part, before = STR_EMPTY;
    if (!t->cdk)
        return logical;
    for (size_t i = 0; (part = next_part(&path)).n; i++) {
        if (i < t->cdk_shared || str_eq(part, before))
            continue;
        buf_addf(&name, "%s%.*s", name.n ? "_" : "", STR_ARG(part));
        before = part;
    }
    return name.n ? arena_str(t->arena, buf_str(&name)) : cdk_plain(t, logical);
}

struct str cdk_plain(struct template *t, struct str name)
{
    static const char *const added[] = {"referenceto", "ExportsOutputFnGetAtt", "ExportsOutputRef"};
    AUTO_BUF struct buf out = BUF_INIT;
    if (!t->cdk)
        return name;
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        if (str_starts(name, str_z(added[i])) && name.n > strlen(added[i]))
            name = str_slice(name, strlen(added[i]), name.n);
    for (size_t i = 0; i < name.n; i++)
        if (i && is_hash(name, i))
            i += HASH_LENGTH - 1;
        else
            buf_add_char(&out, name.p[i]);
    return out.n ? arena_str(t->arena, buf_str(&out)) : name;
}

/* ---- exports of other stacks of the app ---- */

enum { TEMPLATE_MAX = 64 * 1024 * 1024 };

static void add_exports(struct template *t, struct str path, struct str stack)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_MAKE(t->arena, struct source, .path = path);
    const struct node *root = !file_read(t->arena, path.p, TEMPLATE_MAX, &source->text, ERR_IGNORED)
                                  ? yaml_parse(t->arena, source, &diags)
                                  : NULL;
    const struct node *outputs = root ? node_get(root, "Outputs") : NULL;
    struct tree *names = tree_new(t->arena, TREE_MAP, NULL), *attrs = tree_new(t->arena, TREE_MAP, NULL);
    stack = draft_stack_name(t->arena, stack);
    tree_set(t->arena, attrs, STR("stack"), tree_string(t->arena, stack, NULL));
    tree_set(t->arena, attrs, STR("dir"),
        tree_string(t->arena, arena_printf(t->arena, "../%.*s", STR_ARG(stack)), NULL));
    for (uint32_t i = 0; outputs && outputs->kind == NODE_MAP && i < outputs->count; i++) {
        struct str own = template_output_name(t, names, outputs->entries[i].key);
        struct str name = nodes_literal(nodes_at(outputs->entries[i].value, STR("Export.Name")));
        tree_set(t->arena, names, own, attrs);
        if (!name.n)
            continue;
        struct cdk_export *export =
            ARENA_MAKE(t->arena, struct cdk_export, .stack = stack, .output = own, .attrs = attrs);
        map_set(&t->exports, name, export);
    }
}

/* Reads all templates beside this one. */
static void read_exports(struct template *t)
{
    struct str folder = path_dir(t->source->path), end = STR(".template.json");
    AUTO_DIR DIR *dir = opendir(arena_strz(t->arena, folder));
    const struct dirent *entry;
    while (dir && (entry = dir_next(dir))) {
        struct str name = arena_str(t->arena, str_z(entry->d_name));
        if (str_ends(name, end) && !str_eq(name, path_base(t->source->path)) &&
            !str_ends(name, STR(".nested.template.json")))
            add_exports(t, path_join(t->arena, folder, name), str_slice(name, 0, name.n - end.n));
    }
}

struct tree *cdk_imported(struct template *t, const struct node *node, struct str name)
{
    if (!t->cdk || t->parent || t->live)
        return NULL;
    if (!t->exports_read)
        read_exports(t);
    t->exports_read = true;
    const struct cdk_export *export = map_get(&t->exports, name);
    if (!export)
        return NULL;
    struct str data = draft_data(t->draft, export->stack, "weir.stack", export->attrs);
    return tree_code(t->arena, node, "%.*s.outputs.%.*s", STR_ARG(data), STR_ARG(export->output));
}

/* ---- references ---- */

static bool refers_to_gone(const struct cdk *c, const struct node *node)
{
    for (size_t i = 0; i < c->removed.n; i++)
        if (nodes_refer_to(node, c->removed.items[i].key))
            return true;
    return false;
}

/* Returns whether the statement is for principals that are left out. */
static bool is_of_gone(const struct cdk *c, const struct node *statement, struct str besides)
{
    const struct node *who = node_get(statement, "Principal");
    return refers_to_gone(c, who) || (besides.n && nodes_refer_to(who, besides));
}

/* Removes statements for principals that are left out, and for `besides`. */
static const struct node *cut_policies(const struct cdk *c, const struct node *node, struct str besides)
{
    if (node->kind != NODE_MAP && node->kind != NODE_LIST)
        return node;
    struct node *made = nodes_new(c->arena, (enum node_kind)node->kind, node);
    for (uint32_t i = 0; node->kind == NODE_MAP && i < node->count; i++)
        nodes_put(c->arena, made, &node->entries[i], cut_policies(c, node->entries[i].value, besides));
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        if (!is_of_gone(c, node->items[i], besides))
            nodes_add(c->arena, made, cut_policies(c, node->items[i], besides));
    return made;
}

/* Returns whether the policy is only for this role or roles that are left out. */
static bool is_policy_of(const struct cdk *c, const struct node *resource, struct str id)
{
    const struct node *roles = property(resource, "Roles");
    if (!str_is_any(cdk_type(resource), "AWS::IAM::Policy AWS::IAM::ManagedPolicy") || !roles ||
        roles->kind != NODE_LIST || !roles->count)
        return false;
    for (uint32_t i = 0; i < roles->count; i++) {
        struct str role = nodes_referred(roles->items[i]);
        if (!role.p || (!str_eq(role, id) && !map_get(&c->removed, role)))
            return false;
    }
    return true;
}

/* AwsCustomResource: calls any service through the CDK's function. */
static bool is_api_call(const struct cdk *c, const struct node *resource)
{
    static const char made_by[] = "AWS679f53fac002430cb0da5b7982bd2287";
    const struct node *token = property(resource, "ServiceToken");
    for (uint32_t i = 0; i < c->resources->count; i++)
        if (str_starts(c->resources->entries[i].key, str_z(made_by)) &&
            nodes_refer_to(token, c->resources->entries[i].key))
            return true;
    return false;
}

/* Returns whether a remaining resource or output refers to it. */
static bool is_needed(const struct cdk *c, const struct node *root, struct str id)
{
    const struct node *outputs = node_get(root, "Outputs");
    for (uint32_t i = 0; i < c->resources->count; i++) {
        const struct node_entry *entry = &c->resources->entries[i];
        const struct node *properties = node_get(entry->value, "Properties");
        bool stays = !map_get(&c->removed, entry->key) && !str_eq(entry->key, id) &&
                     !str_eqz(cdk_type(entry->value), "Custom::LogRetention") &&
                     !map_get(&c->reported, entry->key);
        if (stays && properties && !is_policy_of(c, entry->value, id) &&
            nodes_refer_to(cut_policies(c, properties, id), id))
            return true;
    }
    return nodes_refer_to(outputs, id);
}

/* ---- custom resources ---- */

static void leave_out(struct cdk *c, const struct node_entry *entry, struct str became, struct str why)
{
    if (map_get(&c->removed, entry->key))
        return;
    struct str type = cdk_type(entry->value);
    map_set(&c->removed, entry->key, (void *)entry);
    if (type.n && !str_eqz(type, "AWS::CDK::Metadata"))
        draft_row(c->t->draft, arena_printf(c->arena, "%.*s (%.*s)", STR_ARG(entry->key), STR_ARG(type)),
            became, why);
}

/* Adds the replacement with the same construct path. */
static void put_instead(struct cdk *c, const struct node_entry *entry, struct str id, const char *type,
    const struct node *properties)
{
    struct node *all = map_get(&c->made, entry->key);
    if (!all) {
        all = nodes_new(c->arena, NODE_MAP, entry->value);
        map_set(&c->made, entry->key, all);
    }
    nodes_set(c->arena, all, id,
        NODES_MAP(c->arena, entry->value, {"Type", nodes_text(c->arena, str_z(type), entry->value)},
            {"Condition", node_get(entry->value, "Condition")},
            {"DependsOn", node_get(entry->value, "DependsOn")},
            {"Metadata", node_get(entry->value, "Metadata")}, {"Properties", properties}));
}

static bool empties(struct cdk *c, const struct node_entry *entry)
{
    const struct node *name = property(entry->value, "BucketName");
    name = name ? name : property(entry->value, "RepositoryName");
    struct str id = name ? nodes_referred(name) : STR_EMPTY;
    if (!id.n || !node_find(c->resources, id))
        return false;
    map_set(&c->emptied, id, c);
    leave_out(c, entry, STR("force_destroy"), STR("a destroy empties it"));
    return true;
}

static bool notifies(struct cdk *c, const struct node_entry *entry)
{
    const struct node *bucket = property(entry->value, "BucketName"),
                      *all = property(entry->value, "NotificationConfiguration");
    const struct node *notices = bucket && all ? template_notices(c->arena, bucket, all) : NULL;
    struct str id = bucket ? nodes_referred(bucket) : STR_EMPTY;
    if (!notices)
        return false;
    /* In a live stack the logical id is derived from the bucket. */
    id = id.n ? arena_printf(c->arena, "%.*sNotifications", STR_ARG(id)) : entry->key;
    put_instead(
        c, entry, node_find(c->resources, id) ? entry->key : id, "aws.s3.bucket_notification", notices);
    leave_out(c, entry, STR("aws.s3.bucket_notification"), STR_EMPTY);
    return true;
}

static void keep_logs(struct cdk *c, const struct node_entry *entry)
{
    const struct node *name = property(entry->value, "LogGroupName");
    if (!name)
        return;
    put_instead(c, entry, entry->key, "AWS::Logs::LogGroup",
        NODES_MAP(c->arena, entry->value, {"LogGroupName", name},
            {"RetentionInDays", property(entry->value, "RetentionInDays")}));
    struct str *own = arena_boxed(c->arena, entry->key);
    map_set(&c->t->parts, arena_printf(c->arena, "%.*s.LogGroupName", STR_ARG(entry->key)), own);
    leave_out(c, entry, STR("aws.logs.log_group"), STR_EMPTY);
}

/* Converts a BucketDeployment: folders of cdk.out that are uploaded to a bucket. */
static bool deploys(struct cdk *c, const struct node_entry *entry)
{
    const struct node *keys = property(entry->value, "SourceObjectKeys"),
                      *bucket = property(entry->value, "DestinationBucketName"),
                      *prune = property(entry->value, "Prune"),
                      *markers = property(entry->value, "SourceMarkers");
    static const char *const other[] = {"Exclude", "Include", "DistributionId", "Extract"};
    bool plain = keys && keys->kind == NODE_LIST && bucket,
         keeps = prune && prune->kind == NODE_BOOL && !prune->boolean;
    for (uint32_t i = 0; plain && markers && markers->kind == NODE_LIST && i < markers->count; i++)
        plain = markers->items[i]->kind == NODE_MAP && !markers->items[i]->count;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        plain = plain && !property(entry->value, other[i]);
    for (uint32_t i = 0; plain && i < keys->count; i++)
        plain = code_is_folder(c->t, nodes_literal(keys->items[i]));
    for (uint32_t i = 0; plain && i < keys->count; i++) {
        struct str number = keys->count > 1 ? arena_printf(c->arena, "%u", i + 1) : STR_EMPTY;
        struct str name = arena_printf(c->arena, "%.*s%.*s",
            STR_ARG(draft_snake(c->arena, cdk_name(c->t, entry->value, entry->key))), STR_ARG(number));
        struct str source = code_copy(c->t, nodes_literal(keys->items[i]), name);
        put_instead(c, entry, arena_printf(c->arena, "%.*sFiles%.*s", STR_ARG(entry->key), STR_ARG(number)),
            "aws.s3.directory",
            NODES_MAP(c->arena, entry->value, {"bucket", bucket},
                {"prefix", property(entry->value, "DestinationBucketKeyPrefix")},
                {"source", nodes_text(c->arena, source, entry->value)}, {"delete", keeps ? prune : NULL}));
    }
    if (plain)
        leave_out(c, entry, STR("aws.s3.directory"), STR_EMPTY);
    return plain;
}

static bool restricts(struct cdk *c, const struct node_entry *entry)
{
    diag_warning(c->t->diags, node_span(node_get(entry->value, "Type")),
        "the VPC's default security group keeps its rules: the custom resource that removes them has no "
        "equivalent");
    leave_out(c, entry, STR("-"), STR("left out: the default security group keeps its rules"));
    return true;
}

static const struct {
    const char *type;
    bool (*replace)(struct cdk *c, const struct node_entry *entry);
} customs[] = {
    {"Custom::S3AutoDeleteObjects", empties},
    {"Custom::ECRAutoDeleteImages", empties},
    {"Custom::S3BucketNotifications", notifies},
    {"Custom::CDKBucketDeployment", deploys},
    {"Custom::VpcRestrictDefaultSG", restricts},
};

/* Adds functions, layers and roles that a removed resource refers to; they may be unused now. */
static void add_helpers(struct cdk *c, const struct node *removed)
{
    for (uint32_t i = 0; i < c->resources->count; i++) {
        const struct node_entry *entry = &c->resources->entries[i];
        if (str_is_any(
                cdk_type(entry->value), "AWS::Lambda::Function AWS::Lambda::LayerVersion AWS::IAM::Role") &&
            nodes_refer_to(removed, entry->key))
            map_set(&c->helpers, entry->key, (void *)entry);
    }
}

static void replace_customs(struct cdk *c)
{
    for (uint32_t i = 0; i < c->resources->count; i++) {
        const struct node_entry *entry = &c->resources->entries[i];
        struct str type = cdk_type(entry->value);
        const struct node *token = property(entry->value, "ServiceToken");
        if (str_eqz(type, "AWS::CDK::Metadata"))
            leave_out(c, entry, STR_EMPTY, STR_EMPTY);
        bool own = is_api_call(c, entry->value), replaced = false;
        for (size_t k = 0; k < sizeof customs / sizeof *customs; k++)
            if (str_eqz(type, customs[k].type)) {
                replaced = customs[k].replace(c, entry);
                own = true;
            }
        if (own && token)
            add_helpers(c, token);
        if (own && !replaced)
            map_set(&c->reported, entry->key, c);
    }
}

static const char UNNEEDED[] = "of the CDK, and nothing needs it";

/* Removes the CDK's functions, then their roles and layers, then policies only for these. */
static void leave_out_helpers(struct cdk *c, const struct node *root)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < c->helpers.n; i++) {
            const struct node_entry *entry = c->helpers.items[i].ptr;
            if (map_get(&c->removed, entry->key) || is_needed(c, root, entry->key))
                continue;
            leave_out(c, entry, STR("-"), str_z(UNNEEDED));
            add_helpers(c, entry->value);
            more = true;
        }
    }
    for (uint32_t i = 0; i < c->resources->count; i++) {
        const struct node_entry *entry = &c->resources->entries[i];
        const struct node *document = property(entry->value, "PolicyDocument");
        const struct node *left =
            document ? nodes_at(cut_policies(c, document, STR_EMPTY), STR("Statement")) : NULL;
        bool empty = left && left->kind == NODE_LIST && !left->count;
        if (empty || is_policy_of(c, entry->value, STR_EMPTY))
            leave_out(c, entry, STR("-"), str_z(UNNEEDED));
    }
}

/* Converts the log retention of remaining functions; those of removed ones were removed before. */
static void replace_retentions(struct cdk *c, const struct node *root)
{
    for (uint32_t i = 0; i < c->resources->count; i++) {
        const struct node_entry *entry = &c->resources->entries[i];
        const struct node *token = property(entry->value, "ServiceToken");
        if (!str_eqz(cdk_type(entry->value), "Custom::LogRetention") || !token)
            continue;
        if (refers_to_gone(c, property(entry->value, "LogGroupName")))
            leave_out(c, entry, STR("-"), str_z(UNNEEDED));
        else
            keep_logs(c, entry);
        add_helpers(c, token);
    }
    leave_out_helpers(c, root);
}

/* ---- remaining resources ---- */

static const struct node *without_gone(const struct cdk *c, const struct node *depends)
{
    struct node *list = nodes_new(c->arena, NODE_LIST, depends);
    for (uint32_t i = 0; depends->kind == NODE_LIST && i < depends->count; i++)
        if (!map_get(&c->removed, nodes_literal(depends->items[i])))
            nodes_add(c->arena, list, depends->items[i]);
    if (depends->kind == NODE_STRING && !map_get(&c->removed, depends->string))
        nodes_add(c->arena, list, depends);
    return list->count ? list : NULL;
}

/* Removes the CDK's own tags. */
static const struct node *without_tags(const struct cdk *c, const struct node *tags)
{
    struct node *list = nodes_new(c->arena, NODE_LIST, tags);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!str_starts(node_text(node_get(tags->items[i], "Key")), STR("aws-cdk:")))
            nodes_add(c->arena, list, tags->items[i]);
    return list->count ? list : NULL;
}

static const struct node *cdk_properties(
    struct cdk *c, struct str id, const struct node *resource, const struct node *properties)
{
    const struct node *tags = node_get(properties, "Tags");
    properties = cut_policies(c, properties, STR_EMPTY);
    if (map_get(&c->reported, id))
        return nodes_new(c->arena, NODE_MAP, properties);
    if (tags && tags->kind == NODE_LIST)
        properties = nodes_with(c->arena, properties, "Tags", without_tags(c, tags));
    struct str name = nodes_literal(node_get(properties, "PolicyName"));
    if (name.p && !c->t->live) /* the CDK generates the name */
        properties = nodes_with(c->arena, properties, "PolicyName",
            nodes_text(c->arena, cdk_plain(c->t, name), node_get(properties, "PolicyName")));
    if (map_get(&c->emptied, id))
        properties = nodes_with(c->arena, properties,
            str_eqz(cdk_type(resource), "AWS::S3::Bucket") ? "ForceDestroy" : "EmptyOnDelete",
            nodes_bool(c->arena, true, resource));
    const struct node *url = node_get(properties, "TemplateURL");
    struct str nested = url && str_eqz(cdk_type(resource), "AWS::CloudFormation::Stack")
                            ? code_template(c->t, url)
                            : (struct str){NULL, 0};
    if (nested.p)
        properties = nodes_with(c->arena, properties, "TemplateURL", nodes_text(c->arena, nested, url));
    return properties;
}

static void put_rest(struct cdk *c, const struct node_entry *entry, struct node *resources)
{
    const struct node *resource = entry->value;
    const struct node *properties = node_get(resource, "Properties"),
                      *depends = node_get(resource, "DependsOn");
    if (properties && properties->kind == NODE_MAP)
        resource = nodes_with(
            c->arena, resource, "Properties", cdk_properties(c, entry->key, entry->value, properties));
    if (depends)
        resource = nodes_with(c->arena, resource, "DependsOn", without_gone(c, depends));
    nodes_put(c->arena, resources, entry, resource);
}

static const struct node *without_own(
    const struct cdk *c, const struct node *root, const char *section, const char *name)
{
    const struct node *all = node_get(root, section);
    if (!node_get(all, name))
        return root;
    all = nodes_without(c->arena, all, name);
    return nodes_with(c->arena, root, section, all->count ? all : NULL);
}

static bool looks_in(const struct node *node, const void *mapping)
{
    const struct node *found = node_get(node, "Fn::FindInMap");
    return found && found->kind == NODE_LIST && found->count &&
           str_eq(node_text(found->items[0]), *(const struct str *)mapping);
}

/* Removes mappings that only removed resources used, such as runtimes by region. */
static const struct node *without_mappings(
    const struct cdk *c, const struct node *root, const struct node *resources)
{
    const struct node *all = node_get(root, "Mappings"), *outputs = node_get(root, "Outputs"), *left = root;
    for (uint32_t i = 0; all && all->kind == NODE_MAP && i < all->count; i++)
        if (!nodes_any(resources, looks_in, &all->entries[i].key) &&
            !nodes_any(outputs, looks_in, &all->entries[i].key))
            left = without_own(c, left, "Mappings", arena_strz(c->arena, all->entries[i].key));
    return left;
}

const struct node *cdk_expand(struct template *t, const struct node *root)
{
    struct cdk c = {.t = t, .arena = t->arena, .resources = node_get(root, "Resources")};
    struct node *resources = nodes_new(t->arena, NODE_MAP, c.resources);
    t->cdk_shared = shared_parts(c.resources);
    code_read_assets(t);
    replace_customs(&c);
    leave_out_helpers(&c, root);
    replace_retentions(&c, root);
    for (uint32_t i = 0; i < c.resources->count; i++) {
        const struct node_entry *entry = &c.resources->entries[i];
        const struct node *made = map_get(&c.made, entry->key);
        for (uint32_t k = 0; made && k < made->count; k++)
            put_rest(&c, &made->entries[k], resources);
        if (!map_get(&c.removed, entry->key))
            put_rest(&c, entry, resources);
    }
    root = without_own(&c, root, "Parameters", "BootstrapVersion");
    root = without_own(&c, root, "Rules", "CheckBootstrapVersion");
    root = without_own(&c, root, "Conditions", "CDKMetadataAvailable");
    root = without_mappings(&c, root, resources);
    root = nodes_with(t->arena, root, "Resources", resources);
    map_release(&c.removed);
    map_release(&c.made);
    map_release(&c.reported);
    map_release(&c.emptied);
    map_release(&c.helpers);
    return root;
}
