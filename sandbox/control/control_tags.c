/*
 * The Resource Groups Tagging API, which is in no spec because it spans all services. It lists resources that
 * have an ARN and tags, then S3's buckets. Also DescribeTags.
 */
#include "sandbox/control/control_internal.h"

#include <fnmatch.h>

static const struct wire_operation any_call = {.protocol = WIRE_JSON11};

enum { MAX_PAGE = 100, MAX_ARNS = 20 };

static const struct value *tags_of(const struct resource *resource)
{
    const struct spec_owned *tags = resource->type->tags;
    const struct value *v = tags ? value_get(resource->attrs, tags->attr->attr->name) : NULL;
    return value_as_map(v);
}

static struct str arn_of(const struct resource *resource)
{
    return value_gets(resource->attrs, "arn");
}

/* True if the ARN has the type: arn:aws:glue:us-east-1:000000000000:job/x is "glue" and "glue:job";
 * …:rds:…:db:x is "rds:db". */
static bool is_of_type(struct str arn, struct str filter)
{
    struct str kind, rest, wanted = str_cut(filter, ':', &kind);
    str_cut(arn, ':', &rest);
    str_cut(rest, ':', &rest);
    struct str service = str_cut(rest, ':', &rest);
    str_cut(rest, ':', &rest);
    str_cut(rest, ':', &rest);
    return str_eq(service, wanted) && (!kind.n || (str_starts(rest, kind) && rest.n > kind.n &&
                                                      (rest.p[kind.n] == '/' || rest.p[kind.n] == ':')));
}

static bool is_listed(const struct value *list)
{
    return list && list->kind == VALUE_LIST && list->count;
}

static bool tags_pass(const struct call *call, struct str arn, const struct value *tags_had)
{
    const struct value *types = value_getz(call->raw, "ResourceTypeFilters"),
                       *tags = value_getz(call->raw, "TagFilters"),
                       *arns = value_getz(call->raw, "ResourceARNList");
    bool of_type = !is_listed(types);
    for (uint32_t i = 0; !of_type && i < types->count; i++)
        of_type = is_of_type(arn, value_text(types->items[i], STR_EMPTY));
    if (!of_type || (is_listed(arns) && !value_list_has(arns, arn)))
        return false;
    for (uint32_t i = 0; is_listed(tags) && i < tags->count; i++) {
        const struct value *v = value_get(tags_had, value_gets(tags->items[i], "Key"));
        const struct value *values = value_getz(tags->items[i], "Values");
        if (!v || (is_listed(values) && !value_list_has(values, value_text(v, STR_EMPTY))))
            return false;
    }
    return true;
}

static bool is_taggable(const struct call *call, const struct resource *resource)
{
    bool here = !resource->region.n || str_eq(resource->region, call->region);
    const struct spec_owned *tags = resource->type->tags;
    return here && arn_of(resource).n && tags && !tags->unreported && !resource->deleted_ms;
}

static const struct value *pair(
    struct call *call, const char *first, const struct value *a, const char *second, const struct value *b)
{
    return VALUE_MAP(call->arena, {str_z(first), a}, {str_z(second), b});
}

static const struct value *mapping(struct call *call, struct str arn, const struct value *tags)
{
    struct value_builder list = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < tags->count; i++)
        value_builder_add(&list, pair(call, "Key", value_string(call->arena, tags->entries[i].key), "Value",
                                     tags->entries[i].value));
    return pair(call, "ResourceARN", value_string(call->arena, arn), "Tags", value_builder_list(&list));
}

/* A page of GetResources under construction. */
struct page {
    struct call *call;
    struct value_builder list;
    int64_t shown, most;
    struct str last; /* token of the last item */
    bool more;
};

/* Adds an item. Resources without tags are not listed. */
static void tags_show(struct page *page, struct str arn, const struct value *tags, struct str token)
{
    if (page->more || !tags->count || !tags_pass(page->call, arn, tags))
        return;
    page->more = page->shown == page->most;
    if (page->more)
        return;
    value_builder_add(&page->list, mapping(page->call, arn, tags));
    page->last = token;
    page->shown++;
}

/* Tokens of buckets have a prefix, to distinguish them from resources. */
#define BUCKET_MARK "bucket/"
#define BUCKET_ARN  "arn:aws:s3:::"

/* Returns the tags of the region's tagged buckets, by name. */
static const struct value *bucket_tags(const struct call *call)
{
    const struct control_options *options = &call->control->options;
    return options->bucket_tags ? options->bucket_tags(options->object_ctx, call->arena, call->region)
                                : &value_empty_map;
}

