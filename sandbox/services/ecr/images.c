/*
 * Images of a repository. PutImage stores a manifest; layers cannot be pushed. The note beside the repository
 * is {images: [{digest, manifest, type, pushed, tags}]}. Also the password for docker login.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"

/* ---- password for docker login; the sandbox has no registry to push to */

enum { HALF_A_DAY_MS = 12 * 3600 * 1000 };

static int get_token(struct service_call *call, struct err *err UNUSED)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str account = services_account(call->services);
    view_text(&b, "authorizationToken", base64_encode(call->arena, STR("AWS:sandbox")));
    view_set(&b, "expiresAt", service_time(call, clock_wall_ms() + HALF_A_DAY_MS));
    view_text(&b, "proxyEndpoint",
        arena_printf(
            call->arena, "https://%.*s.dkr.ecr.%.*s.amazonaws.com", STR_ARG(account), STR_ARG(call->region)));
    const struct value *one = value_builder_map(&b);
    service_answer(call, "authorizationData", value_list(call->arena, &one, 1));
    return 0;
}

const struct service_operation ecr_operations[] = {
    {"ecr", "GetAuthorizationToken", get_token},
    {0},
};

#define NOTE "images"

enum { MAX_SHOWN = 1000, MAX_MANIFEST = 4 * 1024 * 1024 };

static int find_repository(struct service_call *call, struct control_record *out, struct err *err)
{
    struct str name, account = services_account(call->services);
    if (service_required(call, "repositoryName", &name, err))
        return -1;
    if (service_find(call, STR("aws.ecr.repository"), name, out))
        return 0;
    return service_refuse(err, 400, "RepositoryNotFoundException",
        "The repository with name '%.*s' does not exist in the registry with id '%.*s'", STR_ARG(name),
        STR_ARG(account));
}

static const struct value *image_id(struct arena *arena, struct str digest, struct str tag)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "imageDigest", digest);
    view_text(&b, "imageTag", tag);
    return value_builder_map(&b);
}

static bool is_named(const struct value *image, const struct value *id)
{
    struct str digest = value_gets(id, "imageDigest"), tag = value_gets(id, "imageTag");
    return (digest.n || tag.n) && (!digest.n || str_eq(digest, value_gets(image, "digest"))) &&
           (!tag.n || value_list_has(value_getz(image, "tags"), tag));
}

static const struct value *without_tag(struct arena *arena, const struct value *image, struct str tag)
{
    return value_with(arena, image, STR("tags"), value_list_without(arena, value_getz(image, "tags"), tag));
}

static const struct value *view_image(struct service_call *call, const struct control_record *repository,
    const struct value *image, struct str tag)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "registryId", services_account(call->services));
    view_text(&b, "repositoryName", repository->id);
    view_set(&b, "imageId", image_id(call->arena, value_gets(image, "digest"), tag));
    view_members(&b, image, "imageManifest=manifest imageManifestMediaType=type");
    return value_builder_map(&b);
}

/* ---- PutImage ---- */

static const struct value *new_image(struct service_call *call, struct str manifest, struct str digest)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *read;
    struct str type = value_gets(call->input, "imageManifestMediaType");
    if (!type.n && !json_parse(call->arena, manifest, &read, ERR_IGNORED))
        type = value_gets(read, "mediaType");
    view_text(&b, "digest", digest);
    view_text(&b, "manifest", manifest);
    view_text(&b, "type", type);
    view_int(&b, "pushed", clock_wall_ms());
    view_set(&b, "tags", &value_empty_list);
    return value_builder_map(&b);
}

/* Stores the image under the tag. The tag is taken from another image, unless tags are immutable. */
static int put_tagged(struct service_call *call, const struct control_record *repository, struct str manifest,
    struct str digest, struct str tag, struct err *err)
{
    const struct value *images = service_note_list(call, NOTE, repository, "images"), *mine = NULL;
    bool fixed = str_eqz(value_gets(repository->attrs, "image_tag_mutability"), "IMMUTABLE");
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < images->count; i++) {
        const struct value *image = images->items[i];
        bool same = str_eq(value_gets(image, "digest"), digest),
             bears = tag.n && value_list_has(value_getz(image, "tags"), tag);
        if (same && (bears || !tag.n))
            return service_refuse(err, 400, "ImageAlreadyExistsException",
                "Image with digest '%.*s' and tag '%.*s' already exists in the repository with name '%.*s'",
                STR_ARG(digest), STR_ARG(tag), STR_ARG(repository->id));
        if (bears && fixed)
            return service_refuse(err, 400, "ImageTagAlreadyExistsException",
                "The image tag '%.*s' already exists in the '%.*s' repository and cannot be overwritten "
                "because "
                "the tag is immutable.",
                STR_ARG(tag), STR_ARG(repository->id));
        if (same)
            mine = image;
        else
            value_builder_add(&kept, bears ? without_tag(call->arena, image, tag) : image);
    }
    mine = mine ? mine : new_image(call, manifest, digest);
    if (tag.n)
        mine = value_with(call->arena, mine, STR("tags"),
            value_list_with(call->arena, value_getz(mine, "tags"), value_string(call->arena, tag)));
    value_builder_add(&kept, mine);
    if (service_note_list_write(call, NOTE, repository, "images", value_builder_list(&kept), err))
        return -1;
    service_answer(call, "image", view_image(call, repository, mine, tag));
    return 0;
}

