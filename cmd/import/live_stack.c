/* What CloudFormation says of a live stack: its template, parameters, resources, and all exports. */
#include "cmd/import/template.h"

#include "base/json.h"
#include "provider/aws/client.h"
#include "provider/wire/wire.h"

static const struct aws_service service = {.id = STR_INIT("cloudformation"),
    .endpoint_prefix = STR_INIT("cloudformation"),
    .signing_name = STR_INIT("cloudformation")};
static const struct shape text = {.kind = SHAPE_STRING};
static const struct shape_member members[] = {
    {.name = STR_INIT("StackName"), .wire = STR_INIT("StackName"), .shape = &text},
    {.name = STR_INIT("TemplateStage"), .wire = STR_INIT("TemplateStage"), .shape = &text},
    {.name = STR_INIT("NextToken"), .wire = STR_INIT("NextToken"), .shape = &text}};
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
        aws_ask(client, &request, arena, needs, answer, err))
        return err_context(err, "asking CloudFormation (%s)", operation);
    return 0;
}

static const struct value *with_stack(struct arena *arena, struct str stack)
{
    return value_with(arena, NULL, STR("StackName"), value_string(arena, stack));
}

/* Each item of a listing, page by page, as a map by the name that `key` has. */
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

/* {name: text} of {name: {value}}. */
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