static void show_buckets(struct page *page, struct str after)
{
    struct call *call = page->call;
    const struct value *tags = bucket_tags(call);
    for (uint32_t i = 0; i < tags->count; i++) { /* sorted by name */
        struct str name = tags->entries[i].key;
        if (after.n && str_cmp(name, after) <= 0)
            continue;
        tags_show(page, arena_printf(call->arena, BUCKET_ARN "%.*s", STR_ARG(name)), tags->entries[i].value,
            arena_printf(call->arena, BUCKET_MARK "%.*s", STR_ARG(name)));
    }
}

/* Returns a page; the token names its last resource. */
static const struct value *get_resources(struct call *call)
{
    struct str token = value_gets(call->raw, "PaginationToken"), mark = STR(BUCKET_MARK);
    bool buckets = str_starts(token, mark);
    int64_t after = 0;
    struct page page = {.call = call,
        .list = VALUE_BUILDER(call->arena),
        .most = value_geti(call->raw, "ResourcesPerPage", MAX_PAGE)};
    if (!buckets)
        str_to_int(token, &after);
    for (size_t i = 0; i < call->control->resource_count && !buckets && !page.more; i++) {
        const struct resource *resource = call->control->resources[i];
        if (resource->serial > after && is_taggable(call, resource))
            tags_show(&page, arn_of(resource), tags_of(resource),
                arena_printf(call->arena, "%lld", (long long)resource->serial));
    }
    show_buckets(&page, buckets ? str_slice(token, mark.n, token.n) : STR_EMPTY);
    return pair(call, "ResourceTagMappingList", value_builder_list(&page.list), "PaginationToken",
        value_string(call->arena, page.more ? page.last : STR_EMPTY));
}

static void add_words(
    struct call *call, struct value_builder *found, const struct value *tags, struct str key)
{
    for (uint32_t k = 0; k < tags->count; k++) {
        struct str word = key.n ? value_text(tags->entries[k].value, STR_EMPTY) : tags->entries[k].key;
        if (!key.n || str_eq(tags->entries[k].key, key))
            value_builder_set(found, arena_str(call->arena, word), &value_true);
    }
}

/* Returns the distinct tag keys, or the values of one key. */
static const struct value *get_words(struct call *call, const char *member, struct str key)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(call->arena);
    const struct value *buckets = bucket_tags(call);
    for (size_t i = 0; i < call->control->resource_count; i++)
        if (is_taggable(call, call->control->resources[i]))
            add_words(call, &found, tags_of(call->control->resources[i]), key);
    for (uint32_t i = 0; i < buckets->count; i++)
        add_words(call, &found, buckets->entries[i].value, key);
    const struct value *words = value_keys(call->arena, value_builder_map(&found));
    return pair(call, member, words, "PaginationToken", &value_empty_string);
}

static struct resource *by_arn(struct call *call, struct str arn)
{
    const struct resources known = words_find(call->control, call->arena, &arn, 1);
    for (size_t i = 0; i < known.n; i++)
        if (is_taggable(call, known.items[i]) && str_eq(arn_of(known.items[i]), arn))
            return known.items[i];
    return NULL;
}

static const struct value *retagged(struct call *call, const struct value *tags, bool add)
{
    const struct value *keys = value_getz(call->raw, "TagKeys"), *given = value_getz(call->raw, "Tags");
    if (add && given && given->kind == VALUE_MAP)
        tags = value_merge(call->arena, tags, given);
    if (!add && is_listed(keys)) {
        struct str *removed = ARENA_ARRAY(call->arena, struct str, keys->count);
        for (uint32_t i = 0; i < keys->count; i++)
            removed[i] = value_text(keys->items[i], STR_EMPTY);
        tags = value_without(call->arena, tags, removed, keys->count);
    }
    return tags;
}

/* Returns false if the resource does not exist or the change failed. */
static bool retag(struct call *call, struct str arn, bool add)
{
    const struct control_options *options = &call->control->options;
    if (str_starts(arn, STR(BUCKET_ARN)) && options->tag_bucket) {
        struct str name = str_slice(arn, strlen(BUCKET_ARN), arn.n);
        const struct value *tags = retagged(call, value_as_map(value_get(bucket_tags(call), name)), add);
        return options->tag_bucket(options->object_ctx, call->arena, call->region, name, tags);
    }
    struct resource *resource = by_arn(call, arn);
    return resource && !do_change(call, resource,
                           value_with(call->arena, resource->attrs, resource->type->tags->attr->attr->name,
                               retagged(call, tags_of(resource), add)));
}

