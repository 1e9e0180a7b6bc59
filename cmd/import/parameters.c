/* Converts parameters and resources of a CloudFormation template to inputs and resources. */
#include "cmd/import/template.h"

#include "base/match.h"

struct str template_comment(struct arena *arena, const struct node_entry *entry)
{
    struct str text = entry->value->source->text;
    size_t end = entry->key_offset;
    if (!entry->key_length) /* a generated node: template.h */
        return STR_EMPTY;
    while (end && (text.p[end - 1] == ' ' || text.p[end - 1] == '\t'))
        end--;
    if (end && text.p[end - 1] != '\n')
        return STR_EMPTY; /* not on a line of its own */
    size_t from = end;
    while (from) {
        size_t line = from - 1;
        while (line && text.p[line - 1] != '\n')
            line--;
        struct str above = str_trim(str_slice(text, line, from));
        if (!above.n || above.p[0] != '#')
            break;
        from = line;
    }
    return arena_str(arena, str_slice(text, from, end));
}

/* ---- parameters ---- */

/* Converts a default, or one of its items, to the input's type. */
static struct tree *fallback(
    struct template *t, const struct parameter *p, struct str text, const struct node *node)
{
    struct parameter item = {.is_number = p->is_number};
    int64_t integer;
    double number;
    if (p->is_list) {
        struct tree *list = tree_new(t->arena, TREE_LIST, node);
        while (text.p && text.n)
            tree_add(t->arena, list, fallback(t, &item, str_trim(str_cut(text, ',', &text)), node));
        return list;
    }
    if (p->is_number && str_to_int(text, &integer))
        return tree_value(t->arena, value_int(t->arena, integer), node);
    if (p->is_number && str_to_double(text, &number))
        return tree_value(t->arena, value_float(t->arena, number), node);
    return tree_string(t->arena, text, node);
}

static const char *input_type(struct parameter *p, struct str type)
{
    if (str_starts(type, STR("AWS::SSM::Parameter::Value<"))) { /* the default is the name of a parameter */
        p->names_list = str_starts(type, STR("AWS::SSM::Parameter::Value<List<")) ||
                        str_eqz(type, "AWS::SSM::Parameter::Value<CommaDelimitedList>");
        return "string";
    }
    p->is_list = str_starts(type, STR("List<")) || str_eqz(type, "CommaDelimitedList");
    p->is_number = str_eqz(type, "Number") || str_eqz(type, "List<Number>");
    return p->is_list ? (p->is_number ? "list(number)" : "list(string)") : p->is_number ? "number" : "string";
}

static void set_range(struct template *t, struct tree *input, const struct node *node, bool number)
{
    const char *const keys[] = {number ? "MinValue" : "MinLength", number ? "MaxValue" : "MaxLength"};
    struct tree *range = tree_new(t->arena, TREE_LIST, NULL);
    bool any = false;
    for (size_t i = 0; i < 2; i++) {
        const struct node *end = node_get(node, keys[i]);
        int64_t bound;
        bool known = end && str_to_int(value_scalar_text(t->arena, node_value(t->arena, end)), &bound);
        if (end && !known)
            diag_warning(t->diags, node_span(end), "`%s` is not a whole number, and is left out", keys[i]);
        any = any || known;
        tree_add(
            t->arena, range, tree_value(t->arena, known ? value_int(t->arena, bound) : &value_null, NULL));
    }
    if (any)
        tree_set(t->arena, input, STR("range"), range);
}

static void set_choices(
    struct template *t, struct tree *input, const struct parameter *p, const struct node *list)
{
    if (!list || list->kind != NODE_LIST)
        return;
    struct tree *choices = tree_new(t->arena, TREE_LIST, NULL);
    for (uint32_t i = 0; i < list->count; i++) {
        struct parameter one = {.is_number = p->is_number};
        tree_add(t->arena, choices,
            fallback(t, &one, value_scalar_text(t->arena, node_value(t->arena, list->items[i])), NULL));
    }
    tree_set(t->arena, input, STR("enum"), choices);
}

static bool is_true(const struct node *node)
{
    return node && ((node->kind == NODE_BOOL && node->boolean) || str_ieq(node_text(node), STR("true")));
}

