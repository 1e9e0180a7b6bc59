/* Finds live resources by tag, type and CloudFormation stack, and the code of functions: see live.h. */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "cmd/import/template.h"
#include "provider/spec/spec.h"
#include "stacks/fetch/fetch.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- a live stack in CloudFormation: template, parameters, resources, and all exports ---- */

static const struct aws_service service = {.id = STR_INIT("cloudformation"),
    .endpoint_prefix = STR_INIT("cloudformation"),
    .signing_name = STR_INIT("cloudformation")};
static const struct shape text_shape = {.kind = SHAPE_STRING};
static const struct shape_member members[] = {
    {.name = STR_INIT("StackName"), .wire = STR_INIT("StackName"), .shape = &text_shape},
    {.name = STR_INIT("TemplateStage"), .wire = STR_INIT("TemplateStage"), .shape = &text_shape},
    {.name = STR_INIT("NextToken"), .wire = STR_INIT("NextToken"), .shape = &text_shape}};
static const struct shape input_shape = {.kind = SHAPE_STRUCT, .members = members, .member_count = 3};

static int call(struct aws_client *client, struct arena *arena, const char *operation,
    const struct value *input, const char *needs, const struct value **answer, struct err *err)
{
    const struct wire_operation op = {.name = str_z(operation),
        .protocol = WIRE_QUERY,
        .version = STR("2010-05-15"),
        .method = STR("POST"),
        .path = STR("/")};
    struct aws_call request = {.service = &service, .op = &op, .idempotent = true, .body_fd = -1};
    if (wire_encode_request(arena, &op, &input_shape, input, &request.request, err) ||
        aws_send_decoded(client, &request, arena, needs, answer, err))
        return err_context(err, "asking CloudFormation (%s)", operation);
    return 0;
}

static const struct value *with_stack(struct arena *arena, struct str stack)
{
    return value_with(arena, NULL, STR("StackName"), value_string(arena, stack));
}

/* Returns all items of a listing as a map; `key` is the member with the name. */
static int list_all(struct aws_client *client, struct arena *arena, const char *operation,
    const struct value *input, const char *path, const char *key, const struct value **out, struct err *err)
{
    AUTO_PAGES struct pages pages = PAGES_INIT;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (;;) {
        const struct value *answer;
        if (call(client, arena, operation, input, "", &answer, err))
            return -1;
        const struct value *list = wire_path(arena, answer, str_z(path));
        for (uint32_t i = 0; list && i < list->count; i++)
            value_builder_set(&all, value_gets(list->items[i], key), list->items[i]);
        struct str token = value_gets(answer, "NextToken");
        if (!token.n)
            break;
        if (pages_next(&pages, str_z(operation), token, err))
            return -1;
        input = value_with(arena, input, STR("NextToken"), value_string(arena, token));
    }
    *out = value_builder_map(&all);
    return 0;
}

/* Converts {name: {key: text}} to {name: text}. */
static const struct value *live_texts(struct arena *arena, const struct value *map, const char *key)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *v = value_getz(map->entries[i].value, key);
        if (v && v->kind == VALUE_STRING)
            value_builder_set(&out, map->entries[i].key, v);
    }
    return value_builder_map(&out);
}

static int read_template(
    struct aws_client *client, struct arena *arena, struct str stack, struct str *body, struct err *err)
{
    const struct value *answer, *input = with_stack(arena, stack);
    if (call(client, arena, "GetTemplate",
            value_with(arena, input, STR("TemplateStage"), value_stringz(arena, "Processed")), "TemplateBody",
            &answer, err))
        return -1;
    const struct value *found = value_getz(answer, "TemplateBody");
    *body = found->kind == VALUE_STRING ? found->string : value_text(json_as_text(arena, found), STR_EMPTY);
    return 0;
}

