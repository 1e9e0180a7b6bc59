/* Code in a template, and files that `cdk synth` writes beside it: copied beside the stack as artifacts in a
 * bucket of the stack. See template.h. */
#include "cmd/import/template.h"

#include "base/file.h"

/* ---- the files of cdk.out ---- */

/* Returns the path of Orders.assets.json for Orders.template.json. Nested templates use their parent's. */
static struct str manifest_path(struct template *t)
{
    while (t->parent)
        t = (struct template *)t->parent;
    struct str path = t->source->path, end = STR(".template.json");
    return str_ends(path, end) ? arena_printf(t->arena, "%.*s.assets.json", (int)(path.n - end.n), path.p)
                               : STR_EMPTY;
}

/* Returns whether docker.image can build all images: those of a script stay in the CDK's repository, and so
 * do the others, which have the same permissions. */
static bool are_buildable(const struct node *images)
{
    for (uint32_t i = 0; images && images->kind == NODE_MAP && i < images->count; i++) {
        const struct node *source = node_get(images->entries[i].value, "source");
        for (uint32_t k = 0; source && source->kind == NODE_MAP && k < source->count; k++)
            if (!str_is_any(source->entries[k].key,
                    "directory dockerFile dockerBuildArgs dockerBuildTarget platform cacheDisabled"))
                return false;
    }
    return images != NULL;
}

static void add_asset(struct template *t, struct str folder, const struct node *asset_node, bool is_image)
{
    const struct node *source = node_get(asset_node, "source"), *all = node_get(asset_node, "destinations");
    struct str path = nodes_literal(node_get(source, is_image ? "directory" : "path"));
    for (uint32_t i = 0; path.n && all && all->kind == NODE_MAP && i < all->count; i++) {
        const struct node *to = all->entries[i].value;
        struct code_asset asset = {
            .bucket = nodes_literal(node_get(to, is_image ? "repositoryName" : "bucketName")),
            .key = nodes_literal(node_get(to, is_image ? "imageTag" : "objectKey")),
            .image = is_image ? source : NULL,
            .path = path_join(t->arena, folder, path),
            .artifact = STR_EMPTY,
            .copied = STR_EMPTY};
        if (!asset.bucket.n || !asset.key.n || !path_exists(asset.path.p))
            continue;
        ARENA_GROW(t->arena, t->assets, t->asset_count, t->asset_cap);
        t->assets[t->asset_count++] = asset;
    }
}

void code_read_assets(struct template *t)
{
    struct source *source = ARENA_NEW(t->arena, struct source);
    struct err err = ERR_INIT;
    *source = (struct source){.path = manifest_path(t)};
    if (!source->path.n || !path_exists(source->path.p))
        return;
    if (file_read(t->arena, source->path.p, YAML_MAX_SIZE, &source->text, &err)) {
        diag_warning(t->diags, node_span(t->root), "%s", err.message);
        return;
    }
    const struct node *manifest = yaml_parse(t->arena, source, t->diags);
    const struct node *files = node_get(manifest, "files"), *images = node_get(manifest, "dockerImages");
    for (uint32_t i = 0; files && files->kind == NODE_MAP && i < files->count; i++)
        add_asset(t, path_dir(source->path), files->entries[i].value, false);
    bool buildable = !t->parent && are_buildable(images);
    for (uint32_t i = 0; buildable && i < images->count; i++)
        add_asset(t, path_dir(source->path), images->entries[i].value, true);
}

static struct code_asset *asset_of(struct template *t, struct str key)
{
    for (size_t i = 0; key.n && i < t->asset_count; i++)
        if (str_eq(t->assets[i].key, key))
            return &t->assets[i];
    return NULL;
}

bool code_is_folder(struct template *t, struct str key)
{
    const struct code_asset *asset = asset_of(t, key);
    return asset && path_is_dir(asset->path.p);
}

