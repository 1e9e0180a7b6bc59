/* Converts CloudFormation's functions to expressions. */
#include "cmd/import/template.h"

/* ---- arguments ---- */

static const struct node *function_item(const struct node *list, size_t i)
{
    return list->kind == NODE_LIST && i < list->count ? list->items[i] : NULL;
}

static struct str code_of(struct template *t, const struct node *node)
{
    return tree_as_code(t->arena, template_tree(t, node));
}

/* Checks the number of arguments and reports an error. */
static bool takes(
    struct template *t, struct str function, const struct node *argument, size_t min, size_t max)
{
    if (argument->kind == NODE_LIST && argument->count >= min && argument->count <= max)
        return true;
    struct diag *d =
        diag_error(t->diags, node_span(argument), "%.*s takes a list of %zu", STR_ARG(function), min);
    if (max > min)
        diag_hint(t->diags, d, "or of up to %zu", max);
    return false;
}

static bool as_number(struct template *t, const struct tree *s, int64_t *number)
{
    struct str text = tree_literal_text(t->arena, s);
    return text.p && str_to_int(text, number);
}

/* ---- conditions ---- */

static struct tree *equals(struct template *t, const struct node *node, const struct node *argument)
{
    struct tree *sides[2];
    bool number = false;
    for (size_t i = 0; i < 2; i++) {
        const struct node *inner;
        sides[i] = template_tree(t, argument->items[i]);
        struct str function = template_function(t, argument->items[i], &inner);
        const struct parameter *p = str_eqz(function, "Ref") && inner->kind == NODE_STRING
                                        ? map_get(&t->parameters, inner->string)
                                        : NULL;
        number = number || (p && p->is_number);
    }
    for (size_t i = 0; i < 2; i++) {
        struct str text = tree_literal_text(t->arena, sides[i]);
        double as_is;
        if (text.p && number && str_to_double(text, &as_is))
            sides[i] = tree_code(t->arena, node, "%s", text.p);
        else if (text.p && !number)
            sides[i] = tree_string(t->arena, text, node);
    }
    return tree_code(
        t->arena, node, "%s == %s", tree_as_code(t->arena, sides[0]).p, tree_as_code(t->arena, sides[1]).p);
}

static bool is_simple(struct str code)
{
    return str_find_char(code, ' ', 0) < 0 || code.p[0] == '(';
}

static struct tree *combined(
    struct template *t, const struct node *node, const struct node *argument, const char *operator)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; i < argument->count; i++) {
        struct str code = template_condition(t, argument->items[i]);
        bool bare =
            is_simple(code) || (str_find(code, STR(" && "), 0) < 0 && str_find(code, STR(" || "), 0) < 0);
        buf_addf(&out, "%s%s%.*s%s", i ? operator: "", bare ? "" : "(", STR_ARG(code), bare ? "" : ")");
    }
    return tree_code(t->arena, node, "%.*s", (int)out.n, out.p ? out.p : "");
}

