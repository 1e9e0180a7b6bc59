/* References in the configuration (see terraform.h), and the import id of an instance. */
#include "base/json.h"
#include "cmd/import/terraform.h"
#include "provider/cfn/cfn.h"
#include "provider/spec/spec.h"

/* ---- import ids ---- */

/* A structure is written to an id as JSON. */
static struct str id_text_of(struct arena *arena, const struct tree *s)
{
    const struct value *v = NULL;
    bool whole = s && s->kind == TREE_MAP && tree_known(arena, s, &v);
    return whole ? json_as_text(arena, v)->string : tree_literal_text(arena, s);
}

/* Returns an attribute's text from the draft or, if that is a reference, from the state. */
static struct str text_there(struct terraform *t, const struct tf_instance *one, struct str name)
{
    struct str account = str_eqz(name, "account") ? terraform_account(t) : STR_EMPTY;
    if (account.n)
        return account;
    struct str text = id_text_of(t->arena, tree_get(one->attrs, arena_strz(t->arena, name)));
    for (uint32_t i = 0; !text.p && one->values && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct names_rule *rule = names_rule(one->group->names, e->key);
        if (rule ? str_eq(rule->to, name) && !rule->values : names_same(e->key, name))
            text = value_text(e->value, (struct str){NULL, 0});
    }
    return text;
}

static struct str mapping_filled(struct terraform *t, struct str template, const struct tf_instance *one)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str before, inner, filter;
    while (str_take_name(&template, "${", &before, &inner)) {
        struct str text = text_there(t, one, str_cut(inner, '|', &filter));
        bool folder = str_eqz(filter, "folder");
        if (!text.p && !folder)
            return STR_EMPTY;
        buf_add_str(&out, before);
        if (!folder || (text.n && !str_eqz(text, "default")))
            buf_addf(&out, "%.*s%s", STR_ARG(text), folder ? "/" : "");
    }
    buf_add_str(&out, template);
    return arena_str(t->arena, buf_str(&out));
}

static struct str own_id(struct terraform *t, const struct tf_instance *one)
{
    const struct schema *schema = one->group->schema;
    const struct value *ids = one->group->names->ids;
    struct str given = tree_literal_text(t->arena, tree_get(one->attrs, arena_strz(t->arena, schema->id)));
    if (given.p)
        return given;
    if (str_eqz(schema->id, "arn") && value_gets(one->values, "arn").n)
        return value_gets(one->values, "arn");
    const struct spec_attr *attr = spec_attr_find(schema->impl, schema->id);
    bool made_of_others = attr && attr->template.n;
    struct str filled = made_of_others ? mapping_filled(t, attr->template, one) : STR_EMPTY;
    if (filled.n || (made_of_others && !ids))
        return filled;
    if (ids && ids->count == 1) {
        const struct value *id = value_get(one->values, value_text(ids->items[0], STR_EMPTY));
        return value_is_null(id) ? STR_EMPTY : value_scalar_text(t->arena, id);
    }
    return value_gets(one->values, "id");
}

static struct str their_id(struct terraform *t, const struct tf_instance *one)
{
    const struct schema *schema = one->group->schema;
    const struct value *ids = value_getz(cfn_published(t->arena, schema->name), "primaryIdentifier");
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; ids && i < ids->count; i++) {
        struct str path = value_text(ids->items[i], STR_EMPTY),
                   name = str_slice(path, strlen("/properties/"), path.n);
        struct str text = tree_literal_text(t->arena, tree_get(one->attrs, arena_strz(t->arena, name)));
        for (uint32_t k = 0; !text.n && k < one->values->count; k++)
            if (names_same(one->values->entries[k].key, name) ||
                (str_ends(name, STR("Arn")) && str_eqz(one->values->entries[k].key, "arn")))
                text = value_text(one->values->entries[k].value, STR_EMPTY);
        if (!text.n)
            text = value_gets(one->values, "id");
        buf_addf(&out, "%s%.*s", i ? "|" : "", STR_ARG(text));
    }
    return arena_str(t->arena, buf_str(&out));
}

struct str terraform_id(struct terraform *t, const struct tf_instance *one)
{
    return one->group->names ? own_id(t, one) : their_id(t, one);
}

bool terraform_is_imported(const struct group *group)
{
    return !group->names || !str_starts(group->schema->name, STR("weir.")) || group->names->ids;
}

enum {
    DEPTH_MAX = 8,
    TEXT_MIN = 2,
    SECRET_MIN = 6, /* shorter texts occur by chance */
};

