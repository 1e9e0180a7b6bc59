/*
 * A kind of provider `fake`: a world of one resource type, fake.resource, that lives in memory, and one
 * command after another against it in a folder of its own. For one file of a test program, behind cmocka.h.
 */
#pragma once

#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "plan/plan.h"
#include "provider/kind.h"
#include "tests/unit/support/temp_folder.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the world: resources by name ---- */

static struct {
    struct arena arena;
    struct map things;    /* name -> const struct value *; removed: NULL */
    struct buf log;       /* "create a;delete b;" in order */
    const char *fail;     /* the operation that fails: "create b" */
    bool expired;         /* it fails because the credentials have ended */
    const char *owned_by; /* who made what is there */
    pthread_mutex_t lock;
    int reads;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct str name_of(const struct value *object)
{
    return value_gets(object, "name");
}

static void put(const struct value *object)
{
    map_set(&world.things, arena_str(&world.arena, name_of(object)),
        (void *)(uintptr_t)value_copy(&world.arena, object));
}

static int refuse_expired(struct err *err)
{
    err_set(err, ERR_AUTH, "the security token has expired");
    strcpy(err->code, "ExpiredToken");
    return -1;
}

static int act(const char *what, const struct value *object, struct err *err)
{
    AUTO_BUF struct buf line = BUF_INIT;
    buf_addf(&line, "%s %.*s", what, STR_ARG(name_of(object)));
    if (world.fail && str_eqz(buf_str(&line), world.fail))
        return world.expired ? refuse_expired(err) : err_set(err, ERR_SERVICE, "the service refused");
    buf_addf(&world.log, "%s;", line.p);
    return 0;
}

static const struct value *with_computed(struct arena *arena, const struct value *object, bool fresh)
{
    if (fresh)
        object = value_with(arena, object, STR("id"),
            value_string(arena, arena_printf(arena, "id-%.*s", STR_ARG(name_of(object)))));
    if (!value_getz(object, "size"))
        object = value_with(arena, object, STR("size"), value_stringz(arena, "small"));
    return value_with(arena, object, STR("secret"), NULL);
}

static int thing_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    (void)err;
    const struct value *id = prior ? value_getz(prior, "id") : &value_unknown;
    *planned = value_with(ctx->arena, desired, STR("id"), id ? id : &value_unknown);
    return 0;
}

static int thing_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    (void)wanted, (void)err;
    pthread_mutex_lock(&world.lock);
    world.reads++;
    const struct value *there = map_get(&world.things, name_of(prior));
    *live = there ? value_copy(ctx->arena, there) : NULL;
    pthread_mutex_unlock(&world.lock);
    return 0;
}

static int thing_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    (void)attempt;
    pthread_mutex_lock(&world.lock);
    int status = act("create", desired, err);
    if (!status && map_get(&world.things, name_of(desired)))
        status = err_set(err, ERR_EXISTS, "there is one already");
    if (!status) {
        *live = with_computed(ctx->arena, desired, true);
        put(*live);
    }
    pthread_mutex_unlock(&world.lock);
    return status;
}

static int thing_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    pthread_mutex_lock(&world.lock);
    const struct value *now = map_get(&world.things, name_of(prior));
    for (uint32_t i = 0; i < changed->count; i++)
        now = value_with(
            ctx->arena, now, changed->items[i]->string, value_get(desired, changed->items[i]->string));
    int status = act("update", desired, err);
    if (!status) {
        *live = with_computed(ctx->arena, now, false);
        put(*live);
    }
    pthread_mutex_unlock(&world.lock);
    return status;
}

static int thing_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    (void)teardown;
    (void)ctx;
    pthread_mutex_lock(&world.lock);
    int status = act("delete", prior, err);
    if (!status)
        map_set(&world.things, arena_str(&world.arena, name_of(prior)), NULL);
    pthread_mutex_unlock(&world.lock);
    return status;
}

static int toy_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err)
{
    (void)object, (void)err;
    *owner_tags = value_with(ctx->arena, NULL, STR("stack"),
        value_stringz(ctx->arena, world.owned_by ? world.owned_by : "another"));
    return 0;
}

