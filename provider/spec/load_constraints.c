/* `constraints: [{if: {a: x}, must: {b: [y, z]}, message: …}]`: constraints between values. */
#include "provider/spec/load.h"

/* What the paths of a test start at: the type's attributes, or the items of a list. */
struct scope {
    struct type_loader *t;
    const struct attr *item; /* NULL: not known */
    bool items;
    bool step, update; /* tests of a step, compared without case; in an update they may use the prior value */
};

/* ---- paths ---- */

/* Returns the attribute at the path; NULL if it is not known. */
static const struct attr *attr_at(
    struct loader *l, const struct node *where, const struct attr *attr, struct str path)
{
    while (path.n && attr) {
        const struct type *type = attr->type;
        while (type->kind == TYPE_LIST || type->kind == TYPE_SET || type->kind == TYPE_MAP)
            type = type->elem;
        if (type->kind != TYPE_OBJECT)
            return NULL;
        struct str name = str_cut(path, '.', &path);
        attr = type_field(type, name);
        if (!attr)
            load_error(l, where, "there is no field \"%.*s\"", STR_ARG(name));
    }
    return attr;
}

static bool is_refer(const struct scope *scope, struct str path)
{
    struct str rest, name = str_cut(path, '.', &rest);
    const struct schema *schema = &scope->t->type->schema;
    for (size_t i = 0; i < schema->refer_count; i++)
        if (str_eq(schema->refers[i].name, name))
            return true;
    return false;
}

static const struct attr *check_path(const struct scope *scope, const struct node *where, struct str path)
{
    struct str rest;
    if (scope->items && str_starts(path, STR("@")))
        return str_eqz(path, "@") ? scope->item : NULL;
    if (scope->items)
        return attr_at(scope->t->l, where, scope->item, path);
    if (is_refer(scope, path) || (scope->step && str_is_any(path, "region partition api")))
        return NULL;
    const struct spec_attr *attr = load_attr_named(scope->t, where, str_cut(path, '.', &rest));
    return attr ? attr_at(scope->t->l, where, attr->attr, rest) : NULL;
}

/* ---- tests ---- */

static void load_like(struct loader *l, const struct node *node, struct value_test *test)
{
    struct err err = ERR_INIT;
    struct attr *like = ARENA_NEW(l->arena, struct attr);
    *like = (struct attr){.name = test->path, .pattern = load_text(l, node, "like")};
    if (attr_compile_pattern(l->arena, like, &err))
        load_error(l, node_get(node, "like"), "%s", err.message);
    test->like = like;
}

/* Reads paths of other attributes; a path that begins with a dot starts at the item. */
static void load_others(const struct scope *scope, const struct node *node, struct value_test *test)
{
    struct loader *l = scope->t->l;
    const struct scope whole = {.t = scope->t};
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    struct str *paths = ARENA_ARRAY(l->arena, struct str, n);
    for (size_t i = 0; i < n; i++) {
        const struct node *one = items[i];
        paths[i] = node_text(one);
        bool own = str_starts(paths[i], STR("."));
        if (str_eqz(paths[i], "prior") && !scope->update)
            load_error(l, one, "only a step of \"update\" can ask for what was prior to it");
        else if (str_eqz(paths[i], "prior"))
            paths[i] = arena_printf(l->arena, "prior.%.*s", STR_ARG(test->path));
        else if (!paths[i].n)
            load_error(l, one, "expected an attribute");
        else if (!str_eqz(paths[i], "now"))
            check_path(own ? scope : &whole, one, str_slice(paths[i], own, paths[i].n));
    }
    test->others = paths;
    test->other_count = n;
}

static void load_operand(
    const struct scope *scope, const struct node *node, const char *key, struct value_test *test)
{
    struct loader *l = scope->t->l;
    const struct node *operand = node_get(node, key);
    bool refers = operand->kind == NODE_STRING || operand->kind == NODE_LIST;
    const struct value *v = node_value(l->arena, operand);
    switch (test->kind) {
    case TEST_NOT: test->values = v->kind == VALUE_LIST ? v : value_list(l->arena, &v, 1); break;
    case TEST_LIKE: load_like(l, node, test); break;
    case TEST_UNIQUE: test->field = load_text(l, node, key); break;
    case TEST_AMONG: load_others(scope, operand, test); break;
    default:
        if (refers && test->kind != TEST_LENGTH)
            load_others(scope, operand, test);
        else
            test->number = load_int(l, node, key, 1);
        if (test->kind == TEST_TIMES && !refers && test->number < 1)
            load_error(l, operand, "no number is a multiple of that");
    }
}

