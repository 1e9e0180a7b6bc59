/* Listings: many objects a request. */
#include "base/map.h"
#include "provider/spec/run.h"

/* ---- tags of all things of a type, from the tagging API ---- */

static const struct aws_service tagging_service = {.id = STR_INIT("resourcegroupstaggingapi"),
    .endpoint_prefix = STR_INIT("tagging"),
    .signing_name = STR_INIT("tagging")};
static const struct wire_operation get_resources = {.name = STR_INIT("GetResources"),
    .protocol = WIRE_JSON11,
    .target_prefix = STR_INIT("ResourceGroupsTaggingAPI_20170126"),
    .method = STR_INIT("POST"),
    .path = STR_INIT("/")};
static const struct shape any = {.kind = SHAPE_ANY};
static const struct shape_member get_resources_members[] = {
    {.name = STR_INIT("filters"), .wire = STR_INIT("ResourceTypeFilters"), .shape = &any},
    {.name = STR_INIT("size"), .wire = STR_INIT("ResourcesPerPage"), .shape = &any},
    {.name = STR_INIT("token"), .wire = STR_INIT("PaginationToken"), .shape = &any}};
static const struct shape get_resources_shape = {
    .kind = SHAPE_STRUCT, .members = get_resources_members, .member_count = 3};
static const struct shape pairs = {.kind = SHAPE_PAIRS};

static void add_tagged(struct run *run, const struct value *document, struct map *by_arn)
{
    const struct value *list = wire_path(run->arena, document, STR("ResourceTagMappingList[]"));
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct value *tags = wire_coerce(run->arena, &pairs, value_getz(list->items[i], "Tags"));
        struct str arn = value_text(value_getz(list->items[i], "ResourceARN"), STR_EMPTY);
        map_set(by_arn, arn, (void *)run_own_tags(run->arena, tags ? tags : &value_empty_map));
    }
}

static int tags_of_all(struct run *run, struct map *by_arn, struct err *err)
{
    const struct value *filter = value_string_ref(run->arena, run->type->tags->bulk);
    const struct value *token = NULL, *document;
    do {
        struct value_entry entries[] = {{STR("filters"), value_list(run->arena, &filter, 1)},
            {STR("size"), value_int(run->arena, 100)}, {STR("token"), token}};
        struct aws_call call = {.service = &tagging_service,
            .op = &get_resources,
            .idempotent = true,
            .body_fd = -1,
            .cancel = run->ctx->cancel};
        struct wire_message response = {0};
        if (wire_encode_request(run->arena, &get_resources, &get_resources_shape,
                value_map(run->arena, entries, 3), &call.request, err) ||
            aws_send(run->client, &call, run->arena, &response, err) ||
            wire_decode_response(run->arena, &get_resources, &response, &document, err))
            return -1;
        add_tagged(run, document, by_arn);
        token = value_getz(document, "PaginationToken");
    } while (value_text(token, STR_EMPTY).n);
    return 0;
}

/* ---- the listing ---- */

static bool covers(const struct spec_type *type, const struct spec_attr *attr)
{
    for (size_t i = 0; i < type->list->answer_count; i++)
        if (str_eq(type->list->answers[i].attr, attr->attr->name))
            return true;
    for (size_t i = 0; i < type->covers.count; i++)
        if (str_eq(type->covers.items[i], attr->attr->name))
            return true;
    return type->list_all && attr->readable &&
           (attr->owner == OWNER_BASE || (attr->owner == OWNER_TAGS && !type->tags->list));
}

static const struct value *covered_names(struct run *run, bool tags)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct spec_attr *attr = &run->type->attrs[i];
        if (covers(run->type, attr) || attr->template.n || (tags && attr->owner == OWNER_TAGS))
            value_builder_add(&names, value_string_ref(run->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

static const struct value *with_tags(struct run *run, const struct value *live, const struct map *by_arn)
{
    const struct value *tags = map_get(by_arn, value_text(value_getz(live, "arn"), STR_EMPTY));
    return value_with(run->arena, live, run->type->tags->attr->attr->name, tags ? tags : &value_empty_map);
}

int spec_list(struct op_ctx *ctx, const struct value *wanted, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct spec_type *type = run.type;
    AUTO_MAP struct map by_arn = MAP_INIT;
    const struct value *items;
    bool tags = type->tags && type->tags->bulk.n && run_wants(wanted, type->tags->attr->attr->name);
    if (run_list(&run, type->list, NULL, NULL, &items, err) || (tags && tags_of_all(&run, &by_arn, err)))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = run_decode(&run, type->list, items->items[i], NULL);
        if (run_fill_templates(&run, live, &live, err))
            return -1;
        if (!run_holds_any(&run, &type->gone, live))
            found(found_ctx, tags ? with_tags(&run, live, &by_arn) : live);
    }
    *covered = covered_names(&run, tags);
    return 0;
}

/* ---- finding ---- */

/* By the attributes that `find: {by: …}` names, in the listing. */
static int find_listed(
    struct run *run, const struct value *desired, const struct value **live, struct err *err)
{
    const struct spec_type *type = run->type;
    const struct value *items;
    if (run_list(run, type->list, desired, NULL, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count && !*live; i++) {
        const struct value *candidate = run_decode(run, type->list, items->items[i], NULL);
        bool same = !run_holds_any(run, &type->gone, candidate);
        for (size_t k = 0; k < type->find_by.count && same; k++)
            same = value_equal(
                value_get(candidate, type->find_by.items[k]), value_get(desired, type->find_by.items[k]));
        if (same)
            *live = candidate;
    }
    return 0;
}

/* An id that is known beforehand identifies; otherwise the spec says how to look. */
int spec_find(struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct spec_type *type = run.type;
    const struct value *object;
    *live = NULL;
    if (run_fill_templates(&run, desired, &object, err))
        return -1;
    const struct value *id = value_get(object, type->schema.id);
    if (!value_is_null(id) && value_is_known(id))
        return run_read(&run, object, NULL, live, err);
    if (type->find) {
        const struct value *items;
        struct err failure = ERR_INIT;
        if (run_list(&run, type->find, object, NULL, &items, &failure)) {
            if (failure.class == ERR_ABSENT)
                return 0;
            *err = failure;
            return -1;
        }
        if (items->count)
            *live = run_decode(&run, type->find, items->items[0], NULL);
    } else if (type->find_by.count && type->list && find_listed(&run, object, live, err)) {
        return -1;
    }
    /* Whole, as a read gives it. */
    return *live ? run_read(&run, value_merge(run.arena, object, *live), NULL, live, err) : 0;
}
