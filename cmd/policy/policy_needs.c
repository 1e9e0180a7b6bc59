/* The IAM permissions for a stack's calls: see policy.h. */
#include "cmd/policy/policy.h"

#include "stacks/load/module_lock.h"

/* Returns whether the attribute passes a role to a service, which needs iam:PassRole. */
static bool is_role_name(struct str name)
{
    return str_eqz(name, "role") || str_eqz(name, "roles") || str_ends(name, STR("_role")) ||
           str_eqz(name, "instance_profile");
}

/* At any depth: a schedule has its role in its target. */
static bool holds_role(const struct value *v)
{
    bool found = false;
    for (uint32_t i = 0; !found && v->kind == VALUE_LIST && i < v->count; i++)
        found = holds_role(v->items[i]);
    for (uint32_t i = 0; !found && v->kind == VALUE_MAP && i < v->count; i++)
        found = (is_role_name(v->entries[i].key) && !value_is_null(v->entries[i].value)) ||
                holds_role(v->entries[i].value);
    return found;
}

/* Returns whether the attribute is a KMS key. Services use such a key on behalf of the caller who creates,
 * writes or reads the resource. */
static bool is_key_name(struct str name)
{
    return str_eqz(name, "kms_key") || str_ends(name, STR("_kms_key"));
}

/* The resources on which an action is needed. */
struct need {
    bool anywhere;
    struct value_builder arns; /* with the ARN as key */
};

/* The permissions collected so far. */
struct needs {
    struct arena *arena;
    struct workspace *workspace;
    const struct declared *declared; /* the known objects, by declaration */
    size_t declared_count;
    const struct value **objects; /* of each, without secrets */
    size_t *first;                /* by decl->index: the index of its first object, if it has any */
    enum permission_phase phase;
    struct map actions; /* action -> struct need */
    bool pass_role;
    bool wide; /* on all resources */
};

/* `arns` NULL: on all resources; empty: not needed. */
static void need_action(struct needs *needs, struct str action, const struct value *arns)
{
    struct need *need = map_get(&needs->actions, action);
    if (arns && !arns->count)
        return;
    if (!need) {
        need = ARENA_NEW(needs->arena, struct need);
        need->arns = (struct value_builder)VALUE_BUILDER(needs->arena);
        map_set(&needs->actions, action, need);
    }
    need->anywhere |= !arns;
    for (uint32_t i = 0; arns && i < arns->count; i++)
        value_builder_set(&need->arns, arns->items[i]->string, arns->items[i]);
}

/* Returns a map from actions to lists of unique ARNs, or a star for all resources. Ends the collection. */
static const struct value *needed_actions(struct needs *needs)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(needs->arena);
    for (size_t i = 0; i < needs->actions.n; i++) {
        struct need *need = needs->actions.items[i].ptr;
        const struct value *arns = value_builder_map(&need->arns);
        AUTO_BUILDER struct value_builder list = VALUE_BUILDER(needs->arena);
        for (uint32_t k = 0; k < arns->count; k++)
            value_builder_add(&list, arns->entries[k].value);
        value_builder_set(&all, needs->actions.items[i].key,
            need->anywhere ? value_stringz(needs->arena, "*") : value_builder_list(&list));
    }
    map_release(&needs->actions);
    return value_builder_map(&all);
}

/* Secret values count as unknown, that is as stars in ARNs. So the policy can be printed without masks, even
 * if a name equals a secret. */
static const struct value *without_secrets(struct arena *arena, const struct value *object)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; object && object->kind == VALUE_MAP && i < object->count; i++)
        if (!value_is_sensitive(object->entries[i].value))
            value_builder_set(&b, object->entries[i].key, object->entries[i].value);
    return value_builder_map(&b);
}

static void find_objects(struct needs *needs)
{
    needs->declared = plan_declared(needs->workspace, needs->arena, NULL, &needs->declared_count);
    needs->objects = ARENA_ARRAY(needs->arena, const struct value *, needs->declared_count + 1);
    needs->first = ARENA_ARRAY(needs->arena, size_t, needs->workspace->stack->decl_count + 1);
    for (size_t i = needs->declared_count; i--;) {
        needs->objects[i] = without_secrets(needs->arena, needs->declared[i].object);
        needs->first[needs->declared[i].decl->index] = i;
    }
}