static struct value_test load_comparison(const struct scope *scope, struct str path, const struct node *node)
{
    static const struct {
        const char *key;
        enum test_kind kind;
    } kinds[] = {{"not", TEST_NOT}, {"like", TEST_LIKE}, {"least", TEST_LEAST}, {"most", TEST_MOST},
        {"above", TEST_ABOVE}, {"below", TEST_BELOW}, {"times", TEST_TIMES}, {"length", TEST_LENGTH},
        {"among", TEST_AMONG}, {"unique", TEST_UNIQUE}};
    struct loader *l = scope->t->l;
    struct value_test test = {.path = path, .kind = TEST_IS, .values = value_list(l->arena, NULL, 0)};
    if (!load_keys(l, node, "a test", "not like least most above below times length among unique"))
        return test;
    if (node->count != 1)
        load_error(l, node, "a test is one comparison, such as {above: 1}");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (node_get(node, kinds[i].key)) {
            test.kind = kinds[i].kind;
            load_operand(scope, node, kinds[i].key, &test);
        }
    return test;
}

static struct value_tests load_tests(const struct scope *scope, const struct node *node)
{
    struct loader *l = scope->t->l;
    uint32_t n = load_size(l, node, NODE_MAP, "expected {attribute: value}");
    struct value_test *items = ARENA_ARRAY(l->arena, struct value_test, n);
    for (uint32_t i = 0; i < n; i++) {
        struct str path = node->entries[i].key;
        const struct node *wanted = node->entries[i].value;
        const struct attr *attr = check_path(scope, wanted, path);
        const struct value *v = node_value(l->arena, wanted);
        if (wanted->kind == NODE_MAP)
            items[i] = load_comparison(scope, path, wanted);
        else
            items[i] = (struct value_test){
                .path = path, .values = v->kind == VALUE_LIST ? v : value_list(l->arena, &v, 1)};
        items[i].any_case =
            scope->step || (attr && (attr->compare == COMPARE_CHOICE || attr->compare == COMPARE_NOCASE));
    }
    return (struct value_tests){items, n};
}

/* ---- constraints ---- */

static struct value_constraint load_constraint(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    const struct scope whole = {.t = t};
    struct scope scope = whole;
    struct value_constraint constraint = {.each = load_text(l, node, "each"),
        .when = load_tests(&whole, node_get(node, "if")),
        .message = load_text(l, node, "message"),
        .code = load_text(l, node, "code"),
        .answer = load_text(l, node, "answer"),
        .only_at_creation = load_flag(l, node, "new"),
        .legacy = load_flag(l, node, "legacy")};
    if (constraint.each.n) {
        const struct attr *attr = check_path(&whole, node_get(node, "each"), constraint.each);
        scope.items = true;
        if (attr && attr->type->elem) {
            struct attr *item = ARENA_NEW(l->arena, struct attr);
            *item = (struct attr){.name = attr->name, .type = attr->type->elem, .compare = attr->compare};
            scope.item = item;
        }
    } else if (node_get(node, "where")) {
        load_error(l, node, "\"where\" is about the items of \"each\"");
    }
    constraint.where = load_tests(&scope, node_get(node, "where"));
    constraint.must = load_tests(&scope, node_get(node, "must"));
    if (!constraint.must.count || !constraint.message.n)
        load_error(l, node, "a constraint needs \"must\" and \"message\"");
    return constraint;
}