static void set_default(
    struct template *t, struct tree *input, struct parameter *p, struct str name, const struct node *node)
{
    const struct node *given = node_get(node, "Default");
    const struct value *live = t->live ? value_get(t->live->parameters, name) : NULL;
    struct str text = given && given->kind != NODE_LIST && given->kind != NODE_MAP
                          ? value_scalar_text(t->arena, node_value(t->arena, given))
                          : (struct str){NULL, 0};
    if (given && given->kind == NODE_NULL)
        text = STR_EMPTY;
    bool hidden = is_true(node_get(node, "NoEcho"));
    if (hidden || (text.n && draft_is_secret(name, text))) {
        p->secret = true;
        tree_set(t->arena, input, STR("sensitive"), tree_value(t->arena, &value_true, NULL));
        if (text.n) {
            source_hide(t->arena, node_span(given));
            struct diag *d = diag_warning(t->diags, node_span(given),
                "the default of %.*s is a secret, and is not written", STR_ARG(name));
            diag_hint(t->diags, d, "the input `%.*s` asks for it", STR_ARG(p->input));
        }
        return;
    }
    if (live && live->kind == VALUE_STRING)
        text = live->string;
    if (text.p)
        tree_set(t->arena, input, STR("default"), fallback(t, p, text, given));
}

/* Returns the pattern with an escaped hyphen after \w and the like within brackets: CloudFormation's regular
 * expressions take it literally there, others for a range. */
static struct str with_literal_hyphens(struct arena *arena, struct str pattern)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool within = false;
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i], next = i + 1 < pattern.n ? pattern.p[i + 1] : 0;
        buf_add_char(&out, c);
        if (c == '\\' && next) {
            buf_add_char(&out, next);
            i++;
            if (within && strchr("wWdDsS", next) && i + 1 < pattern.n && pattern.p[i + 1] == '-')
                buf_add_char(&out, '\\');
        } else if (c == '[' || c == ']') {
            within = c == '[';
        }
    }
    return arena_str(arena, buf_str(&out));
}

static void set_pattern_of(struct template *t, struct tree *input, const struct node *node)
{
    struct str pattern = with_literal_hyphens(t->arena, node_text(node)), why;
    if (!pattern.n)
        return;
    if (regex_compile(t->arena, pattern, true, &why)) /* for a list each item has to match, in both tools */
        tree_set(t->arena, input, STR("pattern"), tree_string(t->arena, pattern, NULL));
    else
        diag_warning(
            t->diags, node_span(node), "the pattern has another syntax, and is left out: %.*s", STR_ARG(why));
}

static void take_parameter(struct template *t, const struct node_entry *entry, struct str name)
{
    const struct node *node = entry->value;
    struct parameter *p = ARENA_NEW(t->arena, struct parameter);
    struct tree *input = tree_new(t->arena, TREE_MAP, node);
    struct str type = node_text(node_get(node, "Type"));
    p->input = draft_input_name(t->draft, cdk_plain(t, name));
    p->data = STR_EMPTY;
    map_set(&t->parameters, name, p);
    const char *is = input_type(p, type);
    tree_set(t->arena, input, STR("type"), tree_string(t->arena, str_z(is), NULL));
    set_default(t, input, p, name, node);
    set_choices(t, input, p, node_get(node, "AllowedValues"));
    set_pattern_of(t, input, node_get(node, "AllowedPattern"));
    set_range(t, input, node, p->is_number);
    struct str words = node_text(node_get(node, "Description"));
    if (words.n)
        tree_set(t->arena, input, STR("description"), tree_string(t->arena, words, NULL));
    if (str_starts(type, STR("AWS::SSM::Parameter::Value<"))) {
        struct tree *attrs = tree_new(t->arena, TREE_MAP, NULL);
        tree_set(t->arena, attrs, STR("name"), tree_code(t->arena, node, "inputs.%s", p->input.p));
        p->data = draft_data(
            t->draft, arena_printf(t->arena, "%s_parameter", p->input.p), "aws.ssm.parameter", attrs);
    }
    tree_set(t->arena, t->draft->inputs, p->input, input);
    t->draft->inputs->entries[t->draft->inputs->n - 1].comment = template_comment(t->arena, entry);
}