/* Returns whether the i-th object belongs to the declaration. */
static bool is_object_of(const struct needs *needs, const struct decl *decl, size_t i)
{
    return i < needs->declared_count && needs->declared[i].decl == decl;
}

static bool passes_role(const struct needs *needs, const struct decl *decl)
{
    bool found = false;
    for (size_t i = 0; i < decl->attr_count; i++)
        found |= is_role_name(decl->attrs[i].name);
    for (size_t i = needs->first[decl->index]; is_object_of(needs, decl, i) && !found; i++)
        found = needs->declared[i].object && holds_role(needs->declared[i].object);
    return found;
}

/* Adds an action on each instance of a declaration. */
static void need_for(struct needs *needs, const struct decl *decl, struct str action)
{
    bool any = false;
    bool narrow = !needs->wide && decl->kind == DECL_RESOURCE && decl->schema->ops->scope;
    for (size_t i = needs->first[decl->index]; narrow && is_object_of(needs, decl, i); i++) {
        if (!needs->declared[i].object)
            continue;
        need_action(
            needs, action, decl->schema->ops->scope(decl->schema, needs->objects[i], action, needs->arena));
        any = true;
    }
    if (!any)
        need_action(needs, action, NULL);
}

/* Adds the actions of a type's calls: the declaration's own type, or a type of resources that its service
 * leaves behind. */
static void need_actions(struct needs *needs, const struct decl *decl, const struct schema *schema)
{
    enum permission_phase phase = decl->kind == DECL_DATA ? PERMISSION_PLAN : needs->phase;
    AUTO_BUILDER struct value_builder actions = VALUE_BUILDER(needs->arena);
    schema->ops->permissions(schema, phase, needs->arena, &actions);
    const struct value *unique = value_builder_map(&actions);
    for (uint32_t i = 0; i < unique->count; i++) {
        if (str_eqz(unique->entries[i].key, "iam:PassRole"))
            needs->pass_role = true; /* on roles, independent of the type */
        else if (schema == decl->schema)
            need_for(needs, decl, unique->entries[i].key);
        else
            need_action(needs, unique->entries[i].key, NULL);
    }
}

/* Adds the deletion of resources that services leave behind. */
static void need_leaves(struct needs *needs, const struct decl *decl)
{
    size_t n;
    const struct str *types = schema_leaves(needs->arena, decl->schema, &n);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema = catalog_find(needs->workspace->catalog, types[i], false, ERR_IGNORED);
        if (schema)
            need_actions(needs, decl, schema);
    }
}

/* Adds the reads of other resources from which a plan fills omitted attributes. */
static void need_fills(struct needs *needs, const struct decl *decl)
{
    bool plans = needs->phase == PERMISSION_PLAN || needs->phase == PERMISSION_APPLY;
    for (size_t i = 0; plans && decl->kind == DECL_RESOURCE && i < decl->schema->fill_count; i++) {
        AUTO_BUILDER struct value_builder actions = VALUE_BUILDER(needs->arena);
        const struct schema *schema =
            catalog_find(needs->workspace->catalog, decl->schema->fills[i].type, false, ERR_IGNORED);
        if (schema)
            schema->ops->permissions(schema, PERMISSION_PLAN, needs->arena, &actions);
        const struct value *unique = value_builder_map(&actions);
        for (uint32_t k = 0; k < unique->count; k++)
            need_action(needs, unique->entries[k].key, NULL);
    }
}

/* Adds the listing of the type's resources with ownership tags. */
static void need_owned_of(struct needs *needs, const struct schema *schema)
{
    AUTO_BUILDER struct value_builder actions = VALUE_BUILDER(needs->arena);
    if (!schema->ops->list_owned || !schema->ops->permissions)
        return;
    schema->ops->permissions(schema, PERMISSION_OWNED, needs->arena, &actions);
    const struct value *unique = value_builder_map(&actions);
    for (uint32_t i = 0; i < unique->count; i++)
        need_action(needs, unique->entries[i].key, NULL);
}