static int put_image(struct service_call *call, struct err *err)
{
    struct control_record repository;
    struct str manifest = value_gets(call->input, "imageManifest"),
               given = value_gets(call->input, "imageDigest");
    if (find_repository(call, &repository, err))
        return -1;
    struct str digest = arena_printf(call->arena, "sha256:%.*s", STR_ARG(sha256_hex(call->arena, manifest)));
    if (manifest.n > MAX_MANIFEST)
        return service_refuse(err, 400, "InvalidParameterException", "imageManifest has at most 4 MiB");
    if (given.n && !str_eq(given, digest))
        return service_refuse(err, 400, "ImageDigestDoesNotMatchException",
            "The specified image digest does not match the digest that Amazon ECR calculated for the image.");
    return put_tagged(call, &repository, manifest, digest, value_gets(call->input, "imageTag"), err);
}

/* ---- listing and describing ---- */

/* Applies the filter tagStatus: TAGGED, UNTAGGED or none. */
static bool image_passes(const struct service_call *call, const struct value *image)
{
    struct str wanted = value_gets(value_getz(call->input, "filter"), "tagStatus");
    bool tagged = value_getz(image, "tags")->count > 0;
    return str_eqz(wanted, "TAGGED") ? tagged : !str_eqz(wanted, "UNTAGGED") || !tagged;
}

static int list_images(struct service_call *call, struct err *err)
{
    struct control_record repository;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    if (find_repository(call, &repository, err))
        return -1;
    const struct value *images = service_note_list(call, NOTE, &repository, "images");
    for (uint32_t i = 0; i < images->count; i++) {
        const struct value *image = images->items[i], *tags = value_getz(image, "tags");
        if (!image_passes(call, image))
            continue;
        struct str digest = value_gets(image, "digest");
        for (uint32_t k = 0; k < tags->count; k++)
            value_builder_add(&list, image_id(call->arena, digest, value_text(tags->items[k], STR_EMPTY)));
        if (!tags->count)
            value_builder_add(&list, image_id(call->arena, digest, STR_EMPTY));
    }
    return service_answer_page(call, "imageIds", value_builder_list(&list), MAX_SHOWN, err);
}

static int64_t size_of(struct arena *arena, const struct value *image)
{
    const struct value *read, *layers;
    int64_t size = 0;
    if (json_parse(arena, value_gets(image, "manifest"), &read, ERR_IGNORED))
        return 0;
    layers = value_getz(read, "layers");
    for (uint32_t i = 0; layers && layers->kind == VALUE_LIST && i < layers->count; i++)
        size += service_int_within(layers->items[i], "size", 0, 0, SERVICE_INT_MOST / 1000);
    return size;
}

static const struct value *view_detail(
    struct service_call *call, const struct control_record *repository, const struct value *image)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *tags = value_getz(image, "tags");
    view_text(&b, "registryId", services_account(call->services));
    view_text(&b, "repositoryName", repository->id);
    view_set(&b, "imageDigest", value_getz(image, "digest"));
    view_set(&b, "imageTags", tags->count ? tags : NULL);
    view_int(&b, "imageSizeInBytes", size_of(call->arena, image));
    view_time(&b, "imagePushedAt", service_int(image, "pushed", 0));
    view_set(&b, "imageManifestMediaType", value_getz(image, "type"));
    return value_builder_map(&b);
}

static int refuse_image(struct service_call *call, const struct control_record *repository,
    const struct value *id, struct err *err)
{
    struct str text = json_as_text(call->arena, id)->string, account = services_account(call->services);
    return service_refuse(err, 400, "ImageNotFoundException",
        "The image with imageId %.*s does not exist within the repository with name '%.*s' in the registry "
        "with "
        "id '%.*s'",
        STR_ARG(text), STR_ARG(repository->id), STR_ARG(account));
}

