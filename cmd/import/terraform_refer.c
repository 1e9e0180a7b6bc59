/*
 * Values that are other things' become references: what the configuration says that an attribute refers to,
 * looked for in the value; and, wherever they stand, ARNs and ids of what is imported, too.
 */
#include "cmd/import/terraform_parts.h"

#include <ctype.h>

/* A text that may stand in values, and the code that says it. */
struct candidate {
    struct str text;
    struct said *code;
    struct group *needs; /* NULL: no resource */
};

struct candidates {
    struct candidate *items;
    size_t n, cap;
    bool of_others; /* of two that are the same text the one that is a thing's is meant */
};

enum { DEPTH_MAX = 8, TEXT_MIN = 2 };

static void offer(
    struct terraform *t, struct candidates *list, struct str text, struct said *code, struct group *needs)
{
    if (text.n < TEXT_MIN || str_eqz(text, "true") || str_eqz(text, "false"))
        return;
    ARENA_GROW(t->arena, list->items, list->n, list->cap);
    list->items[list->n++] = (struct candidate){text, code, needs};
}

/* ---- circles ---- */

static bool refer_reaches(struct terraform *t, struct group *from, const struct group *to, int depth)
{
    if (from == to || depth > 64)
        return true;
    for (size_t i = 0; i < from->needs.n; i++)
        if (refer_reaches(t, from->needs.items[i].ptr, to, depth + 1))
            return true;
    return false;
}

/* Where a part has gone, that counts. */
static struct group *refer_whole(struct group *group)
{
    return !group->schema && group->n && group->instances[0]->target ? group->instances[0]->target->group
                                                                     : group;
}

/* ---- what the configuration's references are ---- */

static struct said *reference(
    struct terraform *t, struct instance *owner, struct instance *target, struct str attr)
{
    struct str key = STR_EMPTY;
    bool same = owner && owner->has_key && target->has_key && str_eq(owner->key, target->key);
    if (target->has_key && target->group->n > 1)
        key = same ? STR("each.key") : said_as_code(t->arena, said_string(t->arena, target->key, NULL));
    else if (target->has_key && target->group->folded)
        key = said_as_code(t->arena, said_string(t->arena, target->key, NULL));
    return said_code(t->arena, NULL, "%s", draft_reference(t->draft, owner, target, attr, key, NULL).p);
}

bool terraform_waits(struct terraform *t, struct group *group, struct group **other)
{
    *other = refer_whole(*other);
    struct str address = group_address(t->arena, *other);
    if (!(*other)->schema || map_get(&group->needs, address) || refer_reaches(t, *other, group, 0))
        return false;
    map_set(&group->needs, address, *other);
    return true;
}

struct said *terraform_reference(
    struct terraform *t, struct instance *owner, struct instance *target, struct str attr)
{
    struct group *needs = refer_whole(target->group);
    if (refer_reaches(t, needs, owner->group, 0))
        return NULL;
    map_set(&owner->group->needs, group_address(t->arena, needs), needs);
    return reference(t, owner, target, attr);
}

/* Has what the target becomes such an attribute? */
static bool can_say(struct terraform *t, const struct instance *target, struct str attr)
{
    const struct group *group = target->group;
    if (!group->schema)
        return false;
    if (group->names)
        return names_output(group->names, t->arena, attr).n > 0;
    for (size_t i = 0; i < group->schema->attr_count; i++)
        if (names_same(group->schema->attrs[i].name, attr))
            return true;
    return str_eqz(attr, "id");
}

/* What is secret of a thing that there is none of here: an input. */
static void offer_asked(
    struct terraform *t, struct candidates *list, const struct instance *one, struct str attr)
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
    name = draft_snake(t->arena, name);
    group->asked = name;
    offer(t, list, v->string,
        said_code(t->arena, NULL, "%s",
            draft_ask(
                t->draft, name, "string", arena_printf(t->arena, "What %.*s is", STR_ARG(one->address)), true)
                .p),
        NULL);
}

