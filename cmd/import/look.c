/* Looking at what is there: see look.h. */
#include "cmd/import/look.h"

#include "base/lock.h"

static const struct value *all_attributes(struct arena *arena, const struct schema *schema)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < schema->attr_count; i++)
        value_builder_add(&names, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&names);
}

static struct op_ctx context(struct look *look, const struct schema *schema)
{
    return (struct op_ctx){.arena = look->arena,
        .provider = look->provider,
        .schema = schema,
        .address = schema->name,
        .dir = STR(".")};
}

static void on_answer(void *ctx, const struct value *document, bool made_by_aws)
{
    struct look_answers *answers = ctx;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(answers->arena);
    for (uint32_t i = 0; answers->documents && i < answers->documents->count; i++)
        value_builder_add(&b, answers->documents->items[i]);
    value_builder_add(&b, document);
    answers->documents = value_builder_list(&b);
    answers->made_by_aws |= made_by_aws;
}

int look_at(struct look *look, const struct schema *schema, struct str id, const struct value **live,
    struct look_answers *answers, struct err *err)
{
    struct op_ctx op = context(look, schema);
    const struct op_observer observer = {.ctx = answers, .answered = on_answer};
    op.observer = answers ? &observer : NULL;
    const struct value *prior = value_with(look->arena, NULL, schema->id, value_string(look->arena, id));
    *live = NULL;
    if (!schema->ops->read)
        return 0;
    return schema->ops->read(&op, prior, all_attributes(look->arena, schema), live, err);
}

int look_by_arn(struct look *look, const struct schema *schema, struct str arn, const struct value **object,
    struct err *err)
{
    struct op_ctx op = context(look, schema);
    return schema->ops->by_arn(&op, arn, object, err);
}

int look_predict(struct look *look, const struct schema *schema, const struct value *object,
    const struct value **whole, struct err *err)
{
    struct op_ctx op = context(look, schema);
    return schema->ops->predict(&op, object, NULL, whole, err);
}

struct look_turns {
    pthread_mutex_t one; /* pages may come on several threads */
    resource_found *found;
    void *ctx;
};

static void take_turn(void *ctx, const struct value *live)
{
    struct look_turns *turns = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&turns->one);
    turns->found(turns->ctx, live);
}

int look_list(struct look *look, const struct schema *schema, const struct value *const *priors, size_t n,
    resource_found *found, void *found_ctx, struct err *err)
{
    struct op_ctx op = context(look, schema);
    const struct value *covered, *id = value_string_ref(look->arena, schema->id);
    const struct sought sought = {.wanted = value_list(look->arena, &id, 1), .priors = priors, .count = n};
    struct look_turns turns = {PTHREAD_MUTEX_INITIALIZER, found, found_ctx};
    int failed = schema->ops->ids ? schema->ops->ids(&op, &sought, take_turn, &turns, err)
                                  : schema->ops->list(&op, &sought, take_turn, &turns, &covered, err);
    pthread_mutex_destroy(&turns.one);
    return failed;
}

struct look_wanted {
    struct arena *arena;
    struct str attr, text;
    const struct value *object;
};

static void look_compare(void *ctx, const struct value *live)
{
    struct look_wanted *wanted = ctx;
    if (str_eq(value_text(value_get(live, wanted->attr), STR_EMPTY), wanted->text))
        wanted->object = value_copy(wanted->arena, live);
}

int look_find(struct look *look, const struct schema *schema, struct str attr, struct str text,
    const struct value **object, struct err *err)
{
    struct look_wanted wanted = {look->arena, attr, text, NULL};
    *object = NULL;
    if (!schema->ops->list || !schema->bulk)
        return 0;
    if (look_list(look, schema, NULL, 0, look_compare, &wanted, err))
        return -1;
    *object = wanted.object;
    return 0;
}

int look_namesake(struct look *look, const struct schema *schema, const struct value *named,
    const struct value **object, struct err *err)
{
    struct op_ctx op = context(look, schema);
    return schema->ops->namesake(&op, named, object, err);
}