void template_parameters(struct template *t, const struct node *section)
{
    for (uint32_t i = 0; section && section->kind == NODE_MAP && i < section->count; i++)
        if (section->entries[i].value->kind == NODE_MAP)
            take_parameter(t, &section->entries[i], section->entries[i].key);
        else
            diag_error(t->diags, node_key_span(&section->entries[i]), "a parameter is a map with its `Type`");
}

/* ---- mappings, conditions ---- */

static struct str *local_name(struct template *t, struct str name)
{
    struct str *local = arena_boxed(t->arena, draft_local_name(t->draft, name));
    return local;
}

void template_mappings(struct template *t, const struct node *section)
{
    for (uint32_t i = 0; section && section->kind == NODE_MAP && i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct str *local = local_name(t, entry->key);
        map_set(&t->mappings, entry->key, local);
        tree_set(t->arena, t->draft->locals, *local, template_tree(t, entry->value));
        t->draft->locals->entries[t->draft->locals->n - 1].comment = template_comment(t->arena, entry);
    }
}

static void name_condition(struct template *t, const struct node_entry *entry UNUSED, struct str name)
{
    map_set(&t->conditions, arena_str(t->arena, name), local_name(t, name));
}

static void take_condition(struct template *t, const struct node_entry *entry, struct str name)
{
    const struct str *local = map_get(&t->conditions, name);
    struct tree *code = tree_code(t->arena, entry->value, "%s", template_condition(t, entry->value).p);
    tree_set(t->arena, t->draft->locals, *local, code);
    t->draft->locals->entries[t->draft->locals->n - 1].comment = template_comment(t->arena, entry);
}

void template_conditions(struct template *t, const struct node *section)
{
    template_each(t, section, name_condition);
    template_each(t, section, take_condition);
}

/* ---- outputs ---- */

struct str template_output_name(struct template *t, const struct tree *outputs, struct str name)
{
    struct str plain = draft_snake(t->arena, cdk_plain(t, name)), own = plain;
    for (int i = 2; tree_get(outputs, own.p); i++)
        own = arena_printf(t->arena, "%s_%d", plain.p, i);
    return own;
}

static void take_output(struct template *t, const struct node_entry *entry, struct str name)
{
    const struct node *node = entry->value, *value = node_get(node, "Value"),
                      *only = node_get(node, "Condition");
    struct str words = node_text(node_get(node, "Description"));
    if (!value) {
        diag_error(t->diags, node_key_span(entry), "an output is a map with its `Value`");
        return;
    }
    t->around = only && only->kind == NODE_STRING ? template_condition(t, only) : STR_EMPTY;
    struct tree *tree = template_tree(t, value);
    t->around = STR_EMPTY;
    if (only && only->kind == NODE_STRING) {
        struct tree *choice = tree_choice(t->arena, node, template_condition(t, only));
        tree_add(t->arena, choice, tree);
        tree_add(t->arena, choice, tree_new(t->arena, TREE_NOTHING, NULL));
        tree = choice;
    }
    struct str own = template_output_name(t, t->draft->outputs, name);
    struct str *boxed = arena_boxed(t->arena, own);
    map_set(&t->outputs, arena_str(t->arena, name), boxed);
    draft_output(t->draft, own, tree, words);
    t->draft->outputs->entries[t->draft->outputs->n - 1].comment = template_comment(t->arena, entry);
    const struct node *export = node_get(node, "Export");
    if (export)
        draft_row(t->draft, arena_printf(t->arena, "output %.*s", STR_ARG(name)),
            arena_printf(t->arena, "outputs.%.*s", STR_ARG(own)),
            STR("it was exported to other stacks, which have to be given it"));
}

void template_outputs(struct template *t, const struct node *section)
{
    template_each(t, section, take_output);
}

/* ---- The resources of a template: first their names, since they refer to each other, then their
 * contents. */

/* ---- names ---- */

static bool is_hash(struct str s)
{
    return s.n == 10 && str_is_made_of(s, CHARS_HEX);
}