static int read_resources(struct aws_client *client, struct arena *arena, struct str stack,
    const struct value **out, struct err *err)
{
    const struct value *all;
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(arena);
    if (list_all(client, arena, "ListStackResources", with_stack(arena, stack),
            "StackResourceSummaries.member[]", "LogicalResourceId", &all, err))
        return -1;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct value *v = all->entries[i].value;
        struct str id = value_gets(v, "PhysicalResourceId"), status = value_gets(v, "ResourceStatus");
        if (!id.n || str_eqz(status, "DELETE_COMPLETE") || str_eqz(status, "CREATE_FAILED"))
            continue;
        value_builder_set(
            &kept, all->entries[i].key, value_with(arena, NULL, STR("id"), value_string(arena, id)));
    }
    *out = value_builder_map(&kept);
    return 0;
}

int template_live_read(struct aws_client *client, struct arena *arena, struct str stack,
    struct template_live *out, struct err *err)
{
    const struct value *answer, *all;
    out->name = stack;
    out->client = client;
    if (call(client, arena, "DescribeStacks", with_stack(arena, stack), "Stacks", &answer, err) ||
        read_template(client, arena, stack, &out->body, err) ||
        read_resources(client, arena, stack, &out->physical, err))
        return -1;
    const struct value *parameters = wire_path(arena, answer, STR("Stacks.member[].Parameters.member[]"));
    AUTO_BUILDER struct value_builder given = VALUE_BUILDER(arena);
    for (uint32_t i = 0; parameters && i < parameters->count; i++) {
        struct str value = value_gets(parameters->items[i], "ParameterValue");
        if (!str_eqz(value, "****"))
            value_builder_set(
                &given, value_gets(parameters->items[i], "ParameterKey"), value_string(arena, value));
    }
    out->parameters = value_builder_map(&given);
    if (list_all(client, arena, "ListExports", &value_empty_map, "Exports.member[]", "Name", &all, err))
        return -1;
    out->exports = live_texts(arena, all, "Value");
    return 0;
}

/* ---- attributes that are not in responses as such, such as a function's code ---- */

/* Returns the text at this path of the first response that has one, or "". */
static struct str reported_at(struct live *l, const struct value *documents, struct str path)
{
    for (uint32_t i = 0; path.n && documents && i < documents->count; i++) {
        struct str text = value_text(wire_path(l->arena, documents->items[i], path), STR_EMPTY);
        if (text.n)
            return text;
    }
    return STR_EMPTY;
}

/* Compares the file with the reported SHA-256. */
static int check_sha256(const char *path, struct str expected, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    unsigned char digest[SHA256_SIZE];
    struct str bytes;
    if (file_read(&arena, path, 0, &bytes, err))
        return -1;
    hash_sha256(bytes, digest);
    if (str_eq(base64_encode(&arena, (struct str){(const char *)digest, sizeof digest}), expected))
        return 0;
    return err_set(err, ERR_PROTOCOL,
        "the downloaded file is not the one that the service reports: its SHA-256 differs");
}

/* Downloads a file into the draft's folder, never overwriting one without --force. */
static int fetch_file(struct live *l, struct str url, struct str sha256, struct str file, struct err *err)
{
    struct str path = path_join(l->arena, str_z(l->wanted->folder), file);
    struct str part = arena_printf(l->arena, "%.*s.part", STR_ARG(path));
    if (path_exists(path.p) && !l->wanted->force)
        return err_set(err, ERR_USAGE, "%s exists already", path.p);
    if (dir_make(l->wanted->folder, err))
        return -1;
    int status = download_https(l->wanted->http, url, part.p, err);
    if (!status && sha256.n)
        status = check_sha256(part.p, sha256, err);
    if (!status && rename(part.p, path.p))
        status = err_errno(err, ERR_IO, "cannot write %s", path.p);
    if (status)
        unlink(part.p);
    return status;
}

/* Adds an artifact for the file, in a bucket that is an input of the draft. */
static struct tree *as_artifact(struct live *l, struct str name, struct str file)
{
    struct str store = draft_ask(l->draft, STR("code_store"), "string",
        STR("Bucket that code is kept in, and a prefix of keys after a slash"), false);
    struct tree *out = tree_new(l->arena, TREE_MAP, NULL);
    draft_artifact(l->draft, name, file, NULL, tree_code(l->arena, NULL, "%s", store.p), out);
    return out;
}