void candidates_add(
    struct terraform *t, struct candidates *list, struct str text, struct tree *code, struct group *needs)
{
    if (text.n < TEXT_MIN || str_eqz(text, "true") || str_eqz(text, "false"))
        return;
    ARENA_GROW(t->arena, list->items, list->n, list->cap);
    list->items[list->n++] = (struct candidate){text, code, needs};
}

struct tree *terraform_code(
    struct terraform *t, struct tf_instance *owner, struct tf_instance *target, struct str attr)
{
    struct str key = STR_EMPTY;
    bool same = owner && owner->has_key && target->has_key && str_eq(owner->key, target->key);
    if (target->has_key && target->group->n > 1)
        key = same ? STR("each.key") : tree_as_code(t->arena, tree_string(t->arena, target->key, NULL));
    else if (target->has_key && target->group->folded)
        key = tree_as_code(t->arena, tree_string(t->arena, target->key, NULL));
    return tree_code(t->arena, NULL, "%s", draft_reference(t->draft, owner, target, attr, key, NULL).p);
}

bool terraform_has_attribute(struct terraform *t, const struct tf_instance *target, struct str attr)
{
    const struct group *group = target->group;
    if (!group->schema)
        return false;
    struct str arn = value_gets(target->values, "arn"), text = value_gets(target->values, attr.p);
    struct str output = group->names ? names_output(group->names, t->arena, attr) : STR_EMPTY;
    if (str_eqz(output, "arn") && arn.n && text.n && !str_eq(arn, text))
        return false; /* a KMS alias also has the ARN of its key */
    if (group->names)
        return output.n > 0;
    for (size_t i = 0; i < group->schema->attr_count; i++)
        if (names_same(group->schema->attrs[i].name, attr))
            return true;
    return str_eqz(attr, "id");
}

/* Adds an input for the secret of a resource that weir does not have. */
static void offer_asked(
    struct terraform *t, struct candidates *list, const struct tf_instance *one, struct str attr)
{
    struct group *group = one->group;
    const struct value *secret = value_get(one->sensitive, attr), *v = value_get(one->values, attr);
    if (!secret || secret->kind != VALUE_BOOL || !secret->boolean || v->kind != VALUE_STRING)
        return;
    struct str plain = str_eqz(attr, "result") ? STR("password") : attr;
    struct str name = str_find(group->name, plain, 0) >= 0 || str_eqz(group->name, "this")
                          ? (str_eqz(group->name, "this") ? plain : group->name)
                          : arena_printf(t->arena, "%.*s_%.*s", STR_ARG(group->name), STR_ARG(plain));
    if (one->has_key)
        name = arena_printf(t->arena, "%.*s_%.*s", STR_ARG(name), STR_ARG(one->key));
    name =
        draft_asks(t->draft, name, arena_printf(t->arena, "%.*s.%.*s", STR_ARG(one->address), STR_ARG(attr)));
    group->asked = name;
    candidates_add(t, list, v->string,
        tree_code(t->arena, NULL, "%s",
            draft_ask(
                t->draft, name, "string", arena_printf(t->arena, "What %.*s is", STR_ARG(one->address)), true)
                .p),
        NULL);
}

/* Handles an attribute without equivalent that begins with another one: a database's endpoint with its
 * address. */
static void offer_beginning(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct tf_instance *one, struct str text)
{
    for (uint32_t i = 0; i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        struct str part = value_text(e->value, STR_EMPTY);
        if (part.n > 1 && part.n < text.n && str_starts(text, part) && text.p[part.n] == ':' &&
            terraform_has_attribute(t, one, e->key)) {
            candidates_add(t, list, part, terraform_code(t, owner, one, e->key), one->group);
            return;
        }
    }
}

static void offer_resource(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct group *group, struct str key, struct str attr)
{
    const struct names_type *names = terraform_names(t, group);
    for (size_t i = 0; i < group->n; i++) {
        struct tf_instance *one = group->instances[i];
        if ((key.n && !str_eq(key, one->key)) || one == owner)
            continue;
        for (uint32_t k = 0; k < one->values->count; k++) {
            const struct value_entry *e = &one->values->entries[k];
            bool wanted = attr.n ? str_eq(e->key, attr)
                                 : str_eqz(e->key, "id") || str_eqz(e->key, "arn") || str_eqz(e->key, "name");
            bool text = e->value->kind == VALUE_STRING || (attr.n && e->value->kind == VALUE_INT);
            if (wanted && names && names->asked)
                offer_asked(t, list, one, e->key);
            else if (wanted && text && terraform_has_attribute(t, one, e->key))
                candidates_add(t, list, value_scalar_text(t->arena, e->value),
                    terraform_code(t, owner, one, e->key), group);
            else if (wanted && attr.n && group->schema && e->value->kind == VALUE_STRING)
                offer_beginning(t, list, owner, one, e->value->string);
        }
    }
}