static struct str condition_named(struct template *t, const struct node *node, struct str name)
{
    struct str plain;
    if (template_plain_name(t, name, &plain))
        name = plain;
    const struct str *local = map_get(&t->conditions, name);
    if (local)
        return arena_printf(t->arena, "locals.%.*s", STR_ARG(*local));
    struct str *names = ARENA_ARRAY(t->arena, struct str, t->conditions.n + 1);
    for (size_t i = 0; i < t->conditions.n; i++)
        names[i] = t->conditions.items[i].key;
    struct diag *d = diag_error(t->diags, node_span(node), "there is no condition \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(t->diags, d, name, names, t->conditions.n);
    return STR("false");
}

struct str template_condition(struct template *t, const struct node *node)
{
    const struct node *argument;
    struct str function = template_function(t, node, &argument);
    if (node->kind == NODE_STRING)
        return condition_named(t, node, node->string);
    if (str_eqz(function, "Condition") && argument->kind == NODE_STRING)
        return condition_named(t, argument, argument->string);
    if (str_eqz(function, "Fn::Equals"))
        return takes(t, function, argument, 2, 2) ? equals(t, node, argument)->code : STR("false");
    if (str_eqz(function, "Fn::Not") && takes(t, function, argument, 1, 1)) {
        const struct node *inner;
        if (str_eqz(template_function(t, argument->items[0], &inner), "Fn::Equals") &&
            inner->kind == NODE_LIST && inner->count == 2) {
            struct str is = equals(t, node, inner)->code;
            ptrdiff_t at = str_find(is, STR(" == "), 0);
            if (str_find(is, STR(" == "), (size_t)at + 1) < 0)
                return arena_printf(
                    t->arena, "%.*s != %.*s", (int)at, is.p, (int)(is.n - (size_t)at - 4), is.p + at + 4);
        }
        struct str code = template_condition(t, argument->items[0]);
        return arena_printf(t->arena, is_simple(code) ? "!%.*s" : "!(%.*s)", STR_ARG(code));
    }
    if ((str_eqz(function, "Fn::And") || str_eqz(function, "Fn::Or")) && takes(t, function, argument, 2, 10))
        return combined(t, node, argument, str_eqz(function, "Fn::And") ? " && " : " || ")->code;
    if (str_eqz(function, "Fn::Contains") && takes(t, function, argument, 2, 2))
        return arena_printf(
            t->arena, "contains(%s, %s)", code_of(t, argument->items[0]).p, code_of(t, argument->items[1]).p);
    return tree_as_code(t->arena, template_unsupported(t, node, "this condition has no equivalent"));
}

/* ---- strings and lists ---- */

static struct tree *join(struct template *t, const struct node *node, const struct node *argument)
{
    struct tree *separator = template_tree(t, argument->items[0]),
                *list = template_tree(t, argument->items[1]);
    if (list->kind != TREE_LIST || separator->kind != TREE_LITERAL)
        return tree_code(t->arena, node, "join(%s, %s)", tree_as_code(t->arena, separator).p,
            tree_as_code(t->arena, list).p);
    struct tree *out = tree_new(t->arena, TREE_TEXT, node);
    for (size_t i = 0; i < list->n; i++) {
        if (i)
            tree_append(t->arena, out, separator);
        tree_append(t->arena, out, list->items[i]);
    }
    return tree_simple(t->arena, out);
}

static struct tree *sub(struct template *t, const struct node *node, const struct node *argument)
{
    if (argument->kind == NODE_STRING)
        return template_sub(t, argument, argument->string);
    if (!takes(t, STR("Fn::Sub"), argument, 1, 2) || argument->items[0]->kind != NODE_STRING)
        return tree_new(t->arena, TREE_NOTHING, node);
    const struct binding *outer = t->bindings;
    const struct node *map = function_item(argument, 1);
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        struct binding *b = ARENA_MAKE(t->arena, struct binding, map->entries[i].key,
            template_tree(t, map->entries[i].value), t->bindings);
        t->bindings = b;
    }
    struct tree *out = template_sub(t, argument->items[0], argument->items[0]->string);
    t->bindings = outer;
    return out;
}

static struct tree *zones(struct template *t, const struct node *node, const struct node *argument)
{
    struct tree *region = template_tree(t, argument);
    bool here = tree_is_text(region, "") || region->kind == TREE_CODE || region->kind == TREE_NOTHING;
    if (!here)
        return template_unsupported(t, node, "zones of another region have no equivalent");
    struct str data = draft_data(t->draft, STR("zones"), "aws.ec2.availability_zones", NULL);
    return tree_code(t->arena, node, "%s.names", data.p);
}

/* Returns, as code, by how many bits the parts' prefix is longer than the block's. */
static struct str part_bits(struct template *t, const struct tree *block, const struct tree *bits)
{
    int64_t host, prefix;
    struct str rest, text = tree_literal_text(t->arena, block);
    bool known = as_number(t, bits, &host);
    if (text.p)
        str_cut(text, '/', &rest);
    if (known && text.p && rest.p && str_to_int(rest, &prefix))
        return arena_printf(t->arena, "%d", (int)(32 - host - prefix));
    struct str code = tree_as_code(t->arena, block);
    struct str length = known ? arena_printf(t->arena, "%d", (int)(32 - host))
                              : arena_printf(t->arena, "32 - %s", tree_as_code(t->arena, bits).p);
    return arena_printf(t->arena, "%s - tonumber(split(\"/\", %s)[1])", length.p, code.p);
}

static struct tree *cidr(
    struct template *t, const struct node *node, const struct node *argument, const char *index)
{
    struct tree *block = template_tree(t, argument->items[0]);
    struct tree *bits =
        argument->count > 2 ? template_tree(t, argument->items[2]) : tree_string(t->arena, STR("8"), NULL);
    struct str code = tree_as_code(t->arena, block), more = part_bits(t, block, bits);
    if (index)
        return tree_code(t->arena, node, "cidrsubnet(%s, %s, %s)", code.p, more.p, index);
    struct tree *count = template_tree(t, argument->items[1]);
    struct str many = tree_literal_text(t->arena, count);
    return tree_code(t->arena, node, "[for i in range(%s) : cidrsubnet(%s, %s, i)]",
        many.p ? many.p : tree_as_code(t->arena, count).p, code.p, more.p);
}

