/* docker.image: built from a folder, or pulled; tagged, pushed, kept or deleted. */
#include "provider/docker/docker.h"

#include "base/file.h"
#include "base/json.h"

/* ---- names ---- */

#define HUB "docker.io"

static bool is_host(struct str part)
{
    return str_find_char(part, '.', 0) >= 0 || str_find_char(part, ':', 0) >= 0 || str_eqz(part, "localhost");
}

static struct str registry_without(struct str s, struct str prefix)
{
    return str_starts(s, prefix) ? str_slice(s, prefix.n, s.n) : s;
}

/* docker.io/library/postgres is listed as postgres. */
static struct str listed(struct str repository)
{
    repository = registry_without(repository, STR("index.docker.io/"));
    return registry_without(registry_without(repository, STR(HUB "/")), STR("library/"));
}

struct image_name image_name_parse(struct arena *arena, struct str text)
{
    struct image_name name = {.registry = STR(HUB), .repository = text, .tag = STR("latest")};
    ptrdiff_t at = str_find_char(text, '@', 0), colon = -1;
    for (ptrdiff_t i = 0; (i = str_find_char(text, ':', (size_t)i)) >= 0; i++)
        colon = i;
    if (at >= 0) {
        name.by_digest = true;
        name.repository = str_slice(text, 0, (size_t)at);
        name.tag = str_slice(text, (size_t)at + 1, text.n);
    } else if (colon >= 0 && str_find_char(text, '/', (size_t)colon) < 0) {
        name.repository = str_slice(text, 0, (size_t)colon);
        name.tag = str_slice(text, (size_t)colon + 1, text.n);
    }
    struct str rest, first = str_cut(name.repository, '/', &rest);
    if (rest.p && is_host(first))
        name.registry = str_eqz(first, "index.docker.io") ? STR(HUB) : first;
    name.whole = arena_printf(
        arena, "%.*s%s%.*s", STR_ARG(listed(name.repository)), name.by_digest ? "@" : ":", STR_ARG(name.tag));
    return name;
}

/* ---- reading ---- */

/* Reads the document by name; NULL if it does not exist. */
static int image_look(struct op_ctx *ctx, struct str name, const struct value **document, struct err *err)
{
    struct image_name parsed = image_name_parse(ctx->arena, name);
    *document = NULL;
    return name.n ? engine_get(ctx, engine_path(ctx->arena, "/images/%s/json", parsed.whole), document, err)
                  : 0;
}

static const struct value *labels_of(const struct value *document)
{
    const struct value *listed = value_getz(document, "Labels");
    return listed ? listed : resource_at(document, "Config.Labels");
}

static bool is_named(struct arena *arena, const struct value *document, struct str name)
{
    struct image_name parsed = image_name_parse(arena, name);
    return value_list_has(value_getz(document, parsed.by_digest ? "RepoDigests" : "RepoTags"), parsed.whole);
}

/* Returns the configured names that the image has. */
static const struct value *tags_there(
    struct op_ctx *ctx, const struct value *document, const struct value *given)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; given && given->kind == VALUE_LIST && i < given->count; i++)
        if (is_named(ctx->arena, document, value_text(given->items[i], STR_EMPTY)))
            value_builder_add(&out, given->items[i]);
    return value_builder_list(&out);
}

/* Returns the image's digest in the registry: the part after @ of the repository's entry. */
static struct str digest_of(struct op_ctx *ctx, const struct value *document, struct str name)
{
    const struct value *list = value_getz(document, "RepoDigests");
    struct image_name parsed = image_name_parse(ctx->arena, name);
    struct str repository = str_slice(parsed.whole, 0, parsed.whole.n - parsed.tag.n - 1);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        struct str digest, of = str_cut(value_text(list->items[i], STR_EMPTY), '@', &digest);
        if (str_eq(of, repository))
            return digest;
    }
    return STR_EMPTY;
}