static void offer_resource(struct terraform *t, struct candidates *list, struct instance *owner,
    struct group *group, struct str key, struct str attr)
{
    const struct names_type *names = names_terraform(t->names, group->type);
    for (size_t i = 0; i < group->n; i++) {
        struct instance *one = group->instances[i];
        if ((key.n && !str_eq(key, one->key)) || one == owner)
            continue;
        for (uint32_t k = 0; k < one->values->count; k++) {
            const struct value_entry *e = &one->values->entries[k];
            bool wanted = attr.n ? str_eq(e->key, attr)
                                 : str_eqz(e->key, "id") || str_eqz(e->key, "arn") || str_eqz(e->key, "name");
            bool text = e->value->kind == VALUE_STRING || (attr.n && e->value->kind == VALUE_INT);
            if (wanted && names && names->asked)
                offer_asked(t, list, one, e->key);
            else if (wanted && text && can_say(t, one, e->key))
                offer(
                    t, list, value_scalar_text(t->arena, e->value), reference(t, owner, one, e->key), group);
        }
    }
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
        if (text.n)
            offer(t, list, text,
                said_code(t->arena, NULL, "%s.%s",
                    draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL).p, known[i][2]),
                NULL);
    }
}

static void offer_expressions(struct terraform *t, struct candidates *list, struct instance *owner,
    struct str module, const struct value *expressions, int depth);

static void offer_variable(struct terraform *t, struct candidates *list, struct instance *owner,
    struct str module, struct str name, int depth)
{
    if (!module.n) {
        const struct str *input = map_get(&t->inputs, name);
        const struct value *value = value_getz(value_get(t->variables, name), "value");
        if (input && value && (value->kind == VALUE_STRING || value->kind == VALUE_INT))
            offer(t, list, value_scalar_text(t->arena, value),
                said_code(t->arena, NULL, "inputs.%s", input->p), NULL);
        return;
    }
    /* what the caller gave it: module.net.module.zone is called by module.net */
    ptrdiff_t last = -1;
    for (ptrdiff_t at = 0; (at = str_find(module, STR("module."), (size_t)at)) >= 0; at++)
        last = at;
    struct str caller = last > 0 ? str_slice(module, 0, (size_t)last - 1) : STR_EMPTY;
    struct str call = str_slice(module, (size_t)last + 7, module.n);
    ptrdiff_t bracket = str_find_char(call, '[', 0);
    call = bracket < 0 ? call : str_slice(call, 0, (size_t)bracket);
    const struct value *config = value_get(value_getz(terraform_module(t, caller), "module_calls"), call);
    const struct value *given = value_get(value_getz(config, "expressions"), name);
    if (given)
        offer_expressions(t, list, owner, caller, given, depth + 1);
}

/* "a", 0, each.key: whose instance is meant; "" any. */
static struct str reference_key(struct str index, const struct instance *owner)
{
    if (str_eqz(index, "each.key") || str_eqz(index, "each.value") || str_eqz(index, "count.index"))
        return owner ? owner->key : STR_EMPTY;
    return index.n > 1 && index.p[0] == '"' ? str_slice(index, 1, index.n - 1) : index;
}

