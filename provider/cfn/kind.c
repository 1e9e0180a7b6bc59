/*
 * The provider type of aws.cfn.* types, which are CloudFormation's: each is found by name when a stack uses
 * it. Schemas that are not in the binary are read from CloudFormation once.
 */
#include "provider/cfn/cfn.h"

#include "base/file.h"
#include "base/json.h"

/* ---- Schemas of newer or private types, which are not in the binary ---- */

enum { MAX_SCHEMA = 4 * 1024 * 1024 };

static const struct aws_service service = {.id = STR_INIT("cloudformation"),
    .endpoint_prefix = STR_INIT("cloudformation"),
    .signing_name = STR_INIT("cloudformation")};

static const struct shape_member members[] = {
    {.name = STR_INIT("Type"), .wire = STR_INIT("Type"), .shape = &shape_text},
    {.name = STR_INIT("TypeName"), .wire = STR_INIT("TypeName"), .shape = &shape_text}};

static const struct shape input_shape = {.kind = SHAPE_STRUCT, .members = members, .member_count = 2};

static const struct wire_operation describe_type = {.name = STR_INIT("DescribeType"),
    .protocol = WIRE_QUERY,
    .version = STR_INIT("2010-05-15"),
    .method = STR_INIT("POST"),
    .path = STR_INIT("/")};

static struct str file_of(struct arena *arena, struct str folder, struct str type)
{
    char *name = arena_strz(arena, type);
    for (char *c = name; *c; c++)
        *c = *c == ':' ? '-' : *c;
    return path_join(arena, folder, arena_printf(arena, "%s.json", name));
}

static int describe_call(struct aws_client *client, struct arena *arena, struct str type,
    const struct value **answer, struct err *err)
{
    struct value_entry input[] = {
        {STR("Type"), value_stringz(arena, "RESOURCE")}, {STR("TypeName"), value_string(arena, type)}};
    struct aws_call call = {.service = &service, .op = &describe_type, .idempotent = true, .body_fd = -1};
    if (wire_encode_request(
            arena, &describe_type, &input_shape, value_map(arena, input, 2), &call.request, err))
        return -1;
    if (!aws_send_decoded(client, &call, arena, "Schema", answer, err))
        return 0;
    if (str_eqz(str_z(err->code), "TypeNotFoundException"))
        err_hint(err, "a third-party type has to be activated in the account first");
    return err_context(err, "asking CloudFormation for %.*s", STR_ARG(type));
}

/* Only a schema that compiles is stored. */
static int describe_check(
    struct arena *arena, struct str schema_text, const struct value **schema, struct err *err)
{
    struct cfn_type *ignored;
    return json_parse(arena, schema_text, schema, err) || cfn_compile(arena, *schema, &ignored, err) ? -1 : 0;
}

int cfn_describe(struct aws_client *client, struct arena *arena, struct str type, struct str folder,
    struct str *path, struct str *version, struct err *err)
{
    const struct value *answer, *schema;
    if (!cfn_is_type_name(type))
        return err_set(err, ERR_USAGE,
            "\"%.*s\" is not a type of CloudFormation: Organization::Service::Type", STR_ARG(type));
    if (describe_call(client, arena, type, &answer, err) ||
        describe_check(arena, value_gets(answer, "Schema"), &schema, err))
        return -1;
    *version = value_gets(answer, "DefaultVersionId");
    *path = file_of(arena, folder, type);
    struct value_entry kept[] = {{STR("schema"), schema}, {STR("version"), value_string(arena, *version)}};
    struct str doc = value_text(json_as_text(arena, value_map(arena, kept, 2)), STR_EMPTY);
    return dir_make(arena_strz(arena, folder), err) || file_write_atomic(path->p, doc, 0600, err) ? -1 : 0;
}

/* *schema is NULL if the folder does not have the type. Returns -1 if its file cannot be read. */
static int cfn_described(
    struct arena *arena, struct str type, const char *folder, const struct value **schema, struct err *err)
{
    struct str content,
        path = folder && cfn_is_type_name(type) ? file_of(arena, str_z(folder), type) : STR_EMPTY;
    const struct value *doc;
    *schema = NULL;
    if (!path.n || !path_exists(path.p))
        return 0;
    if (file_read(arena, path.p, MAX_SCHEMA, &content, err) || json_parse(arena, content, &doc, err))
        return err_context(err, "%.*s", STR_ARG(path));
    *schema = value_getz(doc, "schema");
    return *schema ? 0 : err_set(err, ERR_INVALID, "%.*s has no schema", STR_ARG(path));
}

