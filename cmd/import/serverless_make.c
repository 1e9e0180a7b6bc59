/* Values that SAM's forms cannot express: the target function, tags, a role's policies, locations of code and
 * definitions. */
#include "base/file.h"
#include "cmd/import/serverless.h"

/* ---- code and definitions: in a bucket as they are; in a folder beside the template as an artifact ---- */

static struct node *pair_up(struct form *form, const struct node *at, const struct node *bucket,
    const struct node *key, const struct node *version)
{
    return NODES_MAP(form->arena, at, {"S3Bucket", bucket}, {"S3Key", key}, {"S3ObjectVersion", version});
}

/* Splits "s3://bucket/key", also within Fn::Sub, after the bucket. */
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
    if (!node_get(sam->parameters, name)) {
        nodes_set(sam->arena, sam->parameters, str_z(name),
            NODES_MAP(sam->arena, at, {"Type", nodes_text(sam->arena, STR("String"), at)},
                {"Description", nodes_text(sam->arena, STR("Bucket that packaged code is kept in"), at)}));
        sam->asks_for_bucket = true;
    }
    return str_z(name);
}

/* Returns the setting for requirements.txt beside the code, which `sam build` would install; NULL: none. */
static const struct node *requirements(struct form *form, struct str folder, struct str source)
{
    const struct macro *macro = form->ctx;
    struct str runtime = nodes_literal(form_in(form, STR("Runtime")));
    struct str file = path_join(form->arena, folder, STR("requirements.txt"));
    if (!path_exists(file.p) || (runtime.p && !str_starts(runtime, STR("python"))))
        return NULL;
    return nodes_call(
        form->arena, "requirements", path_join(form->arena, source, STR("requirements.txt")), macro->node);
}

/* Converts a path relative to the template to one relative to the stack file. */
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
    known = arena_boxed(
        form->arena, arena_printf(form->arena, "%.*s%s", STR_ARG(macro->id), layer ? "Content" : "Code"));
    map_set(&sam->packages, source, known);
    bool archive = str_ends(source, STR(".zip")) || str_ends(source, STR(".jar"));
    const struct node *properties =
        NODES_MAP(form->arena, place, {"source", nodes_text(form->arena, source, place)},
            {"package", nodes_text(form->arena, archive ? STR("file") : STR("zip"), place)},
            {"store", nodes_call(form->arena, "Ref", bucket_parameter(sam, place), place)},
            {"python", layer || archive ? NULL : requirements(form, folder, source)});
    nodes_set(form->arena, sam->resources, *known,
        NODES_MAP(form->arena, place, {"Type", nodes_text(form->arena, STR("weir.artifact"), place)},
            {"Properties", properties}));
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

static const struct node *serverless_code(struct form *form, const struct node *place, bool layer)
{
    const struct macro *macro = form->ctx;
    const struct node *inlined = layer ? NULL : form_in(form, STR("InlineCode")),
                      *image = layer ? NULL : form_in(form, STR("ImageUri"));
    const struct node *sub = place ? node_get(place, "!Sub") : NULL;
    sub = place && !sub ? node_get(place, "Fn::Sub") : sub;
    if (inlined)
        return NODES_MAP(form->arena, inlined, {"ZipFile", inlined});
    if (image)
        return NODES_MAP(form->arena, image, {"ImageUri", image});
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

/* Quotes ${Workers} outside of strings in JSON: a string that is only a variable is substituted by its
 * value. */
static struct str with_quotes(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        ptrdiff_t close = !quoted && text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == '{'
                              ? str_find_char(text, '}', i)
                              : -1;
        if (close >= 0) {
            buf_addf(&out, "\"%.*s\"", STR_ARG(str_slice(text, i, (size_t)close + 1)));
            i = (size_t)close;
            continue;
        }
        bool escaped = quoted && text.p[i] == '\\' && i + 1 < text.n;
        quoted = text.p[i] == '"' ? !quoted : quoted;
        buf_add_char(&out, text.p[i]);
        if (escaped)
            buf_add_char(&out, text.p[++i]);
    }
    return arena_str(arena, buf_str(&out));
}

/* Reads a definition from a file beside the template. */
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
    if (str_starts(str_trim(source->text), STR("{")))
        source->text = with_quotes(form->arena, source->text);
    return yaml_parse_tagged(form->arena, source, macro->sam->diags);
}

static const struct node *serverless_definition(struct form *form)
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

/* ---- targets ---- */