static struct tree *tree_around(struct arena *arena, const char *before, struct tree *code, const char *after)
{
    struct tree *text = tree_new(arena, TREE_TEXT, NULL);
    tree_append(arena, text, tree_string(arena, str_z(before), NULL));
    tree_append(arena, text, code);
    tree_append(arena, text, tree_string(arena, str_z(after), NULL));
    return text;
}

static void offer_data(
    struct terraform *t, struct candidates *list, const struct group *group, struct str attr)
{
    static const char *const known[][3] = {{"aws_caller_identity", "account_id", "account"},
        {"aws_caller_identity", "id", "account"}, {"aws_region", "name", "region"},
        {"aws_region", "id", "region"}, {"aws_region", "region", "region"},
        {"aws_partition", "partition", "partition"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!str_eqz(group->type, known[i][0]) || (attr.n && !str_eqz(attr, known[i][1])) || !group->n)
            continue;
        struct str text = value_gets(group->instances[0]->values, known[i][1]);
        if (!text.n)
            continue;
        struct tree *code = tree_code(t->arena, NULL, "%s.%s",
            draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL).p, known[i][2]);
        if (str_eqz(group->type, "aws_partition")) { /* the owner of AWS's managed policies is also "aws" */
            text = arena_printf(t->arena, "arn:%.*s:", STR_ARG(text));
            code = tree_around(t->arena, "arn:", code, ":");
        }
        candidates_add(t, list, text, code, NULL);
    }
}

static void offer_expressions(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, const struct value *expressions, int depth);

static void offer_variable(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, struct str name, int depth)
{
    if (!module.n) {
        const struct str *input = map_get(&t->inputs, name);
        const struct value *value = value_getz(value_get(t->variables, name), "value");
        if (input && value && (value->kind == VALUE_STRING || value->kind == VALUE_INT))
            candidates_add(t, list, value_scalar_text(t->arena, value),
                tree_code(t->arena, NULL, "inputs.%s", input->p), NULL);
        return;
    }
    /* The argument of the caller: module.net.module.zone is called by module.net. */
    struct str caller = STR_EMPTY, call = STR_EMPTY, key;
    for (struct str rest = module; rest.n;) {
        caller = rest.p > module.p ? str_slice(module, 0, (size_t)(rest.p - module.p) - 1) : STR_EMPTY;
        terraform_step(&rest, &key); /* the word "module" */
        call = terraform_step(&rest, &key);
    }
    const struct value *config = value_get(value_getz(terraform_module(t, caller), "module_calls"), call);
    const struct value *given = value_get(value_getz(config, "expressions"), name);
    if (given)
        offer_expressions(t, list, owner, caller, given, depth + 1);
}

/* Returns the instance key for "a", 0 or each.key; "": any instance. */
static struct str reference_key(struct str index, const struct tf_instance *owner)
{
    if (str_eqz(index, "each.key") || str_eqz(index, "each.value") || str_eqz(index, "count.index"))
        return owner ? owner->key : STR_EMPTY;
    return index.n > 1 && index.p[0] == '"' ? str_slice(index, 1, index.n - 1) : index;
}

/* Adds aws_s3_bucket.lake["a"].arn of that module. */
static void offer_named(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, struct str text, int depth)
{
    struct str key, index, first = terraform_step(&text, &key);
    bool data = str_eqz(first, "data");
    if (data)
        first = terraform_step(&text, &key);
    struct str name = terraform_step(&text, &key), attr = terraform_step(&text, &index);
    key = reference_key(key, owner);
    struct group one = {.module = module, .type = first, .name = name, .data = data};
    struct group *group = map_get(&t->groups, group_address(t->arena, &one));
    if (!group)
        return;
    if (data) {
        offer_data(t, list, group, attr);
        offer_expressions(t, list, owner, module, value_getz(group->config, "expressions"), depth + 1);
    } else {
        offer_resource(t, list, owner, group, key, attr);
    }
}

/* Returns whether the module is that call or an instance of it; with a key only that instance. */
static bool is_instance_of(struct str module, struct str call, struct str key)
{
    struct str rest = str_starts(module, call) ? str_slice(module, call.n, module.n) : STR_EMPTY, own;
    bool indexed = rest.n && rest.p[0] == '[';
    terraform_step(&rest, &own);
    if (rest.n || !indexed || !key.n)
        return !rest.n && (indexed || str_eq(module, call));
    return str_eq(reference_key(own, NULL), key);
}