/* aws_s3_bucket.lake["a"].arn of that module. */
static void offer_named(struct terraform *t, struct candidates *list, struct instance *owner,
    struct str module, struct str text, int depth)
{
    struct str rest, first = str_cut(text, '.', &rest), key = STR_EMPTY, attr;
    bool data = str_eqz(first, "data");
    if (data)
        first = str_cut(rest, '.', &rest);
    struct str name = str_cut(rest, '.', &attr);
    ptrdiff_t open = str_find_char(name, '[', 0);
    if (open >= 0) {
        ptrdiff_t close = str_find_char(name, ']', (size_t)open);
        key = close < 0 ? STR_EMPTY : reference_key(str_slice(name, (size_t)open + 1, (size_t)close), owner);
        name = str_slice(name, 0, (size_t)open);
    }
    struct str step;
    attr = str_cut(attr.p ? attr : STR_EMPTY, '.', &step);
    ptrdiff_t index = str_find_char(attr, '[', 0);
    attr = index < 0 ? attr : str_slice(attr, 0, (size_t)index);
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

/* Is it that call of a module, or one instance of it? With a key only that. */
static bool is_instance_of(struct str module, struct str call, struct str key)
{
    struct str rest = str_starts(module, call) ? str_slice(module, call.n, module.n) : STR_EMPTY;
    if (!rest.n || !key.n)
        return str_eq(module, call) || (rest.n && rest.p[0] == '[' && str_find_char(rest, '.', 0) < 0);
    rest = str_slice(rest, 1, rest.n - 1);
    if (rest.n > 1 && rest.p[0] == '"')
        rest = str_slice(rest, 1, rest.n - 1);
    return str_eq(rest, key);
}

/* zone["a"].arn: what that output of the module is made of, inside. */
static void offer_output(struct terraform *t, struct candidates *list, struct instance *owner,
    struct str module, struct str text, int depth)
{
    struct str output, name = str_cut(text, '.', &output), rest, key = STR_EMPTY, seen = STR_EMPTY;
    output = str_cut(output.p ? output : STR_EMPTY, '.', &rest);
    ptrdiff_t bracket = str_find_char(name, '[', 0);
    if (bracket >= 0) {
        key = reference_key(str_slice(name, (size_t)bracket + 1, name.n - 1), owner);
        name = str_slice(name, 0, (size_t)bracket);
    }
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

/* What a local is made of is not told: any variable may be in it. */
static void offer_variables(struct terraform *t, struct candidates *list, struct str module)
{
    for (uint32_t i = 0; !module.n && t->variables && i < t->variables->count; i++) {
        const struct value *value = value_getz(t->variables->entries[i].value, "value");
        const struct str *input = map_get(&t->inputs, t->variables->entries[i].key);
        if (input && value && value->kind == VALUE_STRING && value->string.n > 2)
            offer(t, list, value->string, said_code(t->arena, NULL, "inputs.%s", input->p), NULL);
    }
}

static void offer_one(struct terraform *t, struct candidates *list, struct instance *owner, struct str module,
    struct str text, int depth)
{
    struct str rest, first = str_cut(text, '.', &rest);
    if (!rest.p || depth > DEPTH_MAX)
        return;
    if (str_eqz(first, "var"))
        offer_variable(t, list, owner, module, str_cut(rest, '.', &first), depth);
    else if (str_eqz(first, "module"))
        offer_output(t, list, owner, module, rest, depth);
    else if (str_eqz(first, "local"))
        offer_variables(t, list, module);
    else if (!str_eqz(first, "each") && !str_eqz(first, "count") && !str_eqz(first, "path"))
        offer_named(t, list, owner, module, text, depth);
}

/* Terraform tells of aws_lb.front.arn, and of aws_lb.front besides: that is none of its own. */
static bool is_said_closer(const struct value *references, struct str text)
{
    for (uint32_t i = 0; i < references->count; i++) {
        struct str other = value_text(references->items[i], STR_EMPTY);
        if (other.n > text.n && str_starts(other, text) && strchr(".[", other.p[text.n]))
            return true;
    }
    return false;
}

static void offer_expressions(struct terraform *t, struct candidates *list, struct instance *owner,
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
        if (!is_said_closer(references, value_text(references->items[i], STR_EMPTY)))
            offer_one(t, list, owner, module, value_text(references->items[i], STR_EMPTY), depth);
    for (uint32_t i = 0; !references && expressions->kind == VALUE_MAP && i < expressions->count; i++)
        if (!str_eqz(expressions->entries[i].key, "constant_value"))
            offer_expressions(t, list, owner, module, expressions->entries[i].value, depth);
}

/* ---- in values ---- */

/* What the configuration puts together is often put together by underscores. */
static bool is_letter(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_circle(struct terraform *t, const struct candidate *one, const struct group *owner)
{
    return one->needs && owner && refer_reaches(t, refer_whole(one->needs), owner, 0);
}

/* The longest candidate that stands there as whole words and is no circle. */
static const struct candidate *at(
    struct terraform *t, const struct candidates *list, const struct group *owner, struct str text, size_t i)
{
    const struct candidate *best = NULL;
    for (size_t k = 0; k < list->n; k++) {
        struct str one = list->items[k].text;
        bool rather =
            best && best->text.n == one.n && list->of_others && !best->needs && list->items[k].needs;
        if (i + one.n > text.n || memcmp(text.p + i, one.p, one.n) != 0 ||
            (best && best->text.n >= one.n && !rather))
            continue;
        bool begins = !i || !is_letter(text.p[i - 1]) || !is_letter(one.p[0]);
        bool ends = i + one.n == text.n || !is_letter(text.p[i + one.n]) || !is_letter(one.p[one.n - 1]);
        if (begins && ends && !is_circle(t, &list->items[k], owner))
            best = &list->items[k];
    }
    return best;
}

static struct said *refer_related(
    struct terraform *t, const struct candidates *list, struct group *owner, struct said *s)
{
    if (s->kind == SAID_LITERAL && s->value->kind == VALUE_STRING) {
        struct said *text = said_new(t->arena, SAID_TEXT, NULL);
        struct str from = s->value->string;
        size_t done = 0;
        text->sensitive = s->sensitive;
        for (size_t i = 0; i < from.n; i++) {
            const struct candidate *c = at(t, list, owner, from, i);
            struct group *needs = c && c->needs ? refer_whole(c->needs) : NULL;
            if (!c)
                continue;
            if (needs && owner)
                map_set(&owner->needs, group_address(t->arena, needs), needs);
            said_append(t->arena, text, said_string(t->arena, str_slice(from, done, i), NULL));
            said_append(t->arena, text, c->code);
            i += c->text.n - 1;
            done = i + 1;
        }
        if (!done)
            return s;
        said_append(t->arena, text, said_string(t->arena, str_slice(from, done, from.n), NULL));
        return said_simple(t->arena, text);
    }
    for (size_t i = 0; s->kind != SAID_TEXT && i < s->n; i++) {
        struct said **child = s->kind == SAID_MAP ? &s->entries[i].value : &s->items[i];
        *child = refer_related(t, list, owner, *child);
    }
    return s;
}

/* ---- ARNs and ids, wherever they are ---- */

static bool is_telling(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++)
        digits += isdigit((unsigned char)text.p[i]) != 0;
    return str_starts(text, STR("arn:")) || (text.n >= 10 && digits >= 4) ||
           str_starts(text, STR("https://"));
}

/* aws_dms_endpoint's endpoint_arn is its own; what others are called after it is not. */
static bool is_own_text(struct terraform *t, const struct group *group, struct str key)
{
    static const char *const keys[] = {"arn", "id", "url", "key_id", "qualified_arn"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eqz(key, keys[i]))
            return true;
    return group->names && str_eqz(names_output(group->names, t->arena, key), "arn");
}

/* A location of Lake Formation has its bucket's ARN: whose own it is goes before whom it was given. */
static bool is_given(struct terraform *t, const struct group *group, struct str key)
{
    const struct attr *attr =
        group->names ? schema_attr(group->schema, names_output(group->names, t->arena, key)) : NULL;
    return attr && attr->settable;
}

static void index_instance(struct terraform *t, struct instance *one, bool given)
{
    for (uint32_t i = 0; i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        struct str text = value_text(e->value, STR_EMPTY);
        if (!text.n || !is_own_text(t, one->group, e->key) || !is_telling(text) ||
            map_get(&t->by_text, text) || !can_say(t, one, e->key) ||
            is_given(t, one->group, e->key) != given)
            continue;
        struct owned *owned = ARENA_NEW(t->arena, struct owned);
        *owned = (struct owned){one, e->key, NULL};
        map_set(&t->by_text, text, owned);
    }
}

static void index_texts(struct terraform *t)
{
    for (int given = 0; given < 2; given++)
        for (size_t i = 0; i < t->groups.n; i++) {
            const struct group *group = t->groups.items[i].ptr;
            for (size_t k = 0; group->schema && k < group->n; k++)
                index_instance(t, group->instances[k], given);
        }
}

/* An ARN, with something behind it or not. */
static void offer_beginning(
    struct terraform *t, struct candidates *list, struct instance *owner, struct str text)
{
    for (size_t end = text.n; end >= 10; end--) {
        if (end < text.n && is_word(text.p[end]) && is_word(text.p[end - 1]))
            continue;
        const struct owned *owned = map_get(&t->by_text, str_slice(text, 0, end));
        if (!owned || owned->instance == owner)
            continue;
        offer(t, list, str_slice(text, 0, end), reference(t, owner, owned->instance, owned->attr),
            owned->instance->group);
        return;
    }
}

static void offer_telling(
    struct terraform *t, struct candidates *list, struct instance *owner, const struct said *s)
{
    struct str text = said_literal_text(t->arena, s);
    offer_beginning(t, list, owner, text);
    for (ptrdiff_t arn = text.n ? str_find(text, STR("arn:"), 1) : -1; arn > 0;
         arn = str_find(text, STR("arn:"), (size_t)arn + 1))
        offer_beginning(t, list, owner, str_slice(text, (size_t)arn, text.n));
    for (size_t i = 0; s->kind != SAID_TEXT && i < s->n; i++)
        offer_telling(t, list, owner, s->kind == SAID_MAP ? s->entries[i].value : s->items[i]);
}

/* ---- the whole ---- */

/* What settings of others say has become a part of this one. */
static void offer_parts(struct terraform *t, struct candidates *list, struct instance *one)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; !group->data && !group->schema && k < group->n; k++)
            if (group->instances[k]->target == one)
                offer_expressions(t, list, one, group->module, value_getz(group->config, "expressions"), 0);
    }
}