static const struct node *made_target(struct form *form, bool arn)
{
    const struct macro *macro = form->ctx;
    if (macro->alias.n)
        return nodes_call(form->arena, "Ref", macro->alias, form->at);
    if (arn && str_ends(macro->type, STR("Function")))
        return nodes_call(
            form->arena, "!GetAtt", arena_printf(form->arena, "%.*s.Arn", STR_ARG(macro->id)), form->at);
    return nodes_call(form->arena, "Ref", macro->id, form->at);
}

/* Returns the tag that SAM adds to its resources; only for a live stack. */
static const struct node *own_tag(struct form *form)
{
    const struct macro *macro = form->ctx;
    const char *key = str_ends(macro->type, STR("Function"))       ? "lambda:createdBy"
                      : str_ends(macro->type, STR("StateMachine")) ? "stateMachine:createdBy"
                                                                   : NULL;
    if (!macro->sam->t->live || !key)
        return NULL;
    return NODES_MAP(form->arena, form->at, {"Key", nodes_text(form->arena, str_z(key), form->at)},
        {"Value", nodes_text(form->arena, STR("SAM"), form->at)});
}

/* Converts {team: data} to CloudFormation's list. */
static const struct node *tag_list(struct form *form)
{
    const struct node *map = form_in(form, STR("Tags")), *own = own_tag(form);
    if (map && (map->kind != NODE_MAP || nodes_is_function(map)))
        return map;
    struct node *list = nodes_new(form->arena, NODE_LIST, map ? map : form->at);
    if (own)
        nodes_add(form->arena, list, own);
    for (uint32_t i = 0; map && i < map->count; i++)
        nodes_add(form->arena, list,
            NODES_MAP(form->arena, map, {"Key", nodes_text(form->arena, map->entries[i].key, map)},
                {"Value", map->entries[i].value}));
    return list->count ? list : NULL;
}

static const struct node *key_type(struct form *form)
{
    struct str type = nodes_literal(form_in(form, STR("PrimaryKey.Type")));
    const char *letter = str_eqz(type, "Number") ? "N" : str_eqz(type, "Binary") ? "B" : "S";
    return nodes_text(form->arena, str_z(letter), form->at);
}

/* ---- policies ---- */

/* Returns the ARN of "AWSXrayWriteOnlyAccess". */
static struct str policy_arn(const struct serverless *sam, struct str name)
{
    const struct node *folders = node_get(sam->policies, "folders");
    struct str folder = STR_EMPTY;
    if (str_starts(name, STR("arn:")))
        return name;
    for (uint32_t i = 0; i < folders->count; i++)
        for (uint32_t k = 0; k < folders->entries[i].value->count; k++)
            if (str_eq(nodes_literal(folders->entries[i].value->items[k]), name))
                folder = folders->entries[i].key;
    return arena_printf(sam->arena, "arn:aws:iam::aws:policy/%.*s%.*s", STR_ARG(folder), STR_ARG(name));
}

static const struct node_entry *template_named(const struct serverless *sam, const struct node *policy)
{
    bool one = policy->kind == NODE_MAP && policy->count == 1 && !nodes_is_function(policy);
    bool document = one && str_eqz(policy->entries[0].key, "Statement");
    return one && !document ? node_find(node_get(sam->policies, "templates"), policy->entries[0].key) : NULL;
}

static void tell_template(struct serverless *sam, const struct node *policy)
{
    const struct node *all = node_get(sam->policies, "templates");
    struct str *names = ARENA_ARRAY(sam->arena, struct str, all->count + 1);
    for (uint32_t i = 0; i < all->count; i++)
        names[i] = all->entries[i].key;
    struct str name = policy->entries[0].key;
    struct diag *d = diag_error(sam->diags, node_key_span(&policy->entries[0]),
        "\"%.*s\" is none of SAM's policy templates", STR_ARG(name));
    diag_did_you_mean(sam->diags, d, name, names, all->count);
}

/* Returns the version; documents of AWS's transform, and so of a live stack, have none. */
static const struct node *policy_version(struct form *form)
{
    const struct macro *macro = form->ctx;
    return macro->sam->t->live ? NULL : nodes_text(form->arena, STR("2012-10-17"), form->at);
}

/* Returns the document of a policy template {S3ReadPolicy: {BucketName: x}}, or the document itself; NULL:
 * neither. */