/* Handles zone["a"].arn: the expressions of the module's output. */
static void offer_output(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, struct str text, int depth)
{
    struct str key, index, name = terraform_step(&text, &key), output = terraform_step(&text, &index),
                           seen = STR_EMPTY;
    key = reference_key(key, owner);
    struct str call =
        arena_printf(t->arena, "%.*s%smodule.%.*s", STR_ARG(module), module.n ? "." : "", STR_ARG(name));
    const struct value *config = value_get(value_getz(terraform_module(t, call), "outputs"), output);
    for (size_t i = 0; config && i < t->groups.n; i++) {
        struct str inside = ((const struct group *)t->groups.items[i].ptr)->module;
        if (str_eq(inside, seen) || !is_instance_of(inside, call, key))
            continue;
        seen = inside;
        offer_expressions(t, list, owner, inside, value_getz(config, "expression"), depth + 1);
    }
}

/* The plan does not contain the expressions of locals, so any variable, account and region may occur in
 * them. */
static void offer_locals(struct terraform *t, struct candidates *list, struct str module)
{
    for (uint32_t i = 0; !module.n && t->variables && i < t->variables->count; i++) {
        const struct value *value = value_getz(t->variables->entries[i].value, "value");
        const struct str *input = map_get(&t->inputs, t->variables->entries[i].key);
        if (input && value && value->kind == VALUE_STRING && value->string.n > 2)
            candidates_add(t, list, value->string, tree_code(t->arena, NULL, "inputs.%s", input->p), NULL);
    }
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        if (group->data && str_eq(group->module, module))
            offer_data(t, list, group, STR_EMPTY);
    }
}

static void offer_one(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, struct str text, int depth)
{
    struct str rest, first = str_cut(text, '.', &rest);
    if (!rest.p || depth > DEPTH_MAX)
        return;
    if (str_eqz(first, "var"))
        offer_variable(t, list, owner, module, str_cut(rest, '.', &first), depth);
    else if (str_eqz(first, "module"))
        offer_output(t, list, owner, module, rest, depth);
    else if (str_eqz(first, "local"))
        offer_locals(t, list, module);
    else if (!str_eqz(first, "each") && !str_eqz(first, "count") && !str_eqz(first, "path"))
        offer_named(t, list, owner, module, text, depth);
}

/* Terraform lists aws_lb.front.arn and also its prefix aws_lb.front; the prefix is ignored. */
static bool is_named_closer(const struct value *references, struct str text)
{
    for (uint32_t i = 0; i < references->count; i++) {
        struct str other = value_text(references->items[i], STR_EMPTY);
        if (other.n > text.n && str_starts(other, text) && strchr(".[", other.p[text.n]))
            return true;
    }
    return false;
}

static void offer_expressions(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, const struct value *expressions, int depth)
{
    if (!expressions || depth > DEPTH_MAX)
        return;
    if (expressions->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < expressions->count; i++)
            offer_expressions(t, list, owner, module, expressions->items[i], depth);
        return;
    }
    const struct value *references = value_getz(expressions, "references");
    for (uint32_t i = 0; references && references->kind == VALUE_LIST && i < references->count; i++)
        if (!is_named_closer(references, value_text(references->items[i], STR_EMPTY)))
            offer_one(t, list, owner, module, value_text(references->items[i], STR_EMPTY), depth);
    for (uint32_t i = 0; !references && expressions->kind == VALUE_MAP && i < expressions->count; i++)
        if (!str_eqz(expressions->entries[i].key, "constant_value"))
            offer_expressions(t, list, owner, module, expressions->entries[i].value, depth);
}

static bool has_text(const struct tree *s, struct str text)
{
    if (s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING)
        return str_find(s->value->string, text, 0) >= 0;
    for (size_t i = 0; s->kind != TREE_LITERAL && i < s->n; i++)
        if (has_text(s->kind == TREE_MAP ? s->entries[i].value : s->items[i], text))
            return true;
    return false;
}

void candidates_add_secrets(struct terraform *t, struct candidates *list, const struct tree *s)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        const struct names_type *names = group->schema ? NULL : terraform_names(t, group);
        for (size_t k = 0; names && names->asked && k < group->n; k++) {
            const struct value *values = group->instances[k]->values;
            for (uint32_t a = 0; a < values->count; a++) {
                struct str text = value_text(values->entries[a].value, STR_EMPTY);
                if (text.n >= SECRET_MIN && has_text(s, text))
                    offer_asked(t, list, group->instances[k], values->entries[a].key);
            }
        }
    }
}

void candidates_add_expressions(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, const struct value *expressions)
{
    offer_expressions(t, list, owner, module, expressions, 0);
}
