/*
 * The provider type of aws.cfn.*, whose types are CloudFormation's: each is found by its name when a stack
 * has it. Schemas that are not in the binary are read from CloudFormation once.
 */
#include "provider/cfn/cfn.h"

#include "base/file.h"
#include "base/json.h"

/* ---- Schemas that are not in the binary, of types that are newer or private ---- */

enum { MAX_SCHEMA = 4 * 1024 * 1024 };

static const struct aws_service service = {.id = STR_INIT("cloudformation"),
    .endpoint_prefix = STR_INIT("cloudformation"),
    .signing_name = STR_INIT("cloudformation")};

static const struct shape text = {.kind = SHAPE_STRING};

static const struct shape_member members[] = {
    {.name = STR_INIT("Type"), .wire = STR_INIT("Type"), .shape = &text},
    {.name = STR_INIT("TypeName"), .wire = STR_INIT("TypeName"), .shape = &text}};

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

static int describe_ask(struct aws_client *client, struct arena *arena, struct str type,
    const struct value **answer, struct err *err)
{
    struct value_entry input[] = {
        {STR("Type"), value_stringz(arena, "RESOURCE")}, {STR("TypeName"), value_string(arena, type)}};
    struct aws_call call = {.service = &service, .op = &describe_type, .idempotent = true, .body_fd = -1};
    if (wire_encode_request(
            arena, &describe_type, &input_shape, value_map(arena, input, 2), &call.request, err))
        return -1;
    if (!aws_ask(client, &call, arena, "Schema", answer, err))
        return 0;
    if (str_eqz(str_z(err->code), "TypeNotFoundException"))
        err_hint(err, "a type of others is to be activated in the account first");
    return err_context(err, "asking CloudFormation for %.*s", STR_ARG(type));
}

/* What is kept has to be of use. */
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
    if (describe_ask(client, arena, type, &answer, err) ||
        describe_check(arena, value_gets(answer, "Schema"), &schema, err))
        return -1;
    *version = value_gets(answer, "DefaultVersionId");
    *path = file_of(arena, folder, type);
    struct value_entry kept[] = {{STR("schema"), schema}, {STR("version"), value_string(arena, *version)}};
    struct str doc = value_text(json_as_text(arena, value_map(arena, kept, 2)), STR_EMPTY);
    return dir_make(arena_strz(arena, folder), err) || file_write_atomic(path->p, doc, 0600, err) ? -1 : 0;
}

/* NULL in *schema: the folder has none of that type. -1: it has, and that cannot be read. */
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
    found->schema.lost = STR("found by its identifier and in the API's list of requests");
    *out = &found->schema;
    return 0;
}

static const struct str *cfn_kind_names(bool is_data, size_t *n)
{
    *n = 0;
    return is_data ? NULL : cfn_published_names(n);
}

const struct provider_kind cfn_kind = {.name = "cfn", .find = cfn_kind_find, .names = cfn_kind_names};