static const struct value *image_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior)
{
    struct arena *arena = ctx->arena;
    struct str name = value_gets(prior, "name"), digest = digest_of(ctx, document, name);
    struct image_name parsed = image_name_parse(arena, name);
    struct str pinned = digest.n
                            ? arena_printf(arena, "%.*s@%.*s", STR_ARG(parsed.repository), STR_ARG(digest))
                            : value_gets(document, "Id");
    const struct value *live = VALUE_MAP(arena, {STR("name"), value_getz(prior, "name")},
        {STR("id"), value_getz(document, "Id")}, {STR("digest"), value_string_or_null(arena, digest)},
        {STR("reference"), value_string(arena, pinned)},
        {STR("tags"), tags_there(ctx, document, value_getz(prior, "tags"))},
        {STR("content"), value_string_or_null(arena, value_gets(labels_of(document), "weir:content"))},
        {STR("pulled"), value_bool(value_getb(prior, "pulled"))});
    return image_is_built(prior) ? live : value_with(arena, live, STR("content"), NULL);
}

static int image_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    const struct value *document;
    *live = NULL;
    if (image_look(ctx, value_gets(prior, "name"), &document, err))
        return -1;
    if (document) {
        labels_report(ctx, value_gets(prior, "name"), labels_of(document));
        *live = image_decode(ctx, document, prior);
    }
    return 0;
}

const struct resource docker_image = {.what = "image", .listing = "/images/json"};

static int image_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    const struct value *items;
    *covered = filter->wanted;
    if (resource_list(ctx, STR_EMPTY, &items, err))
        return -1;
    for (size_t k = 0; k < filter->count; k++) {
        struct str name = value_gets(filter->priors[k], "name");
        for (uint32_t i = 0; i < items->count; i++)
            if (is_named(ctx->arena, items->items[i], name)) {
                labels_report(ctx, name, labels_of(items->items[i]));
                found(found_ctx, image_decode(ctx, items->items[i], filter->priors[k]));
                break;
            }
    }
    return 0;
}

static int image_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **out, struct err *err)
{
    const struct value *document;
    if (image_look(ctx, value_gets(object, "name"), &document, err))
        return -1;
    *out = document ? ownership_tags_among(ctx->arena, labels_of(document)) : NULL;
    return 0;
}

static bool is_same(struct op_ctx *ctx, const struct value *document, const struct value *desired)
{
    const struct value *labels = labels_of(document);
    struct str content = value_gets(desired, "content");
    return content.n && str_eq(value_gets(labels, "weir:content"), content) &&
           labels_are_of_stack(ctx, labels);
}

/* An image with the same content by this stack is ours, whichever request built it. */
static int image_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document;
    *live = NULL;
    if (image_look(ctx, value_gets(desired, "name"), &document, err))
        return -1;
    if (document && (!image_is_built(desired) || is_same(ctx, document, desired)))
        *live = image_decode(ctx, document, desired);
    return 0;
}

/* ---- earlier builds ---- */

/* Deletes untagged earlier builds of this resource, except those that containers use. */
static int drop_earlier(struct op_ctx *ctx, struct err *err)
{
    struct arena *arena = ctx->arena;
    const struct value *items,
        *labels[] = {value_string(arena, arena_printf(arena, "weir:stack=%.*s", STR_ARG(ctx->owner.stack))),
            value_string(arena, arena_printf(arena, "weir:address=%.*s", STR_ARG(ctx->address)))};
    const struct value *yes = value_stringz(arena, "true");
    struct value_entry entries[] = {
        {STR("dangling"), value_list(arena, &yes, 1)}, {STR("label"), value_list(arena, labels, 2)}};
    AUTO_BUF struct buf filter = BUF_INIT;
    json_write(&filter, value_map(arena, entries, 2), JSON_PLAIN);
    if (resource_list(ctx, buf_str(&filter), &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        struct err failure = ERR_INIT;
        if (image_untag(ctx, value_gets(items->items[i], "Id"), &failure) && failure.http_status != 409)
            return err_raise(err, &failure);
    }
    return 0;
}

/* ---- creation ---- */

static int name_it(
    struct op_ctx *ctx, const struct value *prior, const struct value *desired, struct err *err)
{
    const struct value *now = value_getz(desired, "tags"), *before = value_getz(prior, "tags");
    struct str name = image_name_parse(ctx->arena, value_gets(desired, "name")).whole;
    for (uint32_t i = 0; now && now->kind == VALUE_LIST && i < now->count; i++)
        if (image_tag(ctx, name, value_text(now->items[i], STR_EMPTY), err))
            return -1;
    for (uint32_t i = 0; before && before->kind == VALUE_LIST && i < before->count; i++) {
        struct str tag = value_text(before->items[i], STR_EMPTY);
        if (!value_list_has(now, tag) && image_untag(ctx, tag, err))
            return -1;
    }
    return value_getb(desired, "push") ? image_push(ctx, desired, err) : 0;
}

static int finish(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document;
    int status = name_it(ctx, prior, desired, err);
    struct err later = ERR_INIT;
    if (image_look(ctx, value_gets(desired, "name"), &document, status ? &later : err))
        return -1;
    if (document)
        *live = image_decode(ctx, document, desired);
    else if (!status)
        status = err_set(err, ERR_PROTOCOL, "the Engine does not show the image");
    return status;
}

static int image_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *there;
    *live = NULL;
    if (image_prepare(ctx, &(struct preparation){0}, desired, &desired, err) ||
        image_look(ctx, value_gets(desired, "name"), &there, err))
        return -1;
    if (!image_is_built(desired)) {
        /* An image that existed before is kept at deletion. */
        if (!there && image_pull(ctx, desired, err))
            return -1;
        return finish(
            ctx, NULL, value_with(ctx->arena, desired, STR("pulled"), value_bool(!there)), live, err);
    }
    if (there && !labels_are_of_stack(ctx, labels_of(there)))
        return err_set(
            err, ERR_EXISTS, "an image called \"%.*s\" exists already", STR_ARG(value_gets(desired, "name")));
    if (!(there && is_same(ctx, there, desired)) && image_build(ctx, desired, err))
        return -1;
    return finish(ctx, NULL, desired, live, err);
}