/* Returns AWS's constraints for tags of all types. */
static const struct value_constraint *tag_constraints(struct loader *l, struct str name)
{
    struct attr *own = ARENA_NEW(l->arena, struct attr);
    *own = (struct attr){.name = name, .pattern = STR("(?i)(?!aws:).{1,128}")};
    attr_compile_pattern(l->arena, own, ERR_IGNORED);
    struct value_test *tests = ARENA_ARRAY(l->arena, struct value_test, 2);
    tests[0] = (struct value_test){.path = STR("@key"), .kind = TEST_LIKE, .like = own};
    tests[1] = (struct value_test){.path = name, .kind = TEST_MOST, .number = 50};
    struct value_constraint *constraints = ARENA_ARRAY(l->arena, struct value_constraint, 2);
    constraints[0] = (struct value_constraint){.each = name,
        .must = {&tests[0], 1},
        .message = STR("the key of a tag has 128 characters at most, and does not begin with aws:")};
    constraints[1] = (struct value_constraint){.must = {&tests[1], 1},
        .message = STR("there are 50 tags at most, weir's own among them"),
        .answer = STR("Number of tags exceeds resource tag limit.")};
    return constraints;
}

static void add_constraints(struct type_loader *t, const struct value_constraint *more, size_t n)
{
    struct schema *schema = &t->type->schema;
    struct value_constraint *constraints =
        ARENA_ARRAY(t->l->arena, struct value_constraint, schema->constraint_count + n);
    if (schema->constraint_count)
        memcpy(constraints, schema->constraints, schema->constraint_count * sizeof *constraints);
    memcpy(constraints + schema->constraint_count, more, n * sizeof *constraints);
    schema->constraints = constraints;
    schema->constraint_count += n;
}

void load_tag_constraints(struct type_loader *t)
{
    const struct attr *tags = t->type->tags ? t->type->tags->attr->attr : NULL;
    if (tags && tags->settable && tags->type->kind == TYPE_TAGS && t->type->schema.service)
        add_constraints(t, tag_constraints(t->l, tags->name), 2);
}

void load_refers(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    uint32_t n = load_size(l, node, NODE_MAP, "refers are {name: {attribute: type}}");
    struct schema_refer *refers = ARENA_ARRAY(l->arena, struct schema_refer, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *to = node->entries[i].value;
        bool good = to->kind == NODE_MAP && to->count == 1 && to->entries[0].value->kind == NODE_STRING;
        if (spec_attr_find(t->type, node->entries[i].key))
            load_error(l, to, "an attribute already has this name");
        if (!good) {
            load_error(l, to, "expected {attribute: type}");
            return;
        }
        load_attr_named(t, to, to->entries[0].key);
        refers[i] =
            (struct schema_refer){node->entries[i].key, to->entries[0].key, to->entries[0].value->string};
    }
    t->type->schema.refers = refers;
    t->type->schema.refer_count = n;
}

void load_path(struct type_loader *t, const struct node *where, struct str path)
{
    const struct scope whole = {.t = t};
    check_path(&whole, where, path);
}

struct value_tests load_value_tests(struct type_loader *t, const struct node *node)
{
    const struct scope whole = {.t = t};
    return load_tests(&whole, node);
}

struct value_tests load_step_tests(struct type_loader *t, const struct node *node, bool update)
{
    const struct scope scope = {.t = t, .step = true, .update = update};
    return load_tests(&scope, node);
}

struct value_tests load_conditions(struct type_loader *t, const struct node *node)
{
    return load_step_tests(t, node, false);
}

void load_others_changes(struct type_loader *t)
{
    const struct node *map = node_get(t->node, "attributes");
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        const struct node *tests = node_get(map->entries[i].value, "ignore_changes");
        if (tests)
            t->attrs[i].attr->others = load_value_tests(t, tests);
    }
}

void load_constraints(struct type_loader *t, const struct node *node, bool served)
{
    struct loader *l = t->l;
    uint32_t n = load_size(
        l, node, NODE_LIST, "constraints are a list of {if, each, where, must, message, code, answer}");
    for (uint32_t i = 0; i < n; i++)
        if (load_keys(
                l, node->items[i], "a constraint", "if each where must message code answer new legacy")) {
            struct value_constraint constraint = load_constraint(t, node->items[i]);
            constraint.served = served;
            add_constraints(t, &constraint, 1);
        }
}