static struct tree *fetched_file(struct live *l, const struct live_resource *one, const struct attr *attr,
    struct str url, struct str sha256, struct buf *comment)
{
    struct str name = draft_snake(l->arena,
        arena_printf(l->arena, "%.*s_%.*s", STR_ARG(str_last_part(one->id, ":/")), STR_ARG(attr->name)));
    struct str file = arena_printf(l->arena, "%.*s.zip", STR_ARG(name));
    struct err err = ERR_INIT;
    if (fetch_file(l, url, sha256, file, &err)) {
        live_comment(comment, "`%.*s` could not be fetched: %s", STR_ARG(attr->name), err.message);
        return NULL;
    }
    live_comment(comment, "`%.*s` was fetched into %.*s", STR_ARG(attr->name), STR_ARG(file));
    return as_artifact(l, name, file);
}

struct tree *live_composed(struct live *l, const struct live_resource *one, const struct attr *attr,
    const struct value *documents, struct buf *comment)
{
    const struct spec_attr *known = spec_attr_find(one->schema->impl, attr->name);
    const struct value *imported = known ? known->imported : NULL;
    struct tree *out = tree_new(l->arena, TREE_MAP, NULL);
    for (uint32_t i = 0; imported && i < imported->count; i++) {
        struct str field = imported->entries[i].key;
        struct str text = reported_at(l, documents, value_text(imported->entries[i].value, STR_EMPTY));
        if (text.n && !str_eqz(field, "fetch") && !str_eqz(field, "sha256"))
            tree_set(l->arena, out, field, tree_string(l->arena, text, NULL));
    }
    struct str url = reported_at(l, documents, value_gets(imported, "fetch"));
    if (out->n)
        return out;
    if (!url.n || !l->wanted->folder)
        return NULL;
    return fetched_file(
        l, one, attr, url, reported_at(l, documents, value_gets(imported, "sha256")), comment);
}

static void live_add(
    struct live *l, const struct schema *schema, struct str id, struct str arn, const struct value *found)
{
    struct str key = arena_printf(l->arena, "%.*s %.*s", STR_ARG(schema->name), STR_ARG(id));
    if (!id.n) {
        l->draft->left_out++;
        draft_row(l->draft, arn.n ? arena_str(l->arena, arn) : schema->name, STR("-"),
            STR("left out: the listing does not return its id"));
    }
    if (!id.n || map_get(&l->known, key))
        return;
    ARENA_GROW(l->arena, l->items, l->n, l->cap);
    struct live_resource *one = ARENA_MAKE(l->arena, struct live_resource, .schema = schema,
        .id = arena_str(l->arena, id), .arn = arena_str(l->arena, arn),
        .found = found ? value_copy(l->arena, found) : NULL, .unlisted = l->perhaps, .address = l->address);
    map_set(&l->known, key, one);
    l->items[l->n++] = one;
}

/* ---- by ARN ---- */

/* A type whose ARN pattern matches. */
struct candidate {
    const struct schema *schema;
    const struct value *object; /* the attributes in the ARN */
    size_t open;                /* number of characters that are values */
};

static int by_precision(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->open > y->open) - (x->open < y->open);
}

/* Returns the total length of the values in the ARN; 0: the type does not accept one of them. */
static size_t open_length(struct live *l, const struct schema *schema, const struct value *object)
{
    size_t open = 1;
    for (uint32_t i = 0; i < object->count; i++) {
        const struct attr *attr = schema_attr(schema, object->entries[i].key);
        const struct value *v = object->entries[i].value, *converted;
        struct schema_issue issue = {0};
        if (!attr || v->kind != VALUE_STRING || str_eqz(attr->name, "arn"))
            continue;
        if (schema_convert(l->arena, attr, v, &converted, &issue))
            return 0;
        open += v->string.n;
    }
    return open;
}