static int cfn_kind_find(const struct catalog_options *options, struct arena *arena, struct str type,
    bool is_data, const struct schema **out, struct err *err)
{
    const struct value *document = NULL;
    struct cfn_type *found;
    *out = NULL;
    if (!is_data && cfn_described(arena, type, options->schemas_dir, &document, err))
        return -1;
    if (!is_data && !document)
        document = cfn_published(arena, type);
    if (!document)
        return 0;
    if (cfn_compile(arena, document, &found, err))
        return -1;
    found->schema.provider = STR("aws");
    found->schema.service = &cfn_service;
    found->schema.ops = found->has_read ? &cfn_ops : &cfn_ops_unread;
    found->schema.recovery = STR("found by its identifier and in the API's list of requests");
    *out = &found->schema;
    return 0;
}

static const struct str *cfn_kind_names(bool is_data, size_t *n)
{
    *n = 0;
    return is_data ? NULL : cfn_published_names(n);
}

const struct provider_kind cfn_kind = {.name = "cfn", .find = cfn_kind_find, .names = cfn_kind_names};

/* ---- Ownership tags of aws.cfn.* resources, and deletion protection ---- */

#define PREFIX STR("weir:")

enum { TAG_VALUE_MAX = 255 };

static const struct attr *tags_of(const struct op_ctx *ctx)
{
    return ((const struct cfn_type *)ctx->schema->impl)->tags;
}

const struct value *cfn_with_ownership_tags(const struct op_ctx *ctx, const struct value *desired)
{
    const struct attr *tags = tags_of(ctx);
    if (!tags || !ctx->owner.stack.n)
        return desired;
    struct str address = ownership_tag_text(ctx->arena, ctx->address, TAG_VALUE_MAX);
    const struct value *owner_tags = ownership_tags_make(ctx->arena, &ctx->owner, address);
    return value_with(
        ctx->arena, desired, tags->name, value_merge(ctx->arena, value_get(desired, tags->name), owner_tags));
}

static const struct value *live_tags(const struct op_ctx *ctx, const struct value *live)
{
    const struct attr *attr = tags_of(ctx);
    const struct value *tags = attr ? value_get(live, attr->name) : NULL;
    return tags && tags->kind == VALUE_MAP ? tags : NULL;
}

const struct value *cfn_ownership_tags_of(const struct op_ctx *ctx, const struct value *live)
{
    return ownership_tags_among(ctx->arena, live_tags(ctx, live));
}

const struct value *cfn_unmarked(const struct op_ctx *ctx, const struct value *live)
{
    const struct value *tags = live_tags(ctx, live);
    if (!tags)
        return live;
    if (op_wants_ownership_tags(ctx))
        op_ownership_tags(
            ctx, value_text(value_get(live, ctx->schema->id), STR_EMPTY), cfn_ownership_tags_of(ctx, live));
    AUTO_BUILDER struct value_builder users = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!provider_leaves_tag(ctx->provider, tags->entries[i].key))
            value_builder_set(&users, tags->entries[i].key, tags->entries[i].value);
    return value_with(ctx->arena, live, tags_of(ctx)->name, users.n ? value_builder_map(&users) : NULL);
}

/* True for attributes whose value the service assigns anew to each resource: an id that is the identifier,
 * a creation time. Names, and ARNs and URLs made from them, are the same for a later resource of the same
 * name. */
static bool is_assigned_anew(const struct cfn_type *type, const struct attr *attr)
{
    if (!attr->computed || attr->settable)
        return false;
    bool part = false;
    for (size_t i = 0; i < type->id_count; i++)
        part |= str_eq(type->id_parts[i], attr->name);
    return (part && str_ends(attr->name, STR("Id"))) || str_ends(attr->name, STR("ResourceId")) ||
           str_starts(attr->name, STR("Creation")) || str_starts(attr->name, STR("Created")) ||
           str_eqz(attr->name, "CreateTime");
}