static const struct node *document_of(struct form *form, const struct node *policy)
{
    struct macro *macro = form->ctx;
    const struct node_entry *named = template_named(macro->sam, policy);
    if (!named) {
        if (policy->kind == NODE_MAP && node_get(policy, "Statement"))
            return policy;
        if (policy->kind == NODE_MAP && policy->count && !nodes_is_function(policy))
            tell_template(macro->sam, policy);
        return NULL;
    }
    struct form inner = {.arena = form->arena,
        .in = policy->entries[0].value,
        .at = policy->entries[0].value,
        .make = form->make,
        .ctx = macro};
    const struct node *document = NODES_MAP(form->arena, policy, {"Version", policy_version(form)},
        {"Statement", form_fill(&inner, named->value)});
    form_release(&inner);
    return document;
}

static const struct node *inline_policy(struct form *form, const struct node *document, uint32_t number)
{
    const struct macro *macro = form->ctx;
    struct str name = arena_printf(form->arena, "%.*sRolePolicy%u", STR_ARG(macro->id), number);
    return NODES_MAP(form->arena, document, {"PolicyName", nodes_text(form->arena, name, document)},
        {"PolicyDocument", document});
}

/* Handles !If [Condition, policy, policy]; the first policy tells the kind. */
static const struct node *policy_chosen(
    struct form *form, const struct node *policy, uint32_t number, bool documents)
{
    const struct macro *macro = form->ctx;
    const struct node *choice = node_get(policy, "Fn::If");
    choice = choice ? choice : node_get(policy, "!If");
    if (!choice || choice->kind != NODE_LIST || choice->count != 3)
        return documents ? NULL : policy;
    struct node *list = NODES_LIST(form->arena, choice, choice->items[0]);
    bool any = false;
    for (uint32_t i = 1; i < 3; i++) {
        const struct node *document = document_of(form, choice->items[i]);
        struct str name = nodes_literal(choice->items[i]);
        any = any || document;
        nodes_add(form->arena, list,
            document ? inline_policy(form, document, number)
            : name.p ? nodes_text(form->arena, policy_arn(macro->sam, name), choice->items[i])
                     : choice->items[i]);
    }
    return any == documents ? NODES_MAP(form->arena, policy, {"Fn::If", list}) : NULL;
}

/* Returns the function's policies that are documents, or those that are names. */
static const struct node *role_policies(struct form *form, bool documents)
{
    struct macro *macro = form->ctx;
    const struct node *given = form_in(form, STR("Policies"));
    struct node *all = nodes_new(form->arena, NODE_LIST, given ? given : form->at);
    const struct node *needed = documents ? macro->role_policies : macro->managed;
    bool list = given && given->kind == NODE_LIST;
    for (uint32_t i = 0; i < needed->count; i++)
        nodes_add(form->arena, all,
            documents ? needed->items[i]
                      : nodes_text(form->arena, policy_arn(macro->sam, needed->items[i]->string), form->at));
    for (uint32_t i = 0; given && i < (list ? given->count : 1); i++) {
        const struct node *policy = list ? given->items[i] : given, *made = NULL;
        struct str name = nodes_literal(policy);
        if (name.p)
            made = documents ? NULL : nodes_text(form->arena, policy_arn(macro->sam, name), policy);
        else if (nodes_is_function(policy))
            made = policy_chosen(form, policy, i, documents);
        else if (documents && document_of(form, policy))
            made = inline_policy(form, document_of(form, policy), i);
        bool found = !made;
        for (uint32_t k = 0; made && k < all->count; k++)
            found = found || nodes_same(all->items[k], made);
        if (!found)
            nodes_add(form->arena, all, made);
    }
    return all->count ? all : NULL;
}

/* ---- all values ---- */

const struct node *serverless_make(struct form *form, struct str word)
{
    static const struct {
        const char *name;
        const struct node *(*make)(struct form *form);
    } values[] = {{"tags", tag_list}, {"keytype", key_type}, {"definition", serverless_definition},
        {"version", policy_version}, {"body", serverless_body}, {"parameters", serverless_parameters},
        {"caller", serverless_caller}, {"security", serverless_security}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (str_eqz(word, values[i].name))
            return values[i].make(form);
    if (str_is_any(word, "target arn"))
        return made_target(form, str_eqz(word, "arn"));
    if (str_is_any(word, "managed policies"))
        return role_policies(form, str_eqz(word, "policies"));
    if (str_eqz(word, "code"))
        return serverless_code(form, form_in(form, STR("CodeUri")), false);
    if (str_eqz(word, "content"))
        return serverless_code(form, form_in(form, STR("ContentUri")), true);
    return str_eqz(word, "jwt") ? serverless_small_keys(form, form_in(form, STR("JwtConfiguration"))) : NULL;
}