/* Returns "code/ingest", or another path if it is taken. */
static struct str new_path(struct template *t, struct str name, struct str end)
{
    for (int i = 1;; i++) {
        struct str number = i > 1 ? arena_printf(t->arena, "_%d", i) : STR_EMPTY;
        struct str path =
            arena_printf(t->arena, "code/%.*s%.*s%.*s", STR_ARG(name), STR_ARG(number), STR_ARG(end));
        if (!map_set(&t->draft->taken, path, t))
            return path;
    }
}

static struct str beside_stack(struct template *t, struct str path)
{
    return arena_printf(t->arena, "%.*s%.*s", STR_ARG(t->draft->folder), STR_ARG(path));
}

struct str code_copy(struct template *t, struct str key, struct str name)
{
    struct code_asset *asset = asset_of(t, key);
    if (!asset->copied.n) {
        struct str file = path_base(asset->path);
        ptrdiff_t dot = path_is_dir(asset->path.p) ? -1 : str_find_char(file, '.', strlen("asset."));
        asset->copied = new_path(t, name, dot < 0 ? STR_EMPTY : str_slice(file, (size_t)dot, file.n));
        draft_copy(t->draft, beside_stack(t, asset->copied), asset->path);
    }
    return asset->copied;
}

static bool has_text(const struct node *node, const void *text)
{
    return node->kind == NODE_STRING && str_find(node->string, *(const struct str *)text, 0) >= 0;
}

struct str code_template(struct template *t, const struct node *url)
{
    for (size_t i = 0; i < t->asset_count; i++)
        if (nodes_any(url, has_text, &t->assets[i].key))
            return path_base(t->assets[i].path);
    return (struct str){NULL, 0};
}

/* ---- artifacts ---- */

struct code {
    struct template *t;
    struct arena *arena;
    const struct node *root;
    struct node *resources;        /* the resulting resources */
    const struct node_entry *user; /* the resource that is being converted */
    struct str bucket, repository; /* logical ids of code and images; "": not created yet */
    struct map packaged;           /* file -> struct str, the logical id of its artifact */
};

static struct str unused_id(const struct code *c, struct str wanted)
{
    const struct node *given = node_get(c->root, "Resources"), *parameters = node_get(c->root, "Parameters");
    struct str id = wanted;
    for (int i = 2; node_find(given, id) || node_find(c->resources, id) || node_find(parameters, id); i++)
        id = arena_printf(c->arena, "%.*s%d", STR_ARG(wanted), i);
    return id;
}

/* Adds a resource that every asset of the kind shares; returns its logical id. */
static struct str shared_resource(
    struct code *c, struct str wanted, struct str type, const struct node *properties)
{
    const struct node *at = c->user->value;
    struct str id = unused_id(c, wanted);
    nodes_set(c->arena, c->resources, id,
        NODES_MAP(c->arena, at, {"Type", nodes_text(c->arena, type, at)},
            {"Properties", properties ? properties : nodes_new(c->arena, NODE_MAP, at)}));
    return id;
}

/* Returns the bucket of the artifacts; SAM code may already use one. */
static struct str bucket_of(struct code *c)
{
    struct str name = STR("CodeBucket");
    if (c->bucket.n)
        return c->bucket;
    if (c->t->serverless && node_find(node_get(c->root, "Parameters"), name))
        return c->bucket = name;
    return c->bucket = shared_resource(c, name, STR("AWS::S3::Bucket"), NULL);
}

/* Returns the resource's name for a file name. */
static struct str user_name(const struct code *c)
{
    return draft_snake(c->arena, cdk_name(c->t, c->user->value, c->user->key));
}

static struct str artifact_in(struct code *c, struct str source, bool zip, const struct node *store)
{
    struct str id = unused_id(c, arena_printf(c->arena, "%.*sCode", STR_ARG(c->user->key)));
    const struct node *at = c->user->value;
    const struct node *properties = NODES_MAP(c->arena, at, {"source", nodes_text(c->arena, source, at)},
        {"package", nodes_text(c->arena, zip ? STR("zip") : STR("file"), at)}, {"store", store});
    nodes_set(c->arena, c->resources, id,
        NODES_MAP(c->arena, at, {"Type", nodes_text(c->arena, STR("weir.artifact"), at)},
            {"Metadata", nodes_part_metadata(c->arena, at, STR("Code"))}, {"Properties", properties}));
    return id;
}