/* Returns the logical id of the resource that this one was split off from, or its own. */
static struct str logical_origin(const struct template_resource *declared)
{
    static const struct {
        const char *type, *suffix;
    } parts[] = {
        {"aws.s3.bucket_notification", "Notifications"}, {"aws.dynamodb.streaming_destination", "Stream"}};
    struct str name = declared->logical;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (str_eqz(declared->type, parts[i].type) && str_ends(name, str_z(parts[i].suffix)))
            name.n -= strlen(parts[i].suffix);
    return name;
}

/* Returns the live resource's id, of a resource that was split off the id of its origin. SAM's transform
 * appends hashes to some names. */
static struct str physical_id(struct template *t, const struct template_resource *declared)
{
    const struct value *all = t->live->physical;
    struct str name = logical_origin(declared), found = value_gets(value_get(all, name), "id");
    for (uint32_t i = 0; t->serverless && !found.n && i < all->count; i++) {
        struct str other = all->entries[i].key;
        if (str_starts(other, name) && is_hash(str_slice(other, name.n, other.n)))
            found = value_gets(all->entries[i].value, "id");
    }
    return found;
}

static struct template_resource *add_declared(
    struct template *t, const struct node_entry *entry, struct str logical)
{
    struct template_resource *declared =
        ARENA_MAKE(t->arena, struct template_resource, .logical = arena_str(t->arena, logical),
            .pattern = STR_EMPTY, .node = entry->value, .physical = STR_EMPTY);
    declared->type = node_text(node_get(entry->value, "Type"));
    declared->resource = draft_resource(t->draft);
    declared->resource->comment = template_comment(t->arena, entry);
    declared->resource->origin = declared->logical;
    declared->resource->was = declared->type;
    if (!declared->type.n)
        diag_error(t->diags, node_key_span(entry), "a resource is a map with its `Type`");
    if (map_set(&t->declared, declared->logical, declared))
        diag_error(t->diags, node_key_span(entry), "\"%.*s\" is declared twice", STR_ARG(logical));
    if (t->live)
        declared->physical = physical_id(t, declared);
    return declared;
}

static void name_resource(struct template *t, const struct node_entry *entry, struct str logical)
{
    struct template_resource *declared = add_declared(t, entry, logical);
    declared->resource->name =
        draft_name(t->draft, cdk_name(t, entry->value, logical), str_last_part(declared->type, ":"));
}

/* Sets the pattern "${Name}Bucket", and the name "Bucket". */
static void set_pattern(struct template *t, struct template_resource *declared)
{
    struct str rest = declared->pattern = declared->logical;
    for (const struct loop *l = declared->loops; l; l = l->outer) {
        struct str mark = arena_printf(t->arena, "${%.*s}", STR_ARG(l->name));
        ptrdiff_t at = str_find(rest, mark, 0);
        if (at >= 0)
            rest = arena_printf(t->arena, "%.*s%.*s", (int)at, rest.p, (int)(rest.n - (size_t)at - mark.n),
                rest.p + at + mark.n);
    }
    declared->resource->name = draft_name(
        t->draft, rest.n ? rest : str_last_part(declared->type, ":"), str_last_part(declared->type, ":"));
}

static void name_each(struct template *t, const struct node_entry *entry, const struct loop *loops)
{
    struct str logical; /* with the values of loops that are known */
    template_plain_name(t, entry->key, &logical);
    struct template_resource *declared = add_declared(t, entry, logical);
    declared->loops = loops;
    declared->bindings = t->bindings;
    set_pattern(t, declared);
    declared->collection = template_loop_items(t, loops);
}

/* ---- contents ---- */

static void add_dependency(
    struct template *t, const struct template_resource *declared, struct tree *list, const struct node *node)
{
    struct str name, key;
    template_plain_name(t, node_text(node), &name);
    const struct str *part = map_get(&t->parts, name);
    name = part ? *part : name;
    const struct template_resource *other = template_find(t, name, &key);
    if (!other) {
        diag_error(
            t->diags, node_span(node), "the template has no resource \"%.*s\"", STR_ARG(node_text(node)));
        return;
    }
    for (size_t i = 0; i < t->draft->reference_count; i++) /* a reference implies the dependency */
        if (t->draft->references[i]->owner == declared && t->draft->references[i]->target == other)
            return;
    draft_reference(t->draft, (void *)declared, (void *)other, STR("DependsOn"), STR_EMPTY, node);
    tree_add(t->arena, list, tree_string(t->arena, other->resource->name, node));
}

