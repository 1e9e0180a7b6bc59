/* docker.volume: what outlives containers. Nothing of a volume can be changed in place. */
#include "provider/docker/types.h"

static const struct value *volume_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior UNUSED)
{
    return VALUE_MAP(ctx->arena, {STR("name"), value_getz(document, "Name")},
        {STR("driver"), value_getz(document, "Driver")}, {STR("options"), value_getz(document, "Options")},
        {STR("mountpoint"), value_getz(document, "Mountpoint")});
}

const struct resource docker_volume = {.what = "volume",
    .path = "/volumes/%s",
    .remove = "/volumes/%s",
    .listing = "/volumes",
    .items = "Volumes",
    .labels = "Labels",
    .decode = volume_decode};

/* The Engine answers a second creation with the volume that is there, whoever made it. */
static int volume_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *there;
    *live = NULL;
    if (resource_look(ctx, desired, &there, err))
        return -1;
    if (there && !marks_are_of_intent(ctx, value_getz(there, "Labels")))
        return err_set(
            err, ERR_EXISTS, "the volume \"%.*s\" exists already", STR_ARG(resource_name(desired)));
    struct value_entry body[] = {{STR("Driver"), value_getz(desired, "driver")},
        {STR("DriverOpts"), value_getz(desired, "options")},
        {STR("Labels"), marks_added(ctx, value_getz(desired, "labels"))},
        {STR("Name"), value_getz(desired, "name")}};
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        if (!body[i].value)
            body[i].value = &value_null;
    if (resource_create(ctx, STR("/volumes/create"), value_map(ctx->arena, body, sizeof body / sizeof *body),
            resource_name(desired), err))
        return -1;
    return resource_read(ctx, desired, NULL, live, err);
}

static bool volume_stays(const struct value *object)
{
    return value_getb(object, "keep");
}

static int delete_volume(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    return volume_stays(prior) ? 0 : resource_delete(ctx, 0, prior, err);
}

/* A volume goes with what is in it, and the Engine asks nobody. */
static int erases(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *object,
    const struct value **out, struct err *err)
{
    const struct value *document;
    *out = &value_empty_list;
    if (volume_stays(object))
        return 0;
    if (resource_look(ctx, object, &document, err))
        return -1;
    if (!document)
        return 0;
    const struct value *item =
        VALUE_MAP(ctx->arena, {STR("says"), value_stringz(ctx->arena, "the volume with all that is in it")});
    *out = value_list(ctx->arena, &item, 1);
    return 0;
}

const struct resource_ops docker_volume_ops = {.create = volume_create,
    .read = resource_read,
    .list = resource_list_all,
    .update = resource_update,
    .delete = delete_volume,
    .stays = volume_stays,
    .find = resource_find,
    .marks = resource_marks,
    .marked = resource_marked,
    .erases = erases};