static struct str artifact_of(struct code *c, struct str source, bool zip)
{
    return artifact_in(c, source, zip, nodes_call(c->arena, "Ref", bucket_of(c), c->user->value));
}

/* ---- images of cdk.out ---- */

/* Returns the repository of the images, and adds the registry's login to the stack. */
static struct str repository_of(struct code *c)
{
    const struct node *at = c->user->value;
    if (c->repository.n)
        return c->repository;
    struct draft *d = c->t->draft;
    struct str login = draft_data(d, STR("login"), "aws.ecr.authorization_token", NULL);
    struct tree *docker = tree_new(c->arena, TREE_MAP, NULL), *all = tree_new(c->arena, TREE_MAP, NULL),
                *registry = tree_new(c->arena, TREE_MAP, NULL);
    tree_set(c->arena, registry, STR("token"), tree_code(c->arena, NULL, "%.*s.token", STR_ARG(login)));
    tree_set(c->arena, all,
        tree_source_key(c->arena, arena_printf(c->arena, "${%.*s.registry}", STR_ARG(login))), registry);
    tree_set(c->arena, docker, STR("registries"), all);
    tree_set(c->arena, d->providers, STR("docker"), docker);
    return c->repository = shared_resource(c, STR("CodeImages"), STR("AWS::ECR::Repository"),
               NODES_MAP(c->arena, at, {"EmptyOnDelete", nodes_bool(c->arena, true, at)}));
}

static struct str asset_image(struct code *c, struct code_asset *asset)
{
    const struct node *at = c->user->value, *image = asset->image;
    if (asset->artifact.n)
        return asset->artifact;
    struct str name = user_name(c), repository = repository_of(c);
    struct str path = code_copy(c->t, asset->key, name),
               uri = arena_printf(
                   c->arena, "${%.*s.RepositoryUri}:%.*s", STR_ARG(repository), STR_ARG(path_base(path)));
    asset->artifact = unused_id(c, arena_printf(c->arena, "%.*sImage", STR_ARG(c->user->key)));
    const struct node *properties =
        NODES_MAP(c->arena, at, {"name", nodes_call(c->arena, "Fn::Sub", uri, at)},
            {"context", nodes_text(c->arena, path, at)}, {"dockerfile", node_get(image, "dockerFile")},
            {"args", node_get(image, "dockerBuildArgs")}, {"target", node_get(image, "dockerBuildTarget")},
            {"platform", node_get(image, "platform")}, {"push", nodes_bool(c->arena, true, at)});
    nodes_set(c->arena, c->resources, asset->artifact,
        NODES_MAP(c->arena, at, {"Type", nodes_text(c->arena, STR("docker.image"), at)},
            {"Metadata", nodes_part_metadata(c->arena, at, STR("Image"))}, {"Properties", properties}));
    return asset->artifact;
}

/* Returns the reference to the image that the URI names; NULL: it names none. */
static const struct node *node_as_image(struct code *c, const struct node *node)
{
    const struct node *values, *sub = nodes_sub(node, &values);
    struct str text = node_text(sub ? sub : node);
    for (size_t i = 0; text.n && i < c->t->asset_count; i++) {
        struct code_asset *asset = &c->t->assets[i];
        struct str end = arena_printf(c->arena, "/%.*s:%.*s", STR_ARG(asset->bucket), STR_ARG(asset->key));
        if (asset->image && str_ends(text, end))
            return nodes_call(c->arena, "!GetAtt",
                arena_printf(c->arena, "%.*s.reference", STR_ARG(asset_image(c, asset))), node);
    }
    return NULL;
}

/* ---- references to files of cdk.out ---- */

static struct str asset_artifact(struct code *c, struct code_asset *asset)
{
    if (!asset->artifact.n)
        asset->artifact =
            artifact_of(c, code_copy(c->t, asset->key, user_name(c)), path_is_dir(asset->path.p));
    return asset->artifact;
}