struct ownership cfn_find_owner(const struct op_ctx *ctx, const struct value *live)
{
    const struct cfn_type *type = ctx->schema->impl;
    struct ownership out = {.kind = OWNERSHIP_OURS};
    if (!type->tags || !ctx->owner.stack.n)
        return out;
    out = ownership_by_tags(ctx->arena, &ctx->owner, cfn_ownership_tags_of(ctx, live));
    if (out.kind != OWNERSHIP_UNKNOWN)
        return out;
    struct str *names = ARENA_ARRAY(ctx->arena, struct str, ctx->schema->attr_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < ctx->schema->attr_count; i++)
        if (is_assigned_anew(type, &ctx->schema->attrs[i]))
            names[n++] = ctx->schema->attrs[i].name;
    if (!type->tags_with_create)
        return (struct ownership){
            .kind = OWNERSHIP_OURS}; /* the creation may have been interrupted before tagging */
    return ownership_by_record(ctx->arena, ctx->owner.recorded, live, names, n);
}

int cfn_check_owner(const struct op_ctx *ctx, const struct value *live, const char *done, struct err *err)
{
    struct ownership ownership = cfn_find_owner(ctx, live);
    return ctx->owner.owner_checked || ownership.kind == OWNERSHIP_OURS
               ? 0
               : ownership_refuse(&ownership, done, err);
}

/* ---- Deletion protection among a resource's properties, and data loss at deletion: schemas describe
 * neither, so both are known by CloudFormation's names. */

static const char *const offs[] = {"DISABLED", "INACTIVE", "none"};

/* Types of which CloudFormation takes final snapshots (DeletionPolicy), but the Cloud Control API does
 * not. */
static const char *const snapshots[] = {"AWS::DocDB::DBCluster", "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup", "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster"};

/* Returns the value that switches the protection off; NULL if it is not known. */
static const struct value *off_of(struct arena *arena, const struct attr *attr)
{
    if (attr->type->kind == TYPE_BOOL)
        return &value_false;
    for (size_t i = 0; attr->type->kind == TYPE_STRING && attr->choices && i < sizeof offs / sizeof *offs;
         i++)
        if (value_list_has(attr->choices, str_z(offs[i])))
            return value_stringz(arena, offs[i]);
    return NULL;
}

const struct value *cfn_unprotected(const struct op_ctx *ctx, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *v = value_get(live, attr->name), *off = off_of(ctx->arena, attr);
        if (off && !value_is_null(v) && !value_equal(v, off) && attr->settable &&
            str_is_any(attr->name, "DeletionProtection DeletionProtectionEnabled TerminationProtection "
                                   "TerminationProtectionEnabled DisableApiTermination"))
            value_builder_set(&b, attr->name, off);
    }
    return value_builder_map(&b);
}

static const struct value *protect_reported(struct arena *arena, const struct value_entry *off, bool agreed)
{
    struct value_entry flag = {STR("flag"), value_stringz(arena, "delete_protected")};
    struct value_entry message = {STR("message"), value_stringz(arena, "its deletion protection is lifted")};
    if (agreed)
        return VALUE_MAP(arena, flag, message);
    struct str set =
        arena_printf(arena, "%.*s: %.*s", STR_ARG(off->key), STR_ARG(value_scalar_text(arena, off->value)));
    return VALUE_MAP(arena, {STR("stops"), &value_true},
        {STR("message"), value_stringz(arena, "it is protected")}, {STR("lifts"), flag.value},
        {STR("set"), value_string_ref(arena, set)}, {STR("live"), &value_true});
}

int cfn_data_loss(struct op_ctx *ctx, unsigned teardown, const struct value *object,
    const struct value **list, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena);
    const struct value *live = NULL;
    *list = &value_empty_list;
    if (ctx->schema->ops->read(ctx, object, &value_empty_list, &live, err))
        return err->class == ERR_ABSENT ? 0 : -1;
    const struct value *off = live ? cfn_unprotected(ctx, live) : &value_empty_map;
    for (uint32_t i = 0; i < off->count; i++)
        value_builder_add(
            &all, protect_reported(ctx->arena, &off->entries[i], teardown & TEARDOWN_PROTECTED));
    struct value_entry lost = {STR("message"),
        value_stringz(ctx->arena, "no final snapshot is taken: the Cloud Control API takes none")};
    if (live && STR_IS_ONE_OF(ctx->schema->name, snapshots))
        value_builder_add(&all, value_map(ctx->arena, &lost, 1));
    *list = value_builder_list(&all);
    return 0;
}