static int describe_images(struct service_call *call, struct err *err)
{
    struct control_record repository;
    const struct value *ids = value_as_list(value_getz(call->input, "imageIds"));
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    if (find_repository(call, &repository, err))
        return -1;
    const struct value *images = service_note_list(call, NOTE, &repository, "images");
    for (uint32_t k = 0; k < ids->count; k++) {
        uint32_t i = 0;
        while (i < images->count && !is_named(images->items[i], ids->items[k]))
            i++;
        if (i == images->count)
            return refuse_image(call, &repository, ids->items[k], err);
        value_builder_add(&list, view_detail(call, &repository, images->items[i]));
    }
    for (uint32_t i = 0; !ids->count && i < images->count; i++)
        if (image_passes(call, images->items[i]))
            value_builder_add(&list, view_detail(call, &repository, images->items[i]));
    return service_answer_page(call, "imageDetails", value_builder_list(&list), MAX_SHOWN, err);
}

static const struct value *image_failure(struct arena *arena, const struct value *id)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_set(&b, "imageId", id);
    view_text(&b, "failureCode", STR("ImageNotFound"));
    view_text(&b, "failureReason", STR("Requested image not found"));
    return value_builder_map(&b);
}

static int batch_get(struct service_call *call, struct err *err)
{
    struct control_record repository;
    const struct value *ids = value_as_list(value_getz(call->input, "imageIds"));
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(call->arena), failed = VALUE_BUILDER(call->arena);
    (void)value_getz(call->input, "acceptedMediaTypes"); /* the manifest is returned as it was put */
    if (find_repository(call, &repository, err))
        return -1;
    const struct value *images = service_note_list(call, NOTE, &repository, "images");
    for (uint32_t k = 0; k < ids->count; k++) {
        bool any = false;
        for (uint32_t i = 0; i < images->count && !any; i++) {
            any = is_named(images->items[i], ids->items[k]);
            if (any)
                value_builder_add(&found,
                    view_image(call, &repository, images->items[i], value_gets(ids->items[k], "imageTag")));
        }
        if (!any)
            value_builder_add(&failed, image_failure(call->arena, ids->items[k]));
    }
    service_answer(call, "images", value_builder_list(&found));
    service_answer(call, "failures", value_builder_list(&failed));
    return 0;
}

/* ---- deleting ---- */

/* Deletes by tag: the image loses the tag, and is deleted with its last tag. Deletes by digest: with all
 * tags. */
static const struct value *images_without(
    struct service_call *call, const struct value *images, const struct value *id, struct value_builder *gone)
{
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(call->arena);
    struct str tag = value_gets(id, "imageTag");
    for (uint32_t i = 0; i < images->count; i++) {
        const struct value *image = images->items[i];
        if (!is_named(image, id)) {
            value_builder_add(&kept, image);
            continue;
        }
        const struct value *rest = tag.n ? without_tag(call->arena, image, tag) : NULL;
        value_builder_add(gone, image_id(call->arena, value_gets(image, "digest"), tag));
        if (rest && value_getz(rest, "tags")->count)
            value_builder_add(&kept, rest);
    }
    return value_builder_list(&kept);
}

static int batch_delete(struct service_call *call, struct err *err)
{
    struct control_record repository;
    const struct value *ids = value_as_list(value_getz(call->input, "imageIds"));
    AUTO_BUILDER struct value_builder gone = VALUE_BUILDER(call->arena), failed = VALUE_BUILDER(call->arena);
    if (find_repository(call, &repository, err))
        return -1;
    const struct value *images = service_note_list(call, NOTE, &repository, "images");
    for (uint32_t k = 0; k < ids->count; k++) {
        size_t before = gone.n;
        images = images_without(call, images, ids->items[k], &gone);
        if (gone.n == before)
            value_builder_add(&failed, image_failure(call->arena, ids->items[k]));
    }
    int status = service_note_list_write(call, NOTE, &repository, "images", images, err);
    service_answer(call, "imageIds", value_builder_list(&gone));
    service_answer(call, "failures", value_builder_list(&failed));
    return status;
}

static int delete_repository(struct service_call *call, struct err *err)
{
    struct control_record repository;
    struct str account = services_account(call->services);
    if (find_repository(call, &repository, err))
        return -1;
    call->declined = value_equal(value_getz(call->input, "force"), &value_true) ||
                     !service_note_list(call, NOTE, &repository, "images")->count;
    if (call->declined)
        return 0;
    return service_refuse(err, 400, "RepositoryNotEmptyException",
        "The repository with name '%.*s' in registry with id '%.*s' cannot be deleted because it still "
        "contains "
        "images",
        STR_ARG(repository.id), STR_ARG(account));
}

const struct service_operation ecr_image_operations[] = {
    {"ecr", "PutImage", put_image},
    {"ecr", "ListImages", list_images},
    {"ecr", "DescribeImages", describe_images},
    {"ecr", "BatchGetImage", batch_get},
    {"ecr", "BatchDeleteImage", batch_delete},
    {"ecr", "DeleteRepository", delete_repository},
    {0},
};