/* Writes "s3://bucket/key", or a key or bucket at this offset, in the syntax of Fn::Sub. Returns its length;
 * 0: none. */
static size_t put_asset(struct code *c, struct str text, struct buf *out)
{
    for (size_t i = 0; i < c->t->asset_count; i++) {
        struct code_asset *asset = &c->t->assets[i];
        if (asset->image)
            continue;
        struct str url =
            arena_printf(c->arena, "s3://%.*s/%.*s", STR_ARG(asset->bucket), STR_ARG(asset->key));
        if (str_starts(text, url)) {
            buf_addf(out, "${%.*s.url}", STR_ARG(asset_artifact(c, asset)));
            return url.n;
        }
        if (str_starts(text, asset->key)) {
            buf_addf(out, "${%.*s.key}", STR_ARG(asset_artifact(c, asset)));
            return asset->key.n;
        }
    }
    for (size_t i = 0; i < c->t->asset_count; i++)
        if (str_starts(text, c->t->assets[i].bucket)) {
            buf_addf(out, "${%.*s}", STR_ARG(c->t->assets[i].image ? repository_of(c) : bucket_of(c)));
            return c->t->assets[i].bucket.n;
        }
    return 0;
}

static bool says_asset(const struct code *c, struct str text)
{
    for (size_t i = 0; i < c->t->asset_count; i++)
        if (str_find(text, c->t->assets[i].key, 0) >= 0 || str_find(text, c->t->assets[i].bucket, 0) >= 0)
            return true;
    return false;
}

/* `within`: the text is already in Fn::Sub. */
static const struct node *text_with_assets(struct code *c, const struct node *node, bool within)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str text = node->string;
    if (!says_asset(c, text))
        return node;
    for (size_t i = 0; i < text.n;) {
        size_t n = put_asset(c, str_slice(text, i, text.n), &out);
        bool opens = !n && !within && text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == '{';
        if (opens)
            buf_addz(&out, "${!");
        else if (!n)
            buf_add_char(&out, text.p[i]);
        i += n ? n : opens ? 2 : 1;
    }
    return within ? nodes_text(c->arena, buf_str(&out), node)
                  : nodes_call(c->arena, "Fn::Sub", buf_str(&out), node);
}

static const struct node *node_with_assets(struct code *c, const struct node *node, bool within)
{
    const struct node *image = node_as_image(c, node);
    if (image)
        return image;
    if (node->kind == NODE_STRING)
        return text_with_assets(c, node, within);
    if (node->kind != NODE_MAP && node->kind != NODE_LIST)
        return node;
    struct node *made = nodes_new(c->arena, (enum node_kind)node->kind, node);
    for (uint32_t i = 0; node->kind == NODE_LIST && i < node->count; i++)
        nodes_add(c->arena, made, node_with_assets(c, node->items[i], within && !i));
    for (uint32_t i = 0; node->kind == NODE_MAP && i < node->count; i++) {
        const struct node_entry *entry = &node->entries[i];
        bool sub = node->count == 1 && str_is_any(entry->key, "Fn::Sub !Sub");
        nodes_put(c->arena, made, entry, node_with_assets(c, entry->value, sub));
    }
    return made;
}

/* ---- inline code of functions ---- */

/* Returns a literal text, also within Fn::Sub without variables. */
static struct str code_text(struct arena *arena, const struct node *node)
{
    const struct node *values, *sub = nodes_sub(node, &values);
    struct str text = nodes_joined(arena, sub ? sub : node);
    bool known = text.p && (!sub || str_find(text, STR("${"), 0) < 0);
    return known ? text : (struct str){NULL, 0};
}

static const struct node *with_artifact(
    struct code *c, const struct node *resource, struct str id, const struct node *bucket)
{
    struct str key = arena_printf(c->arena, "%.*s.key", STR_ARG(id));
    const struct node *code = NODES_MAP(
        c->arena, resource, {"S3Bucket", bucket}, {"S3Key", nodes_call(c->arena, "!GetAtt", key, resource)});
    return nodes_with(c->arena, resource, "Properties",
        nodes_with(c->arena, node_get(resource, "Properties"), "Code", code));
}