static int image_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    const struct value *there;
    *live = NULL;
    if (image_prepare(ctx, &(struct preparation){0}, desired, &desired, err) ||
        image_look(ctx, value_gets(desired, "name"), &there, err))
        return -1;
    if (there && image_is_built(desired) &&
        labels_check(ctx, labels_of(there), "built anew under that name", err))
        return -1;
    bool same = there && (!image_is_built(desired) || is_same(ctx, there, desired));
    if (!same && (image_is_built(desired) ? image_build(ctx, desired, err) : image_pull(ctx, desired, err)))
        return -1;
    desired = value_with(ctx->arena, desired, STR("pulled"), value_bool(value_getb(prior, "pulled")));
    if (finish(ctx, prior, desired, live, err))
        return -1;
    return image_is_built(desired) ? drop_earlier(ctx, err) : 0;
}

/* ---- deleting ---- */

static int drop_names(
    struct op_ctx *ctx, const struct value *document, const struct value *prior, struct err *err)
{
    const struct value *tags = tags_there(ctx, document, value_getz(prior, "tags"));
    for (uint32_t i = 0; i < tags->count; i++)
        if (image_untag(ctx, value_text(tags->items[i], STR_EMPTY), err))
            return -1;
    return image_untag(ctx, image_name_parse(ctx->arena, value_gets(prior, "name")).whole, err);
}

static bool image_stays(const struct value *object)
{
    return value_getb(object, "keep") || (!image_is_built(object) && !value_getb(object, "pulled"));
}

static int delete_image(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    const struct value *document;
    bool built = image_is_built(prior);
    if (image_stays(prior))
        return 0;
    if (image_look(ctx, value_gets(prior, "name"), &document, err))
        return -1;
    if (document && built && labels_check(ctx, labels_of(document), "deleted", err))
        return -1;
    if (document && drop_names(ctx, document, prior, err))
        return -1;
    return built ? drop_earlier(ctx, err) : 0;
}

static int image_list_owned(
    struct op_ctx *ctx, bool unreported UNUSED, resource_found *found, void *found_ctx, struct err *err)
{
    const struct value *items;
    if (resource_list(ctx, labels_filter(ctx->arena, ctx->owner.stack), &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *names = value_getz(items->items[i], "RepoTags");
        bool named = names && names->kind == VALUE_LIST && names->count;
        found(found_ctx,
            VALUE_MAP(ctx->arena, {STR("name"), named ? names->items[0] : value_getz(items->items[i], "Id")},
                {STR("pulled"), &value_true}, {STR("tags"), value_getz(items->items[i], "Labels")}));
    }
    return 0;
}

const struct resource_ops docker_image_ops = {.prepare = image_prepare,
    .create = image_create,
    .read = image_read,
    .list = image_list,
    .update = image_update,
    .delete = delete_image,
    .survives_deletion = image_stays,
    .find = image_find,
    .ownership_tags = image_ownership_tags,
    .list_owned = image_list_owned};