/* Changes tags; failures are reported by ARN. */
static const struct value *change_tags(struct call *call, bool add)
{
    const struct value *arns = value_getz(call->raw, "ResourceARNList"), *failed = &value_empty_map;
    for (uint32_t i = 0; is_listed(arns) && i < arns->count; i++) {
        struct str arn = value_text(arns->items[i], STR_EMPTY);
        if (retag(call, arn, add))
            continue;
        const struct value *why =
            pair(call, "ErrorCode", value_stringz(call->arena, "InvalidParameterException"), "ErrorMessage",
                value_stringz(call->arena, "there is no such resource"));
        failed = value_with(call->arena, failed, arn,
            value_with(call->arena, why, STR("StatusCode"), value_int(call->arena, 400)));
    }
    return value_with(call->arena, NULL, STR("FailedResourcesMap"), failed);
}

static const struct value *answer(struct call *call, struct str operation)
{
    if (str_eqz(operation, "GetResources"))
        return get_resources(call);
    if (str_eqz(operation, "GetTagKeys"))
        return get_words(call, "TagKeys", STR_EMPTY);
    if (str_eqz(operation, "GetTagValues"))
        return get_words(call, "TagValues", value_gets(call->raw, "Key"));
    if (str_eqz(operation, "TagResources"))
        return change_tags(call, true);
    if (str_eqz(operation, "UntagResources"))
        return change_tags(call, false);
    return NULL;
}

void tagging_answer(struct call *call, struct str request_id, struct wire_message *out)
{
    struct str operation = wire_request_name(call->arena, WIRE_JSON11, call->request);
    if (wire_decode_request(call->arena, &any_call, &shape_any, call->request, &call->raw, call->err)) {
        wire_encode_error(call->arena, &any_call, 400, STR("SerializationException"),
            STR("the request cannot be read"), request_id, out);
        return;
    }
    const struct value *arns = value_getz(call->raw, "ResourceARNList");
    bool too_many = is_listed(arns) && arns->count > MAX_ARNS;
    const struct value *answered = too_many ? NULL : answer(call, operation);
    if (too_many)
        wire_encode_error(call->arena, &any_call, 400, STR("InvalidParameterException"),
            STR("ResourceARNList: Member must have length less than or equal to 20"), request_id, out);
    else if (!answered)
        wire_encode_error(call->arena, &any_call, 400, STR("UnknownOperationException"),
            STR("the sandbox does not serve this operation"), request_id, out);
    else if (wire_encode_response(call->arena, &any_call, &shape_any, answered, request_id, out, call->err))
        wire_encode_error(call->arena, &any_call, 500, STR("InternalServiceException"),
            str_z(call->err->message), request_id, out);
}

/* ---- DescribeTags of EC2 and Redshift, for all their types ---- */

/* Returns the resource type in an ARN: arn:aws:ec2:us-east-1:000000000000:vpc/vpc-1 is a vpc. */
static struct str kind_of(struct str arn)
{
    struct str rest = arn;
    for (int i = 0; i < 5; i++)
        str_cut(rest, ':', &rest);
    ptrdiff_t colon = str_find_char(rest, ':', 0), slash = str_find_char(rest, '/', 0);
    ptrdiff_t end = colon < 0 || (slash >= 0 && slash < colon) ? slash : colon;
    return end < 0 ? rest : str_slice(rest, 0, (size_t)end);
}

/* Applies an EC2 filter: key, value, resource-id, resource-type, tag:KEY. */
static bool filter_passes(
    const struct call *call, const struct value *filter, const struct value *item, bool *known)
{
    static const char *const names[][2] = {{"key", "Key"}, {"value", "Value"}, {"resource-id", "ResourceId"},
        {"resource-type", "ResourceType"}, {NULL, NULL}};
    struct str name = value_gets(filter, "Name");
    const struct value *wanted = value_getz(filter, "Value");
    size_t i = 0;
    bool tag = str_starts(name, STR("tag:"));
    while (names[i][0] && !str_eqz(name, names[i][0]))
        i++;
    *known = *known && (tag || names[i][0]);
    if (tag && !str_eq(value_gets(item, "Key"), str_slice(name, 4, name.n)))
        return false;
    struct str have = value_gets(item, tag || !names[i][0] ? "Value" : names[i][1]);
    for (uint32_t k = 0; wanted && wanted->kind == VALUE_LIST && k < wanted->count; k++)
        if (!fnmatch(arena_strz(call->arena, value_text(wanted->items[k], STR_EMPTY)),
                arena_strz(call->arena, have), 0))
            return true;
    return false;
}