static struct tree *pick(struct template *t, const struct node *node, const struct node *argument)
{
    const struct node *inner;
    int64_t index;
    struct tree *which = template_tree(t, argument->items[0]);
    bool known = as_number(t, which, &index);
    struct str at = known ? tree_literal_text(t->arena, which) : tree_as_code(t->arena, which);
    if (str_eqz(template_function(t, argument->items[1], &inner), "Fn::Cidr") &&
        takes(t, STR("Fn::Cidr"), inner, 2, 3))
        return cidr(t, node, inner, at.p);
    struct tree *list = template_tree(t, argument->items[1]);
    if (list->kind == TREE_LIST && known && index >= 0 && (size_t)index < list->n)
        return list->items[index];
    if (list->kind == TREE_LIST && known) {
        diag_error(t->diags, node_span(node), "the list has no item %d", (int)index);
        return tree_new(t->arena, TREE_NOTHING, node);
    }
    return tree_code(
        t->arena, node, known ? "%s[%s]" : "%s[tonumber(%s)]", tree_as_code(t->arena, list).p, at.p);
}

/* ---- others ---- */

static struct str step(struct template *t, const struct tree *key)
{
    struct str text = tree_literal_text(t->arena, key);
    if (text.p && str_is_word(text, CHARS_LETTERS "_", CHARS_ALNUM "_"))
        return arena_printf(t->arena, ".%s", text.p);
    return arena_printf(t->arena, "[%s]",
        text.p ? tree_as_code(t->arena, tree_string(t->arena, text, NULL)).p : tree_as_code(t->arena, key).p);
}

static struct tree *find_in_map(struct template *t, const struct node *node, const struct node *argument)
{
    struct str name = tree_literal_text(t->arena, template_tree(t, argument->items[0]));
    const struct str *local = name.p ? map_get(&t->mappings, name) : NULL;
    if (!local && name.p)
        diag_error(t->diags, node_span(argument->items[0]), "there is no mapping \"%.*s\"", STR_ARG(name));
    if (!local)
        return name.p ? tree_new(t->arena, TREE_NOTHING, node)
                      : template_unsupported(t, node, "a mapping whose name is computed has no equivalent");
    struct str code = arena_printf(t->arena, "locals.%.*s%s%s", STR_ARG(*local),
        step(t, template_tree(t, argument->items[1])).p, step(t, template_tree(t, argument->items[2])).p);
    const struct node *fallback = function_item(argument, 3);
    if (fallback && node_get(fallback, "DefaultValue"))
        return tree_code(
            t->arena, node, "try(%s, %s)", code.p, code_of(t, node_get(fallback, "DefaultValue")).p);
    return tree_code(t->arena, node, "%s", code.p);
}

/* Returns a logical id, also one composed by Fn::ForEach. */
static struct str logical_name(struct template *t, const struct node *node)
{
    const struct node *inner;
    if (node->kind == NODE_STRING)
        return node->string;
    bool is_sub = str_eqz(template_function(t, node, &inner), "Fn::Sub") && inner->kind == NODE_STRING;
    return is_sub ? inner->string : STR_EMPTY;
}

/* Returns the attribute. If its name is computed, it is looked up in a map of all attributes. */
static struct tree *attribute_of(
    struct template *t, const struct node *node, struct str name, const struct tree *which)
{
    struct str attr = tree_literal_text(t->arena, which);
    if (attr.n)
        return template_reference(t, node, name, attr);
    if (which->kind != TREE_CHOICE)
        return tree_code(t->arena, node, "%s[%s]",
            template_reference(t, node, name, STR(TEMPLATE_ALL))->code.p, tree_as_code(t->arena, which).p);
    struct tree *out = tree_choice(t->arena, node, which->code);
    for (size_t i = 0; i < 2; i++)
        tree_add(t->arena, out, attribute_of(t, node, name, which->items[i]));
    return out;
}

static struct tree *get_att(struct template *t, const struct node *node, const struct node *argument)
{
    struct str attr, name = argument->kind == NODE_STRING ? str_cut(argument->string, '.', &attr) : STR_EMPTY;
    if (name.n && attr.p && attr.n)
        return template_reference(t, argument, name, attr);
    if (argument->kind == NODE_LIST && argument->count == 2) {
        const struct tree *which = template_tree(t, argument->items[1]);
        name = logical_name(t, argument->items[0]);
        if (name.n && which->kind != TREE_NOTHING && !tree_is_text(which, ""))
            return attribute_of(t, argument, name, which);
    }
    diag_error(t->diags, node_span(argument), "Fn::GetAtt takes a resource's name and an attribute");
    return tree_new(t->arena, TREE_NOTHING, node);
}