static bool resources_keep(const struct node *node, const char *key)
{
    struct str policy = node_text(node_get(node, key));
    return str_eqz(policy, "Retain") || str_eqz(policy, "RetainExceptOnCreate");
}

static void tell_policies(struct template *t, struct template_resource *declared)
{
    static const char *const unsupported[] = {"CreationPolicy", "UpdatePolicy"};
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        const struct node_entry *entry = node_find(declared->node, str_z(unsupported[i]));
        if (entry)
            diag_warning(t->diags, node_key_span(entry), "`%s` has no equivalent in a stack, and is left out",
                unsupported[i]);
    }
    const struct node_entry *deletion = node_find(declared->node, STR("DeletionPolicy"));
    if (deletion && str_eqz(node_text(deletion->value), "Snapshot"))
        declared->resource->note =
            STR("what a destroy does with its last snapshot, the type's own attributes say");
}

/* Converts for_each, when, depends_on and lifecycle. */
static void read_around(
    struct template *t, struct template_resource *declared, struct tree *before, struct tree *after)
{
    const struct node *only = node_get(declared->node, "Condition"),
                      *depends = node_get(declared->node, "DependsOn");
    if (declared->collection)
        tree_set(t->arena, before, STR("for_each"), declared->collection);
    if (only)
        tree_set(
            t->arena, before, STR("when"), tree_code(t->arena, only, "%s", template_condition(t, only).p));
    if (depends) {
        struct tree *list = tree_new(t->arena, TREE_LIST, depends);
        for (uint32_t i = 0; depends->kind == NODE_LIST && i < depends->count; i++)
            add_dependency(t, declared, list, depends->items[i]);
        if (depends->kind != NODE_LIST)
            add_dependency(t, declared, list, depends);
        if (list->n)
            tree_set(t->arena, after, STR("depends_on"), list);
    }
    struct tree *lifecycle = tree_new(t->arena, TREE_MAP, NULL);
    const struct node *ignored = node_get(declared->node, TEMPLATE_IGNORED);
    if (resources_keep(declared->node, "DeletionPolicy") ||
        resources_keep(declared->node, "UpdateReplacePolicy"))
        tree_set(t->arena, lifecycle, STR("prevent_destroy"), tree_value(t->arena, &value_true, NULL));
    if (ignored)
        tree_set(t->arena, lifecycle, STR("ignore_changes"), template_tree(t, ignored));
    if (lifecycle->n)
        tree_set(t->arena, after, STR("lifecycle"), lifecycle);
    tell_policies(t, declared);
}

static void read_properties(struct template *t, struct template_resource *declared)
{
    const struct node *properties = node_get(declared->node, "Properties");
    t->current = declared;
    const struct binding *before_loop = t->bindings;
    t->bindings = declared->bindings;
    template_bind_loops(t, declared->loops);
    const struct node *only = node_get(declared->node, "Condition");
    t->around = only ? template_condition(t, only) : STR_EMPTY;
    declared->properties =
        properties ? template_tree(t, properties) : tree_new(t->arena, TREE_MAP, declared->node);
    struct tree *before = tree_new(t->arena, TREE_MAP, NULL), *after = tree_new(t->arena, TREE_MAP, NULL);
    read_around(t, declared, before, after);
    declared->resource->attrs = before;
    tree_set(t->arena, before, STR("\001after"), after);
    t->bindings = before_loop;
    t->around = STR_EMPTY;
    t->current = NULL;
    if (declared->properties->kind != TREE_MAP) {
        diag_error(t->diags, node_span(properties), "`Properties` is a map");
        declared->properties = tree_new(t->arena, TREE_MAP, declared->node);
    }
    template_nest(t, declared);
}

void template_resources(struct template *t, const struct node *section)
{
    for (uint32_t i = 0; i < section->count; i++)
        if (str_starts(section->entries[i].key, STR("Fn::ForEach::")))
            template_loops(t, &section->entries[i], name_each);
        else
            name_resource(t, &section->entries[i], section->entries[i].key);
    for (size_t i = 0; i < t->declared.n; i++)
        read_properties(t, t->declared.items[i].ptr);
}
