/* Where code and definitions lie: in a bucket as they are, in a folder beside the template as an artifact. */
#include "base/file.h"
#include "cmd/import/serverless.h"

static struct node *pair_up(struct form *form, const struct node *at, const struct node *bucket,
    const struct node *key, const struct node *version)
{
    struct node *made = nodes_new(form->arena, NODE_MAP, at);
    nodes_set(form->arena, made, STR("S3Bucket"), bucket);
    nodes_set(form->arena, made, STR("S3Key"), key);
    if (version)
        nodes_set(form->arena, made, STR("S3ObjectVersion"), version);
    return made;
}

/* "s3://bucket/key", also within Fn::Sub: cut at the slash that ends the bucket. */
static const struct node *by_url(struct form *form, const struct node *place, struct str url, bool sub)
{
    struct str key, bucket = str_cut(str_slice(url, 5, url.n), '/', &key);
    const struct node *parts[2];
    const struct str texts[] = {bucket, key};
    for (size_t i = 0; i < 2; i++)
        parts[i] = sub ? nodes_call(form->arena, "Fn::Sub", texts[i], place)
                       : nodes_text(form->arena, texts[i], place);
    return pair_up(form, place, parts[0], parts[1], NULL);
}

static struct str bucket_parameter(struct serverless *sam, const struct node *at)
{
    static const char name[] = "CodeBucket";
    if (!node_find(sam->parameters, STR("CodeBucket"))) {
        struct node *parameter = nodes_new(sam->arena, NODE_MAP, at);
        nodes_set(sam->arena, parameter, STR("Type"), nodes_text(sam->arena, STR("String"), at));
        nodes_set(sam->arena, parameter, STR("Description"),
            nodes_text(sam->arena, STR("Bucket that packaged code is kept in"), at));
        nodes_set(sam->arena, sam->parameters, str_z(name), parameter);
        sam->asks_for_bucket = true;
    }
    return str_z(name);
}

/* pip's requirements beside the code, which `sam build` would install. */
static void add_requirements(struct form *form, struct node *properties, struct str folder, struct str source)
{
    const struct macro *macro = form->ctx;
    struct str runtime = nodes_literal(form_in(form, STR("Runtime")));
    struct str file = path_join(form->arena, folder, STR("requirements.txt"));
    if (!path_exists(file.p) || (runtime.p && !str_starts(runtime, STR("python"))))
        return;
    struct node *python = nodes_new(form->arena, NODE_MAP, macro->node);
    nodes_set(form->arena, python, STR("requirements"),
        nodes_text(form->arena, path_join(form->arena, source, STR("requirements.txt")), macro->node));
    nodes_set(form->arena, properties, STR("python"), python);
}

/* A path of the template's as one from the stack file's folder. */
static struct str source_path(struct form *form, struct str path)
{
    const struct macro *macro = form->ctx;
    while (str_starts(path, STR("./")))
        path = str_slice(path, 2, path.n);
    while (path.n > 1 && str_ends(path, STR("/")))
        path.n--;
    path = path.n ? path : STR(".");
    return path_join(form->arena, macro->sam->t->draft->beside, path);
}

static struct str package_code(struct form *form, const struct node *place, bool layer)
{
    struct macro *macro = form->ctx;
    struct serverless *sam = macro->sam;
    struct str source = source_path(form, place->string);
    struct str folder = path_join(form->arena, path_dir(place->source->path), place->string);
    struct str *known = map_get(&sam->packages, source);
    if (known)
        return *known;
    known = ARENA_NEW(form->arena, struct str);
    *known = arena_printf(form->arena, "%.*s%s", STR_ARG(macro->id), layer ? "Content" : "Code");
    map_set(&sam->packages, source, known);
    struct node *made = nodes_new(form->arena, NODE_MAP, place),
                *properties = nodes_new(form->arena, NODE_MAP, place);
    bool archive = str_ends(source, STR(".zip")) || str_ends(source, STR(".jar"));
    nodes_set(form->arena, properties, STR("source"), nodes_text(form->arena, source, place));
    nodes_set(form->arena, properties, STR("package"),
        nodes_text(form->arena, archive ? STR("file") : STR("zip"), place));
    nodes_set(form->arena, properties, STR("store"),
        nodes_call(form->arena, "Ref", bucket_parameter(sam, place), place));
    if (!layer && !archive)
        add_requirements(form, properties, folder, source);
    nodes_set(form->arena, made, STR("Type"), nodes_text(form->arena, STR("weir.artifact"), place));
    nodes_set(form->arena, made, STR("Properties"), properties);
    nodes_set(form->arena, sam->resources, *known, made);
    return *known;
}