/* Converts inline code to an artifact, except code that responds to custom resources, for which
 * CloudFormation adds a module. */
static const struct node *with_inline_code(struct code *c, const struct node *resource)
{
    const struct node *inlined = nodes_at(resource, STR("Properties.Code.ZipFile"));
    struct str text = inlined ? code_text(c->arena, inlined) : (struct str){NULL, 0},
               engine = node_text(nodes_at(resource, STR("Properties.Runtime")));
    const char *end = str_starts(engine, STR("python"))   ? "py"
                      : str_starts(engine, STR("nodejs")) ? "js"
                                                          : NULL;
    if (!text.p || !end || str_find(text, STR("cfnresponse"), 0) >= 0 ||
        str_find(text, STR("cfn-response"), 0) >= 0)
        return resource;
    struct str folder = new_path(c->t, user_name(c), STR_EMPTY);
    draft_file(
        c->t->draft, beside_stack(c->t, arena_printf(c->arena, "%.*s/index.%s", STR_ARG(folder), end)), text);
    struct str id = artifact_of(c, folder, true);
    return with_artifact(c, resource, id, nodes_call(c->arena, "Ref", bucket_of(c), inlined));
}

/* Converts an archive that Serverless Framework has packaged beside the template. It would upload the archive
 * to a bucket, maybe of the same stack, before the update. */
static const struct node *with_packaged_code(struct code *c, const struct node *resource)
{
    const struct node *code = nodes_at(resource, STR("Properties.Code")),
                      *bucket = node_get(code, "S3Bucket");
    struct str key = bucket ? node_text(node_get(code, "S3Key")) : STR_EMPTY;
    struct str file = path_base(key), from = path_join(c->arena, path_dir(c->t->source->path), file);
    if (!str_starts(key, STR("serverless/")) || !str_ends(file, STR(".zip")) || !path_exists(from.p))
        return resource;
    struct str *known = map_get(&c->packaged, file);
    if (!known) {
        struct str path = new_path(c->t, str_slice(file, 0, file.n - strlen(".zip")), STR(".zip"));
        draft_copy(c->t->draft, beside_stack(c->t, path), from);
        known = arena_boxed(c->arena, artifact_in(c, path, false, bucket));
        map_set(&c->packaged, file, known);
    }
    return with_artifact(c, resource, *known, bucket);
}

const struct node *code_expand(struct template *t, const struct node *root)
{
    struct code c = {.t = t, .arena = t->arena, .root = root, .bucket = STR_EMPTY, .repository = STR_EMPTY};
    const struct node *given = node_get(root, "Resources");
    c.resources = nodes_new(t->arena, NODE_MAP, given);
    for (uint32_t i = 0; i < given->count; i++) {
        const struct node *resource = given->entries[i].value;
        c.user = &given->entries[i];
        if (t->asset_count && resource->kind == NODE_MAP)
            resource = node_with_assets(&c, resource, false);
        if (resource->kind == NODE_MAP && str_find(c.user->key, STR("${"), 0) < 0 &&
            nodes_is_type(resource, "AWS::Lambda::Function"))
            resource = with_packaged_code(&c, with_inline_code(&c, resource));
        nodes_put(t->arena, c.resources, c.user, resource);
    }
    const struct node *outputs = node_get(root, "Outputs");
    if (t->asset_count && outputs && outputs->kind == NODE_MAP) {
        struct node *with_assets = nodes_new(t->arena, NODE_MAP, outputs);
        for (uint32_t i = 0; i < outputs->count; i++) {
            c.user = &outputs->entries[i];
            nodes_put(t->arena, with_assets, c.user, node_with_assets(&c, c.user->value, false));
        }
        root = nodes_with(t->arena, root, "Outputs", with_assets);
    }
    map_release(&c.packaged);
    return nodes_with(t->arena, root, "Resources", c.resources);
}