static void need_everything(struct needs *needs)
{
    const struct stack *stack = needs->workspace->stack;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if ((decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA) || !decl->schema->ops->permissions)
            continue;
        if (needs->phase == PERMISSION_RUN && !decl->schema->job)
            continue;
        need_actions(needs, decl, decl->schema);
        need_fills(needs, decl);
        if (needs->phase == PERMISSION_DESTROY && decl->kind == DECL_RESOURCE) {
            need_leaves(needs, decl);
            need_owned_of(needs, decl->schema); /* for --verify */
        }
        if (needs->phase == PERMISSION_APPLY && stack->fleet && quota_counts(decl->schema->name))
            need_action(needs, STR("servicequotas:GetServiceQuota"), NULL);
        needs->pass_role |=
            needs->phase == PERMISSION_APPLY && decl->kind == DECL_RESOURCE && passes_role(needs, decl);
    }
    if (needs->phase == PERMISSION_DESTROY && needs->actions.n)
        need_action(needs, STR("tag:GetResources"), NULL); /* for --verify */
}

static void need_on(struct needs *needs, const char *action, struct str arn)
{
    const struct value *one = value_string_ref(needs->arena, arn);
    need_action(needs, str_z(action), needs->wide ? NULL : value_list(needs->arena, &one, 1));
}

static bool is_kms_key(const struct value *key)
{
    return str_starts(value_text(key, STR_EMPTY), STR("kms:"));
}

/* Adds the keys at any depth. A known ARN narrows the permission to that key. */
static void need_keys_of(struct needs *needs, const struct value *v)
{
    static const char *const actions[] = {
        "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:Encrypt", "kms:CreateGrant"};
    size_t reading = 2, n = needs->phase == PERMISSION_APPLY ? sizeof actions / sizeof *actions : reading;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        need_keys_of(needs, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const struct value *key = v->entries[i].value;
        if (!is_key_name(v->entries[i].key) || value_is_null(key)) {
            need_keys_of(needs, key);
            continue;
        }
        struct str text = value_is_known(key) ? value_text(key, STR_EMPTY) : STR_EMPTY;
        bool arn = str_starts(text, STR("arn:")) && str_find(text, STR(":key/"), 0) > 0;
        for (size_t k = 0; k < n; k++)
            need_on(needs, actions[k], arn ? text : STR("arn:*:kms:*:*:key/*"));
    }
}

/* Adds access to a state in S3 and its KMS key (an encrypted object does not tell its key). */
static void need_state_at(
    struct needs *needs, const struct value *config, struct str stack, struct str env, bool changes)
{
    static const char *const objects[] = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"};
    const struct value *keys = value_getz(config, "previous_keys");
    bool kms = is_kms_key(value_getz(config, "key"));
    for (uint32_t i = 0; keys && keys->kind == VALUE_LIST && i < keys->count; i++)
        kms |= is_kms_key(keys->items[i]);
    if (kms)
        need_action(needs, STR("kms:Decrypt"), NULL);
    if (!str_eqz(value_gets(config, "backend"), "s3"))
        return;
    struct str bucket = value_gets(config, "bucket");
    struct str prefix = backend_s3_prefix(needs->arena, config, stack, env);
    need_on(needs, "s3:ListBucket", arena_printf(needs->arena, "arn:*:s3:::%.*s", STR_ARG(bucket)));
    for (size_t i = 0; i < (changes ? 3 : 1); i++)
        need_on(needs, objects[i],
            arena_printf(needs->arena, "arn:*:s3:::%.*s/%.*s*", STR_ARG(bucket), STR_ARG(prefix)));
}