void terraform_refer(struct terraform *t)
{
    index_texts(t);
    if (!t->configuration)
        terraform_index_names(t);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; group->schema && k < group->n; k++) {
            struct instance *one = group->instances[k];
            struct candidates list = {0};
            offer_expressions(t, &list, one, group->module, value_getz(group->config, "expressions"), 0);
            offer_expressions(
                t, &list, one, group->module, value_getz(group->config, "for_each_expression"), 0);
            offer_parts(t, &list, one);
            offer_telling(t, &list, one, one->attrs);
            for (size_t m = 0; m < one->attrs->n; m++) {
                struct said_entry *e = &one->attrs->entries[m];
                list.of_others = !str_eqz(e->key, "name");
                if (!group->config)
                    e->value = terraform_named(t, one, e->key, e->value);
                e->value = refer_related(t, &list, group, e->value);
            }
        }
    }
}

struct said *terraform_related(struct terraform *t, const struct value *value, const struct value *expression)
{
    struct candidates list = {0};
    struct said *s = said_of(t->arena, value);
    offer_expressions(t, &list, NULL, STR_EMPTY, expression, 0);
    offer_telling(t, &list, NULL, s);
    return refer_related(t, &list, NULL, s);
}

struct str terraform_settle(void *ctx, struct draft_reference *r)
{
    struct terraform *t = ctx;
    const struct instance *target = r->target;
    const struct group *group = target->group;
    struct str attr = group->names ? names_output(group->names, t->arena, r->attr) : group->schema->id;
    for (size_t i = 0; !group->names && i < group->schema->attr_count; i++)
        if (names_same(group->schema->attrs[i].name, r->attr))
            attr = group->schema->attrs[i].name;
    struct str key =
        group->folded
            ? arena_printf(t->arena, "[%.*s]",
                  STR_ARG(
                      r->key.n ? r->key : said_as_code(t->arena, said_string(t->arena, target->key, NULL))))
            : STR_EMPTY;
    return arena_printf(
        t->arena, "%.*s%.*s.%.*s", STR_ARG(group->resource->name), STR_ARG(key), STR_ARG(attr));
}