static const struct type text = {.kind = TYPE_STRING};
static const struct value small = {.kind = VALUE_STRING, .string = STR_INIT("small")};
static const struct attr attrs[] = {
    {.name = STR_INIT("name"), .type = &text, .required = true, .settable = true, .replace = true},
    {.name = STR_INIT("size"), .type = &text, .settable = true, .default_value = &small},
    {.name = STR_INIT("ref"), .type = &text, .settable = true},
    {.name = STR_INIT("kind"), .type = &text, .settable = true, .replace = true},
    {.name = STR_INIT("secret"), .type = &text, .settable = true, .sensitive = true, .write_only = true},
    {.name = STR_INIT("id"), .type = &text, .computed = true},
};
static const struct resource_ops thing_ops = {.predict = thing_predict,
    .read = thing_read,
    .create = thing_create,
    .update = thing_update,
    .delete = thing_delete,
    .ownership_tags = toy_ownership_tags};
static const struct str unique[] = {STR_INIT("name"), STR_INIT("kind")};
static const struct schema schemas[] = {
    {.name = STR_INIT("fake.thing"),
        .attrs = attrs,
        .attr_count = 6,
        .unique = unique,
        .unique_count = 2,
        .id = STR_INIT("name"),
        .ops = &thing_ops},
    {.name = STR_INIT("fake.thing"),
        .is_data = true,
        .attrs = attrs,
        .attr_count = 6,
        .id = STR_INIT("name"),
        .ops = &thing_ops},
};

static const struct schema *const toy_types[] = {&schemas[0], &schemas[1], NULL};
static const struct provider_kind toy_kind = {.name = "fake", .types = toy_types};
static const struct provider_kind *const toy_items[] = {&toy_kind, NULL};
static const struct provider_kinds toy_kinds = {.items = toy_items};

/* ---- one command after another in a folder ---- */

static char folder[sizeof temp_folder];

static inline int new_folder(void **state)
{
    assert_int_equal(temp_folder_make(state), 0);
    strcpy(folder, temp_folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    arena_release(&world.arena);
    map_release(&world.things);
    buf_release(&world.log);
    world.fail = world.owned_by = NULL;
    world.reads = 0;
    world.expired = false;
    return system(arena_printf(&arena, "rm -rf %s", folder).p);
}

static inline void write_stack(const char *resources)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str whole = arena_printf(
        &arena, "stack: test\ninputs:\n  pw: {type: string, sensitive: true, default: one}\n%s", resources);
    assert_int_equal(file_write_atomic(arena_printf(&arena, "%s/weir.yaml", folder).p, whole, 0600, &err), 0);
}

struct command {
    struct workspace_options options;
    struct workspace workspace;
    struct diags diags;
    struct plan *plan;
    struct err err;
    int status; /* of the last step */
};

static inline void start(struct command *s)
{
    *s = (struct command){.options = {.kinds = &toy_kinds, .stack.dir = folder}};
    s->status = workspace_open(&s->options, &s->diags, &s->workspace, &s->err);
}

static inline void make(struct command *s, struct plan_options options)
{
    start(s);
    assert_int_equal(s->status, 0);
    s->status = plan_make(&s->workspace, &options, &s->diags, &s->plan, &s->err);
}

static inline void finish(struct command *s)
{
    plan_free(s->plan);
    workspace_close(&s->workspace);
    diags_release(&s->diags);
}

static inline int run(struct command *s, struct apply_options options, struct apply_result *result)
{
    buf_clear(&world.log);
    options.parallelism = 1;
    return plan_apply(s->plan, &options, result, &s->err);
}

/* Plans and applies; what was done must be `expected`. */
static inline void apply_with(struct plan_options options, const char *expected)
{
    struct command s;
    struct apply_result result;
    make(&s, options);
    if (s.status)
        print_error("%s\n", s.diags.n ? s.diags.items[0].message.p : s.err.message);
    assert_int_equal(s.status, 0);
    int status = run(&s, (struct apply_options){0}, &result);
    if (status)
        print_error("%s\n", s.err.message);
    assert_int_equal(status, 0);
    assert_string_equal(world.log.p ? world.log.p : "", expected);
    finish(&s);
}

static inline void apply(const char *expected)
{
    apply_with((struct plan_options){0}, expected);
}

static inline void assert_nothing_to_do(void)
{
    struct command s;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, 0);
    assert_false(plan_has_changes(s.plan));
    assert_int_equal(s.plan->change_count, 0);
    assert_int_equal(s.plan->output_count, 0);
    finish(&s);
}

static inline const struct value *thing(const char *name)
{
    return map_get(&world.things, str_z(name));
}

static inline void change_outside(const char *name, const char *attr, const char *value)
{
    put(value_with(
        &world.arena, thing(name), str_z(attr), value ? value_stringz(&world.arena, value) : NULL));
}
