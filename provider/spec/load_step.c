/* Steps of a spec: when they are executed, where the object is in the response, and how errors are
 * handled. */
#include "provider/spec/load.h"

#include "provider/aws/client.h"

#define STEP_KEYS                                                                                            \
    "call send with parse at whose match newest skip answers covers token when if unless for full partial "  \
    "only_change each ignore absent retry retry_for failed wait native page lookup idempotent body "         \
    "answers_in users before_retry retry_unless empty without overwrites keeps renamed together"

struct spec_attr *load_attr_named(struct type_loader *t, const struct node *where, struct str name)
{
    struct str names[256];
    size_t n = 0;
    for (size_t i = 0; i < t->type->attr_count; i++) {
        if (str_eq(t->attrs[i].attr->name, name))
            return &t->attrs[i];
        if (n < sizeof names / sizeof *names)
            names[n++] = t->attrs[i].attr->name;
    }
    struct diag *diag =
        diag_error(t->l->diags, node_span(where), "the type has no attribute \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(t->l->diags, diag, name, names, n);
    return NULL;
}

/* `body: none`: the operation without the element around its body, if no member is sent in it. */
static const struct spec_operation *step_without_body(
    struct loader *l, const struct node *node, const struct spec_operation *op)
{
    static const char *const bodies[] = {"none", NULL};
    if (!load_word(l, node, "body", bodies))
        return op;
    struct spec_operation *bare = ARENA_NEW(l->arena, struct spec_operation);
    *bare = *op;
    bare->wire.body = bare->wire.body_xmlns = STR_EMPTY;
    return bare;
}

/* True if the call may be repeated: by its verb, by its token, or because the spec says so. */
static bool step_repeats(struct loader *l, const struct node *node, struct str call)
{
    if (node_get(node, "idempotent"))
        return load_flag(l, node, "idempotent");
    return verb_repeats(call) || node_get(node, "token");
}

static void load_each(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    struct loader *l = t->l;
    struct step_rules rules = {.what = "each", .extra = "keep", .pages = true};
    step->list.each = load_step(t, node, &rules);
    step->list.newest = load_text(l, node, "newest");
    step->list.keep = load_int(l, node, "keep", 0);
}

static const struct spec_match *load_matches(struct type_loader *t, const struct node *map)
{
    struct spec_match *all = ARENA_ARRAY(t->l->arena, struct spec_match, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct node *attr = map->entries[i].value;
        all[i] = (struct spec_match){map->entries[i].key, node_text(attr)};
        if (!str_eqz(all[i].attr, "token"))
            load_attr_named(t, attr, all[i].attr);
    }
    return all;
}

static void load_match(struct type_loader *t, const struct node *match, struct spec_step *step)
{
    if (match && (match->kind != NODE_MAP || !match->count))
        load_error(t->l, match, "match is {Path: attribute}");
    if (!match || match->kind != NODE_MAP)
        return;
    step->reply.matches = load_matches(t, match);
    step->reply.match_count = match->count;
}

/* whose: [paths] | {Path: attribute} | match */
static void load_whose(struct type_loader *t, const struct node *whose, struct spec_step *step)
{
    step->reply.has_match = whose && whose->kind == NODE_STRING && str_eqz(whose->string, "match");
    if (whose && whose->kind == NODE_MAP) {
        step->reply.named = load_matches(t, whose);
        step->reply.named_count = whose->count;
    } else if (!step->reply.has_match) {
        step->reply.whose = load_names(t->l, whose);
    }
    if (step->reply.has_match && !step->reply.match_count)
        load_error(t->l, whose, "there is no \"match\" that an answer could lack");
}

static void load_answers(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    uint32_t n = load_size(t->l, node, NODE_MAP, "answers has to be {attribute: path}");
    struct spec_answer *answers = ARENA_ARRAY(t->l->arena, struct spec_answer, n);
    for (uint32_t i = 0; i < n; i++) {
        load_attr_named(t, node->entries[i].value, node->entries[i].key);
        answers[i] = (struct spec_answer){
            node->entries[i].key, value_text(node_value(t->l->arena, node->entries[i].value), STR_EMPTY)};
    }
    step->reply.answers = answers;
    step->reply.answer_count = n;
}

struct spec_names load_attr_names(struct type_loader *t, const struct node *node)
{
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    struct spec_names names = load_names(t->l, node);
    for (size_t i = 0; i < n; i++)
        if (names.items[i].n)
            load_attr_named(t, items[i], names.items[i]);
    return names;
}

/* Applies the defaults in the map around several calls. */
static void load_shared(struct loader *l, const struct node *shared, bool reads, struct spec_step *step)
{
    if (!shared)
        return;
    if (!step->reply.at.n && reads)
        step->reply.at = load_text(l, shared, "at");
    if (!step->reply.failed.n && !reads)
        step->reply.failed = load_text(l, shared, "failed");
    if (!step->call.absent.count)
        step->call.absent = load_errors(l, node_get(shared, "absent"));
    if (!step->again.retry.count)
        step->again.retry = load_errors(l, node_get(shared, "retry"));
}

static void load_rules_of(
    struct type_loader *t, const struct node *node, const struct step_rules *rules, struct spec_step *step)
{
    struct loader *l = t->l;
    step->reply.at = load_text(l, node, "at");
    step->reply.parse = load_text(l, node, "parse");
    static const char *const meanings[] = {"absent", NULL};
    step->reply.empty_is_absent = load_word(l, node, "empty", meanings);
    load_match(t, node_get(node, "match"), step);
    step->reply.newest = load_text(l, node, "newest");
    load_whose(t, node_get(node, "whose"), step);
    step->list.skip = load_skip(l, node_get(node, "skip"));
    load_answers(t, node_get(node, "answers"), step);
    step->when.changed = load_attr_names(t, node_get(node, "when"));
    step->list.covers = load_attr_names(t, node_get(node, "covers"));
    step->when.wanted = load_attr_names(t, node_get(node, "for"));
    step->list.per = load_attr_names(t, node_get(node, "per"));
    step->list.of = load_int(l, node, "of", 0);
    step->list.gather = load_text(l, node, "gather");
    if (step->list.gather.n)
        load_attr_named(t, node_get(node, "gather"), step->list.gather);
    bool update = str_eqz(str_z(rules->what), "update");
    step->when.only = load_step_tests(t, node_get(node, "if"), update);
    step->when.unless = load_step_tests(t, node_get(node, "unless"), update);
    step->call.without = load_attr_names(t, node_get(node, "without"));
    step->call.full = load_flag(l, node, "full");
    step->call.partial = load_flag(l, node, "partial");
    step->call.together = load_attr_names(t, node_get(node, "together"));
    step->when.only_change = load_flag(l, node, "only_change");
    step->wait = load_flag(l, node, "wait");
    step->lookup = load_flag(l, node, "lookup");
    step->overwrites = load_flag(l, node, "overwrites");
    step->call.ignore = load_errors(l, node_get(node, "ignore"));
    step->call.absent = load_errors(l, node_get(node, "absent"));
    step->again.retry = load_errors(l, node_get(node, "retry"));
    step->again.for_ms = load_ms(l, node, "retry_for", 0);
    step->call.answers_in_ms = load_ms(l, node, "answers_in", 0);
    step->reply.failed = load_text(l, node, "failed");
}

/* Reads one or several listings of what uses the resource. */
static void load_users(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    struct step_rules listing = {
        .what = "users", .extra = "tells", .nothing = true, .pages = true, .reads = true};
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    struct spec_users *users = n ? ARENA_ARRAY(t->l->arena, struct spec_users, n) : NULL;
    for (size_t i = 0; i < n; i++)
        users[i] = (struct spec_users){load_step(t, items[i], &listing), load_text(t->l, items[i], "tells")};
    step->again.users = users;
    step->again.user_count = n;
}

/* Reads what is done before a refused call is repeated. */
static void load_again(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    load_users(t, node_get(node, "users"), step);
    step->again.before_retry =
        load_step_at(t, node, "before_retry", &(struct step_rules){.what = "before_retry"});
    step->again.retry_unless =
        load_step_at(t, node, "retry_unless", &(struct step_rules){.what = "retry_unless"});
}

static void load_native(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    step->call.native_name = load_text(t->l, node, "native");
    const struct native *native = kind_native(t->l->service->kind, step->call.native_name);
    step->call.native = native ? native->step : NULL;
    if (!step->call.native)
        load_error(t->l, node_get(node, "native"), "no native function is called \"%.*s\"",
            STR_ARG(step->call.native_name));
}

const struct spec_step *load_step(
    struct type_loader *t, const struct node *node, const struct step_rules *rules)
{
    struct loader *l = t->l;
    struct spec_step *step = ARENA_NEW(l->arena, struct spec_step);
    static const struct node nothing = {.kind = NODE_MAP};
    const struct node *where = node;
    struct str call = node->kind == NODE_STRING ? node->string : load_text(l, node, "call");
    struct str keys = arena_printf(l->arena, "%s %s", STEP_KEYS, rules->extra ? rules->extra : "");
    if (node->kind == NODE_STRING)
        node = &nothing; /* `get: GetBucketPolicy` is short for {call: GetBucketPolicy} */
    else if (!load_keys(l, node, rules->what, keys.p))
        return step;
    load_rules_of(t, node, rules, step);
    load_shared(l, rules->shared, rules->reads, step);
    step->reply.sparse = rules->change && !step->reply.at.n;
    if (node_get(node, "each"))
        load_each(t, node_get(node, "each"), step);
    load_again(t, node, step);
    if (node_get(node, "native")) {
        load_native(t, node, step);
        return step;
    }
    if (!call.n) {
        load_error(l, where, "%s needs \"call\"", rules->what);
        return step;
    }
    if (!l->calls) {
        load_error(l, where, "calls need the file's \"protocol\"; without one there is only \"native\"");
        return step;
    }
    /* Settings and tags may be missing in a complete response, the resource itself may not. */
    step->reply.required = step->reply.at.n && !str_eqz(step->reply.at, "@") && !rules->shared;
    step->call.op = step_without_body(l, node, load_operation(l, where, call));
    step->call.idempotent = step_repeats(l, node, call);
    step->call.by_token = !verb_repeats(call) && !load_flag(l, node, "idempotent") && node_get(node, "token");
    load_request(t, node, rules, step);
    return step;
}

const struct spec_step *load_step_at(
    struct type_loader *t, const struct node *node, const char *key, const struct step_rules *rules)
{
    return node_get(node, key) ? load_step(t, node_get(node, key), rules) : NULL;
}

struct spec_steps load_steps(struct type_loader *t, const struct node *node, const struct step_rules *rules)
{
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    struct spec_step *steps = n ? ARENA_ARRAY(t->l->arena, struct spec_step, n) : NULL;
    struct str maker = STR_EMPTY; /* the create call also takes the tags */
    for (size_t i = 0; i < n; i++) {
        const struct node *item = items[i];
        bool probe = node_get(item, "lookup");
        struct str call = item->kind == NODE_MAP && !probe ? load_text(t->l, item, "call") : STR_EMPTY;
        if (!maker.n)
            maker = call;
        struct step_rules own = *rules;
        if (!call.n || !str_eq(call, maker))
            own.with_create = NULL;
        if (probe)
            own.all = false;
        steps[i] = *load_step(t, item, &own);
    }
    return (struct spec_steps){steps, n};
}
