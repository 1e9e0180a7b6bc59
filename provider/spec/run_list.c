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
    {.name = STR_INIT("token"), .wire = STR_INIT("PaginationToken"), .shape = &any},
    {.name = STR_INIT("tags"), .wire = STR_INIT("TagFilters"), .shape = &any}};
static const struct shape get_resources_shape = {
    .kind = SHAPE_STRUCT, .members = get_resources_members, .member_count = 4};
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

/* Of the run's type, or without one of every type. */
static int tagged_page(struct run *run, const struct value *filters, const struct value *token,
    const struct value **document, struct err *err)
{
    const struct value *type = run->type ? value_string_ref(run->arena, run->type->tags->bulk) : NULL;
    struct value_entry entries[] = {{STR("filters"), type ? value_list(run->arena, &type, 1) : NULL},
        {STR("size"), value_int(run->arena, 100)}, {STR("token"), token}, {STR("tags"), filters}};
    struct aws_call call = {.service = &tagging_service,
        .op = &get_resources,
        .idempotent = true,
        .body_fd = -1,
        .cancel = run->ctx->cancel};
    struct wire_message response = {0};
    if (wire_encode_request(run->arena, &get_resources, &get_resources_shape,
            value_map(run->arena, entries, 4), &call.request, err) ||
        aws_send(run->client, &call, run->arena, &response, err))
        return -1;
    return wire_decode_response(run->arena, &get_resources, &response, document, err);
}

int run_tagged(struct run *run, const struct value *filters, struct map *by_arn, struct err *err)
{
    const struct value *token = NULL, *document;
    do {
        if (tagged_page(run, filters, token, &document, err))
            return -1;
        add_tagged(run, document, by_arn);
        token = value_getz(document, "PaginationToken");
    } while (value_text(token, STR_EMPTY).n);
    return 0;
}

const struct value *run_tag_filter(struct arena *arena, const char *key, struct str text)
{
    const struct value *v = value_string(arena, text);
    struct value_entry entries[] = {
        {STR("Key"), value_stringz(arena, key)}, {STR("Values"), value_list(arena, &v, 1)}};
    const struct value *filter = value_map(arena, entries, 2);
    return value_list(arena, &filter, 1);
}

int provider_marked(struct provider *provider, struct arena *arena, struct str stack,
    const struct value **list, struct err *err)
{
    struct op_ctx ctx = {.arena = arena, .provider = provider};
    struct run run = {.ctx = &ctx, .arena = arena, .client = provider_aws(provider)};
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    const struct value *token = NULL, *document, *filter = run_tag_filter(arena, "weir:stack", stack);
    *list = &value_empty_list;
    do {
        if (tagged_page(&run, filter, token, &document, err))
            return -1;
        const struct value *page = wire_path(arena, document, STR("ResourceTagMappingList[]"));
        for (uint32_t i = 0; page && i < page->count; i++) {
            const struct value *tags = wire_coerce(arena, &pairs, value_getz(page->items[i], "Tags"));
            struct value_entry entries[] = {
                {STR("arn"), value_getz(page->items[i], "ResourceARN")}, {STR("tags"), tags}};
            value_builder_add(&all, value_map(arena, entries, 2));
        }
        token = value_getz(document, "PaginationToken");
    } while (value_text(token, STR_EMPTY).n);
    *list = value_builder_list(&all);
    return 0;
}

/* ---- the listing ---- */

/* Is one of the attributes wanted that only this step of the listing brings? */
static bool step_wanted(const struct spec_step *step, const struct value *wanted)
{
    for (size_t i = 0; i < step->wanted.count; i++)
        if (run_wants(wanted, step->wanted.items[i]))
            return true;
    return !step->wanted.count;
}

static const struct value *covered_names(struct run *run, const struct value *wanted, bool tags)
{
    const struct spec_type *type = run->type;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str path;
        bool covered = attr->template.n || (tags && attr->owner == OWNER_TAGS);
        for (size_t k = 0; k < type->list.count && !covered; k++)
            covered = step_wanted(&type->list.items[k], wanted) &&
                      run_provides(type, &type->list.items[k], attr, &path);
        if (covered && !attr->hidden)
            value_builder_add(&names, value_string_ref(run->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

static const struct value *with_tags(struct run *run, const struct value *live, const struct map *by_arn)
{
    const struct value *tags = map_get(by_arn, value_text(value_getz(live, "arn"), STR_EMPTY));
    return value_with(run->arena, live, run->type->tags->attr->attr->name, tags ? tags : &value_empty_map);
}

static struct str id_of(const struct run *run, const struct value *live)
{
    return value_text(value_get(live, run->type->schema.id), STR_EMPTY);
}

/* What a further listing says, by id. */
static int list_more(struct run *run, const struct spec_step *step, struct map *by_id, struct err *err)
{
    const struct value *items;
    if (run_list(run, step, NULL, NULL, &items, err))
        return -1;
    const struct spec_attr *id = spec_attr_find(run->type, run->type->schema.id);
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *item = items->items[i];
        const struct value *key = wire_path(run->arena, item, id->read);
        struct str name = value_scalar_text(run->arena, key);
        const struct value *more = run_decode(run, step, item, map_get(by_id, name));
        if (name.n)
            map_set(by_id, name, (void *)more);
    }
    return 0;
}

static int list_all_more(struct run *run, const struct value *wanted, struct map *by_id, struct err *err)
{
    for (size_t i = 1; i < run->type->list.count; i++)
        if (step_wanted(&run->type->list.items[i], wanted) &&
            list_more(run, &run->type->list.items[i], by_id, err))
            return -1;
    return 0;
}

int spec_list(struct op_ctx *ctx, const struct value *wanted, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct spec_type *type = run.type;
    AUTO_MAP struct map by_arn = MAP_INIT, by_id = MAP_INIT;
    const struct value *items;
    bool tags = type->tags && type->tags->bulk.n && run_wants(wanted, type->tags->attr->attr->name);
    if (run_list(&run, &type->list.items[0], NULL, NULL, &items, err) ||
        list_all_more(&run, wanted, &by_id, err) || (tags && run_tagged(&run, NULL, &by_arn, err)))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = run_decode(&run, &type->list.items[0], items->items[i], NULL);
        live = value_merge(run.arena, live, map_get(&by_id, id_of(&run, live)));
        if (run_fill_templates(&run, live, &live, err))
            return -1;
        if (!run_holds_any(&run, &type->gone, live))
            found(found_ctx, run_shown(&run, tags ? with_tags(&run, live, &by_arn) : live));
    }
    *covered = covered_names(&run, wanted, tags);
    return 0;
}
