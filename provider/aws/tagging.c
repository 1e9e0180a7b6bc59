/* The tagging API of a region, and what an S3-compatible store does not support: see client.h. */

#include "base/file.h"
#include "provider/aws/client_state.h"

const struct aws_service aws_tagging_service = {.id = STR_INIT("resourcegroupstaggingapi"),
    .endpoint_prefix = STR_INIT("tagging"),
    .signing_name = STR_INIT("tagging")};

static const struct wire_operation get_resources =
    AWS_JSON_OPERATION("ResourceGroupsTaggingAPI_20170126", "GetResources");

static const struct shape pairs = {.kind = SHAPE_PAIRS};

static int tagging_call(struct aws_client *client, struct arena *arena, const struct aws_tagged *wanted,
    const struct value *input, const struct value **document, struct err *err)
{
    struct aws_call call = {.service = &aws_tagging_service,
        .op = &get_resources,
        .idempotent = true,
        .body_fd = -1,
        .cancel = wanted->cancel};
    return aws_send_json(client, &call, input, arena, "ResourceTagMappingList", document, err);
}

static int tagged_page(struct aws_client *client, struct arena *arena, const struct aws_tagged *wanted,
    const struct value *token, const struct value **document, struct err *err)
{
    const struct value *type = wanted->type.n ? value_string_ref(arena, wanted->type) : NULL;
    struct value_entry entries[] = {{STR("ResourceTypeFilters"), type ? value_list(arena, &type, 1) : NULL},
        {STR("ResourcesPerPage"), value_int(arena, 100)}, {STR("PaginationToken"), token},
        {STR("TagFilters"), wanted->filters}};
    return tagging_call(client, arena, wanted, value_map(arena, entries, 4), document, err);
}

/* Some servers ignore filters: resources without the requested tags are left out here. */
static bool is_wanted(const struct value *filters, const struct value *tags)
{
    for (uint32_t i = 0; filters && i < filters->count; i++) {
        const struct value *values = value_getz(filters->items[i], "Values"),
                           *tag = value_get(tags, value_gets(filters->items[i], "Key"));
        if (!tag || (values && !value_list_has(values, value_text(tag, STR_EMPTY))))
            return false;
    }
    return true;
}

static void pass_resources(struct arena *arena, const struct value *document, const struct aws_tagged *wanted,
    aws_tagged_found *found, void *found_ctx)
{
    const struct value *list = wire_path(arena, document, STR("ResourceTagMappingList[]"));
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct value *tags = wire_coerce(arena, &pairs, value_getz(list->items[i], "Tags"));
        tags = tags ? tags : &value_empty_map;
        if (is_wanted(wanted->filters, tags))
            found(found_ctx, value_gets(list->items[i], "ResourceARN"), tags);
    }
}

int aws_tagged(struct aws_client *client, struct arena *arena, const struct aws_tagged *wanted,
    aws_tagged_found *found, void *found_ctx, struct err *err)
{
    AUTO_PAGES struct pages pages = PAGES_INIT;
    const struct value *token = NULL, *document;
    for (;;) {
        if (tagged_page(client, arena, wanted, token, &document, err))
            return -1;
        pass_resources(arena, document, wanted, found, found_ctx);
        token = value_getz(document, "PaginationToken");
        if (!value_text(token, STR_EMPTY).n)
            return 0;
        if (pages_next_value(&pages, get_resources.name, token, err))
            return -1;
    }
}

/* A list of names excludes pagination: a response with another page is from a server that ignores names. */
int aws_tagged_of(struct aws_client *client, struct arena *arena, const struct str *arns, size_t n,
    const struct aws_tagged *wanted, aws_tagged_found *found, void *found_ctx, struct err *err)
{
    for (size_t i = 0; i < n && !client->tags_by_page; i += AWS_TAGGED_AT_ONCE) {
        AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
        for (size_t k = i; k < n && k < i + AWS_TAGGED_AT_ONCE; k++)
            value_builder_add(&names, value_string_ref(arena, arns[k]));
        struct value_entry entry = {STR("ResourceARNList"), value_builder_list(&names)};
        const struct value *document;
        if (tagging_call(client, arena, wanted, value_map(arena, &entry, 1), &document, err))
            return -1;
        if (value_gets(document, "PaginationToken").n)
            client->tags_by_page = true;
        else
            pass_resources(arena, document, wanted, found, found_ctx);
    }
    if (!client->tags_by_page)
        return 0;
    if (!wanted->type.n)
        return err_set(err, ERR_SERVICE, "this endpoint cannot look up tags by ARN");
    return aws_tagged(client, arena, wanted, found, found_ctx, err);
}

const struct value *aws_tag_filter(struct arena *arena, const char *key, struct str text)
{
    const struct value *v = value_string(arena, text);
    struct value_entry entries[] = {
        {STR("Key"), value_stringz(arena, key)}, {STR("Values"), value_list(arena, &v, 1)}};
    const struct value *filter = value_map(arena, entries, text.n ? 2 : 1);
    return value_list(arena, &filter, 1);
}

/* ---- Calls that an S3-compatible store does not support (tags on buckets, say), as its responses showed. */

enum { KEPT_MAX = 64 * 1024 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the file */

bool unsupported_says(const struct err *err)
{
    static const char *const codes[] = {"NotImplemented", "MethodNotAllowed", "UnsupportedOperation"};
    return STR_IS_ONE_OF(str_z(err->code), codes) || err->http_status == 501 || err->http_status == 405;
}

static struct str kept_in(struct arena *arena, struct str work_dir)
{
    return path_join(arena, work_dir, STR("stores-lack"));
}

/* Reads the file: each line is the call's name, a space, the endpoint. */
static struct str read_kept(struct arena *arena, struct str work_dir)
{
    struct str text = STR_EMPTY;
    if (!work_dir.n || file_read(arena, kept_in(arena, work_dir).p, KEPT_MAX, &text, ERR_IGNORED))
        return STR_EMPTY;
    return text;
}

static bool unsupported_has(struct str text, struct str line)
{
    for (struct str rest = text; rest.p;)
        if (str_eq(str_cut(rest, '\n', &rest), line))
            return true;
    return false;
}

bool unsupported_is_known(struct str work_dir, struct str endpoint, const char *what)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    return unsupported_has(
        read_kept(&scratch, work_dir), arena_printf(&scratch, "%s %.*s", what, STR_ARG(endpoint)));
}

bool unsupported_note(struct str work_dir, struct str endpoint, const char *what)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT; /* the call is tried again then */
    struct str line = arena_printf(&scratch, "%s %.*s", what, STR_ARG(endpoint));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    struct str before = read_kept(&scratch, work_dir);
    bool first = !unsupported_has(before, line);
    if (first && work_dir.n) {
        struct str text = arena_printf(&scratch, "%.*s%.*s\n", STR_ARG(before), STR_ARG(line));
        file_write_atomic(kept_in(&scratch, work_dir).p, text, 0600, &ignored);
    }
    return first;
}