static const struct node *by_path(struct form *form, const struct node *place, bool layer)
{
    struct str id = package_code(form, place, layer);
    const struct node *bucket =
        nodes_call(form->arena, "!GetAtt", arena_printf(form->arena, "%.*s.bucket", STR_ARG(id)), place);
    const struct node *key =
        nodes_call(form->arena, "!GetAtt", arena_printf(form->arena, "%.*s.key", STR_ARG(id)), place);
    return pair_up(form, place, bucket, key, NULL);
}

const struct node *serverless_code(struct form *form, const struct node *place, bool layer)
{
    const struct macro *macro = form->ctx;
    const struct node *inlined = layer ? NULL : form_in(form, STR("InlineCode")),
                      *image = layer ? NULL : form_in(form, STR("ImageUri"));
    const struct node *sub = place ? node_get(place, "!Sub") : NULL;
    sub = place && !sub ? node_get(place, "Fn::Sub") : sub;
    if (inlined || image) {
        struct node *made = nodes_new(form->arena, NODE_MAP, inlined ? inlined : image);
        nodes_set(form->arena, made, inlined ? STR("ZipFile") : STR("ImageUri"), inlined ? inlined : image);
        return made;
    }
    if (place && place->kind == NODE_MAP && node_get(place, "Bucket") && node_get(place, "Key"))
        return pair_up(
            form, place, node_get(place, "Bucket"), node_get(place, "Key"), node_get(place, "Version"));
    if (place && place->kind == NODE_STRING && str_starts(place->string, STR("s3://")))
        return by_url(form, place, place->string, false);
    if (place && place->kind == NODE_STRING && place->string.n)
        return by_path(form, place, layer);
    if (sub && sub->kind == NODE_STRING && str_starts(sub->string, STR("s3://")))
        return by_url(form, place, sub->string, true);
    diag_error(macro->sam->diags, node_span(place ? place : form->at),
        "the code of %.*s is a path, s3://BUCKET/KEY or {Bucket, Key}", STR_ARG(macro->id));
    return NULL;
}

/* ---- state machines ---- */

/* A file beside the template. */
static const struct node *definition_file(struct form *form, const struct node *place)
{
    const struct macro *macro = form->ctx;
    struct source *source = ARENA_NEW(form->arena, struct source);
    struct err err = ERR_INIT;
    source->path = path_join(form->arena, path_dir(place->source->path), place->string);
    if (file_read(form->arena, source->path.p, YAML_MAX_SIZE, &source->text, &err)) {
        diag_error(macro->sam->diags, node_span(place), "%s", err.message);
        return NULL;
    }
    return yaml_parse_tagged(form->arena, source, macro->sam->diags);
}

const struct node *serverless_definition(struct form *form)
{
    const struct macro *macro = form->ctx;
    const struct node *given = form_in(form, STR("Definition")), *place = form_in(form, STR("DefinitionUri"));
    if (given || !place)
        return given;
    if (place->kind == NODE_STRING && !str_starts(place->string, STR("s3://")))
        return definition_file(form, place);
    struct diag *d = diag_error(
        macro->sam->diags, node_span(place), "a state machine's definition in S3 is not supported");
    diag_hint(macro->sam->diags, d, "the path of a local file, or `Definition`, can");
    return NULL;
}