/* Converts Fn::ImportValue: the value is known from a live stack, otherwise it becomes an input. */
static struct tree *import_value(struct template *t, const struct node *node, const struct node *argument)
{
    struct tree *name = template_tree(t, argument);
    struct str text = tree_literal_text(t->arena, name);
    struct tree *beside = text.p ? cdk_imported(t, node, text) : NULL;
    if (beside)
        return beside;
    struct str wanted = text.p ? text : STR_EMPTY, plain = text.p ? text : tree_as_code(t->arena, name);
    for (size_t i = 0; name->kind == TREE_TEXT && i < name->n; i++) /* the last is most specific */
        if (name->items[i]->kind == TREE_LITERAL)
            wanted = name->items[i]->value->string;
    wanted = draft_snake(t->arena, wanted.n ? wanted : STR("imported"));
    bool known = tree_get(t->draft->inputs, wanted.p) != NULL;
    struct str code = draft_ask(t->draft, wanted, "string",
        arena_printf(t->arena, "what another stack exports as %.*s", STR_ARG(plain)), false);
    const struct value *exported = text.p && t->live ? value_get(t->live->exports, text) : NULL;
    if (exported && !known)
        tree_set(t->arena, tree_get(t->draft->inputs, wanted.p), STR("default"),
            tree_value(t->arena, exported, NULL));
    else if (!known) {
        struct diag *d =
            diag_warning(t->diags, node_span(argument), "what another stack exports is not known here");
        diag_hint(t->diags, d, "the input `%.*s` asks for it", STR_ARG(wanted));
    }
    return tree_code(t->arena, node, "%s", code.p);
}

static struct tree *choice(struct template *t, const struct node *node, const struct node *argument)
{
    struct tree *out = tree_choice(t->arena, node, template_condition(t, argument->items[0]));
    struct str around = t->around;
    for (size_t i = 1; i < 3; i++) {
        t->around = arena_printf(t->arena, "%.*s%s%s%.*s%s", STR_ARG(around), around.n ? " && " : "",
            i == 1                 ? ""
            : is_simple(out->code) ? "!"
                                   : "!(",
            STR_ARG(out->code), i == 1 || is_simple(out->code) ? "" : ")");
        tree_add(t->arena, out, template_tree(t, argument->items[i]));
    }
    t->around = around;
    return out;
}

static struct tree *split(struct template *t, const struct node *node, const struct node *argument)
{
    return tree_code(
        t->arena, node, "split(%s, %s)", code_of(t, argument->items[0]).p, code_of(t, argument->items[1]).p);
}

static struct tree *around(
    struct template *t, const struct node *node, const struct node *argument, const char *name)
{
    struct tree *inner = template_tree(t, argument);
    struct tree *out = tree_code(t->arena, node, "%s(%s)", name, tree_as_code(t->arena, inner).p);
    out->encoded = !strcmp(name, "base64encode") ? inner : NULL;
    return out;
}

struct tree *template_call(
    struct template *t, struct str function, const struct node *node, const struct node *argument)
{
    static const struct {
        const char *name;
        size_t min, max;
        struct tree *(*say)(struct template *t, const struct node *node, const struct node *argument);
    } lists[] = {{"Fn::Join", 2, 2, join}, {"Fn::Select", 2, 2, pick}, {"Fn::Split", 2, 2, split},
        {"Fn::FindInMap", 3, 4, find_in_map}, {"Fn::If", 3, 3, choice}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (str_eqz(function, lists[i].name))
            return takes(t, function, argument, lists[i].min, lists[i].max)
                       ? lists[i].say(t, node, argument)
                       : tree_new(t->arena, TREE_NOTHING, node);
    if (str_is_any(function, "Fn::Equals Fn::And Fn::Or Fn::Not Condition"))
        return tree_code(t->arena, node, "%s", template_condition(t, node).p);
    if (str_eqz(function, "Ref") && logical_name(t, argument).n)
        return template_reference(t, argument, logical_name(t, argument), STR_EMPTY);
    if (str_eqz(function, "Fn::GetAtt"))
        return get_att(t, node, argument);
    if (str_eqz(function, "Fn::Sub"))
        return sub(t, node, argument);
    if (str_eqz(function, "Fn::GetAZs"))
        return zones(t, node, argument);
    if (str_eqz(function, "Fn::Cidr") && takes(t, function, argument, 2, 3))
        return cidr(t, node, argument, NULL);
    if (str_eqz(function, "Fn::ImportValue"))
        return import_value(t, node, argument);
    if (str_eqz(function, "Fn::Base64"))
        return around(t, node, argument, "base64encode");
    if (str_eqz(function, "Fn::Length"))
        return around(t, node, argument, "length");
    if (str_eqz(function, "Fn::ToJsonString"))
        return around(t, node, argument, "jsonencode");
    return template_unsupported(t, node, "`%.*s` has no equivalent in a stack", STR_ARG(function));
}