/* Applies Redshift's members: resource name and type, tag keys and values. */
static bool members_pass(const struct value *raw, struct str arn, const struct value *item)
{
    struct str name = value_gets(raw, "ResourceName"), kind = value_gets(raw, "ResourceType");
    const struct value *keys = value_getz(raw, "TagKeys"), *values = value_getz(raw, "TagValues");
    return (!name.n || str_eq(name, arn)) && (!kind.n || str_ieq(kind, value_gets(item, "ResourceType"))) &&
           (!is_listed(keys) || value_list_has(keys, value_gets(item, "Key"))) &&
           (!is_listed(values) || value_list_has(values, value_gets(item, "Value")));
}

static const struct value *tag_item(
    struct call *call, const struct resource *resource, const struct value_entry *tag, bool ec2)
{
    struct str arn = arn_of(resource), id = resource->id;
    return VALUE_MAP(call->arena, {STR("Key"), value_string(call->arena, tag->key)},
        {STR("Value"), tag->value}, {STR("ResourceType"), value_string(call->arena, kind_of(arn))},
        {ec2 ? STR("ResourceId") : STR("ResourceName"), value_string(call->arena, ec2 ? id : arn)});
}

/* Moves key and value to a structure, as Redshift has them. */
static const struct value *tagged(struct call *call, const struct value *item)
{
    const struct value *tag = pair(call, "Key", value_getz(item, "Key"), "Value", value_getz(item, "Value"));
    item = value_with(call->arena, value_with(call->arena, item, STR("Key"), NULL), STR("Value"), NULL);
    return value_with(call->arena, item, STR("Tag"), tag);
}

static int collect_tags(struct call *call, bool ec2, struct value_builder *out)
{
    const struct value *filters = ec2 ? value_getz(call->raw, "Filter") : NULL;
    bool known = true;
    for (size_t i = 0; i < call->control->resource_count; i++) {
        const struct resource *resource = call->control->resources[i];
        const struct value *tags = tags_of(resource);
        if (!str_eq(resource->type->service->name, call->service->spec->name) || !is_taggable(call, resource))
            continue;
        for (uint32_t k = 0; k < tags->count; k++) {
            const struct value *item = tag_item(call, resource, &tags->entries[k], ec2);
            bool passes = ec2 || members_pass(call->raw, arn_of(resource), item);
            for (uint32_t f = 0; filters && f < filters->count; f++)
                passes = filter_passes(call, filters->items[f], item, &known) && passes;
            if (passes)
                value_builder_add(out, ec2 ? item : tagged(call, item));
        }
    }
    return known ? 0
                 : refuse(call, 400, STR("InvalidParameterValue"), "the sandbox does not know this filter");
}

/* Encodes the list under the service's name. */
static int encode_tags(
    struct call *call, bool ec2, const struct value *list, struct str request_id, struct wire_message *out)
{
    struct making m = {.call = call, .arena = call->arena, .xml = true};
    struct str name = ec2 ? STR("TagSet") : STR("TaggedResources");
    struct shape items = *render_shape(&m, list);
    items.item = ec2 ? STR("item") : STR("TaggedResource");
    struct shape_member member = {.name = name, .wire = name, .shape = &items};
    struct shape shape = {.kind = SHAPE_STRUCT, .members = &member, .member_count = 1};
    struct wire_operation op = call->service->spec->operation;
    op.name = STR("DescribeTags");
    return wire_encode_response(
        call->arena, &op, &shape, value_with(call->arena, NULL, name, list), request_id, out, call->err);
}

bool tags_describe(struct call *call, struct str request_id, struct wire_message *out)
{
    bool ec2 = call->protocol == WIRE_EC2, query = str_eqz(call->service->spec->name, "redshift");
    struct wire_operation op = call->service->spec->operation;
    if (!(ec2 || query) ||
        !str_eqz(wire_request_name(call->arena, call->protocol, call->request), "DescribeTags"))
        return false;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (wire_decode_request(call->arena, &op, &shape_any, call->request, &call->raw, call->err) ||
        collect_tags(call, ec2, &list) || encode_tags(call, ec2, value_builder_list(&list), request_id, out))
        wire_encode_error(call->arena, &op, 400,
            str_z(call->err->code[0] ? call->err->code : "InvalidParameterValue"), str_z(call->err->message),
            request_id, out);
    return true;
}