/* Adds the stack's own state and the states from which it reads outputs. */
static void need_states(struct needs *needs)
{
    const struct stack *stack = needs->workspace->stack;
    bool changes = needs->phase == PERMISSION_APPLY || needs->phase == PERMISSION_DESTROY;
    if (needs->phase == PERMISSION_RUN && !needs->actions.n)
        return;
    if (stack->state)
        need_state_at(needs, stack->state, stack->name, stack->env, changes);
    size_t n;
    const struct stack_reference *others = plan_references(needs->workspace, needs->arena, &n);
    for (size_t i = 0; i < n; i++)
        if (others[i].store.config && others[i].store.config->kind == VALUE_MAP)
            need_state_at(needs, others[i].store.config, others[i].store.stack, others[i].store.env, false);
}

/* Adds modules in S3 buckets, which any command may have to fetch. */
static void need_modules(struct needs *needs)
{
    const struct stack *stack = needs->workspace->stack;
    struct module_source source;
    for (size_t i = 0; i < stack->module_count; i++) {
        struct str text = stack->modules[i]->source;
        if (module_source_is_remote(text) && !module_source_parse(needs->arena, text, &source, ERR_IGNORED) &&
            source.kind == MODULE_S3)
            need_on(needs, "s3:GetObject",
                arena_printf(
                    needs->arena, "arn:*:s3:::%.*s/%.*s", STR_ARG(source.bucket), STR_ARG(source.key)));
    }
}

static const struct value *policy_statement(
    struct arena *arena, const struct value *actions, const struct value *resource)
{
    return VALUE_MAP(arena, {STR("Effect"), value_stringz(arena, "Allow")}, {STR("Action"), actions},
        {STR("Resource"), resource});
}

/* Adds the statement of all actions with the same ARNs as the i-th, unless an earlier one has them. */
static void add_statement(
    struct arena *arena, const struct value *actions, uint32_t i, struct value_builder *statements)
{
    const struct value *on = actions->entries[i].value;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t k = 0; k < i; k++)
        if (value_equal(actions->entries[k].value, on))
            return;
    for (uint32_t k = i; k < actions->count; k++)
        if (value_equal(actions->entries[k].value, on))
            value_builder_add(&list, value_string_ref(arena, actions->entries[k].key));
    value_builder_add(statements, policy_statement(arena, value_builder_list(&list), on));
}

/* Ownership tags are searched with the tagging API, and by listing types that it does not support. */
static void need_owned(struct needs *needs)
{
    struct catalog *catalog = needs->workspace->catalog;
    size_t n;
    const struct str *names = catalog_names(catalog, false, &n);
    need_action(needs, STR("tag:GetResources"), NULL);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], false, ERR_IGNORED);
        if (schema)
            need_owned_of(needs, schema);
    }
}

static const struct value *document_of(struct needs *needs)
{
    struct arena *arena = needs->arena;
    AUTO_BUILDER struct value_builder statements = VALUE_BUILDER(arena);
    const struct value *actions = needed_actions(needs);
    for (uint32_t i = 0; i < actions->count; i++)
        add_statement(arena, actions, i, &statements);
    if (needs->pass_role)
        value_builder_add(&statements, policy_statement(arena, value_stringz(arena, "iam:PassRole"),
                                           value_stringz(arena, "arn:*:iam::*:role/*")));
    return VALUE_MAP(arena, {STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), value_builder_list(&statements)});
}

static const struct value *needs_of(struct needs *needs, bool owned)
{
    find_objects(needs);
    need_everything(needs);
    if (owned)
        need_owned(needs);
    for (size_t i = 0; needs->phase != PERMISSION_RUN && i < needs->declared_count; i++)
        if (needs->declared[i].decl->kind == DECL_RESOURCE)
            need_keys_of(needs, needs->objects[i]);
    need_states(needs);
    need_modules(needs);
    return document_of(needs);
}

const struct value *policy_needs(
    struct workspace *workspace, enum permission_phase phase, bool wide, struct arena *arena)
{
    struct needs needs = {.arena = arena, .workspace = workspace, .phase = phase, .wide = wide};
    return needs_of(&needs, false);
}

const struct value *policy_needs_owned(struct workspace *workspace, struct arena *arena)
{
    /* The tags may be on any resource. */
    struct needs needs = {.arena = arena, .workspace = workspace, .phase = PERMISSION_PLAN, .wide = true};
    return needs_of(&needs, true);
}