/* Returns the matching types, the most specific pattern first: alias/a is a key's alias and not a key,
 * restapis/a/stages/b is a stage and not an API. */
static struct candidate *candidates_of(struct live *l, struct str arn, size_t *count)
{
    size_t n;
    const struct str *types = catalog_names(l->draft->catalog, false, &n);
    struct candidate *out = ARENA_ARRAY(l->arena, struct candidate, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *object = NULL;
        const struct schema *schema = str_starts(types[i], STR("aws."))
                                          ? catalog_find(l->draft->catalog, types[i], false, ERR_IGNORED)
                                          : NULL;
        if (!schema || !schema->ops->by_arn)
            continue;
        struct op_ctx op = lookup_context(l->lookup, schema);
        if (schema->ops->by_arn(&op, arn, &object, ERR_IGNORED) || !object)
            continue;
        size_t open = open_length(l, schema, object);
        if (open)
            out[(*count)++] = (struct candidate){schema, object, open};
    }
    qsort(out, *count, sizeof *out, by_precision);
    return out;
}

/* Adds the resource of an ARN. Returns false if no type matches. */
static bool add_arn(struct live *l, struct str arn)
{
    size_t n;
    const struct candidate *candidates = candidates_of(l, arn, &n);
    for (size_t i = 0; i < n; i++) {
        struct err err = ERR_INIT;
        const struct schema *schema = candidates[i].schema;
        const struct value *live = NULL, *object = candidates[i].object, *named = object;
        struct op_ctx op = lookup_context(l->lookup, schema);
        if (!value_gets(object, schema->id.p).n &&
            schema->ops->find_by_name && /* a queue has its URL as id */
            (schema->ops->find_by_name(&op, named, &object, &err) || !object))
            continue;
        struct str id = value_gets(object, schema->id.p);
        bool sure = !str_eq(id, arn); /* if the ARN is the id, only reading the resource confirms the type */
        if (!id.n || (!sure && (lookup_read(l->lookup, schema, id, &live, NULL, &err) || !live)))
            continue;
        live_add(l, schema, id, arn, candidates[i].object);
        return true;
    }
    return false;
}

static void on_tagged(void *ctx, struct str arn, const struct value *tags)
{
    struct live *l = ctx;
    struct str address = value_gets(tags, "weir:address");
    l->address = arena_str(l->arena, address);
    arn = arena_str(l->arena, arn);
    if (add_arn(l, arn))
        return;
    l->draft->left_out++;
    draft_row(l->draft, arn, STR("-"),
        STR("left out: no type of weir's own has such ARNs; --type AWS::Service::Type lists one of "
            "CloudFormation's"));
}

/* ---- by type ---- */

static void on_listed(void *ctx, const struct value *live)
{
    struct live *l = ctx;
    live_add(l, l->listed, value_gets(live, l->listed->id.p), value_gets(live, "arn"), live);
}

int live_find(struct live *l, const struct live_wanted *wanted, struct err *err)
{
    struct aws_client *client = provider_aws(l->lookup->provider);
    if (wanted->tag_key.n) {
        const struct aws_tagged tagged = {.type = STR_EMPTY,
            .filters = aws_tag_filter(l->arena, arena_strz(l->arena, wanted->tag_key), wanted->tag_value)};
        if (aws_tagged(client, l->arena, &tagged, on_tagged, l, err))
            return err_context(err, "asking the tagging API");
    }
    for (size_t i = 0; i < wanted->type_count; i++) {
        l->listed = catalog_find(l->draft->catalog, wanted->types[i], false, err);
        if (!l->listed)
            return word_hint(l->draft->catalog, wanted->types[i], err);
        l->perhaps = !live_is_listed(l, l->listed);
        if (live_check_listed(l, l->listed, err) || live_list(l, l->listed, on_listed, l, err))
            return -1;
    }
    return 0;
}
