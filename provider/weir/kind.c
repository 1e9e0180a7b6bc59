/* The provider type weir (see weir.h), with weir.value and weir.random, which exist only in the state. */

#include "base/random.h"
#include "provider/weir/weir.h"

/* ---- Operations of types that exist only in the state ---- */

int made_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err UNUSED)
{
    const struct schema *schema = ctx->schema;
    const struct value *id = value_getz(prior, "id");
    *planned = desired;
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].computed)
            *planned = value_with(ctx->arena, *planned, schema->attrs[i].name, &value_unknown);
    if (!value_is_null(id))
        *planned = value_with(ctx->arena, *planned, STR("id"), id);
    return 0;
}

int made_read(struct op_ctx *ctx UNUSED, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err UNUSED)
{
    *live = prior;
    return 0;
}

int made_delete(struct op_ctx *ctx UNUSED, unsigned teardown UNUSED, const struct value *prior UNUSED,
    struct err *err UNUSED)
{
    return 0;
}

int made_find(struct op_ctx *ctx UNUSED, const struct attempt *attempt UNUSED,
    const struct value *desired UNUSED, const struct value **live, struct err *err UNUSED)
{
    *live = NULL;
    return 0;
}

/* ---- `weir.value` stores a value, for connecting stacks and for benchmarks. */

/* There is nothing outside to read, predict or delete: the live object is the desired one. */

static int value_create(struct op_ctx *ctx UNUSED, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err UNUSED)
{
    *live = desired;
    return 0;
}

static int value_update(struct op_ctx *ctx UNUSED, const struct value *prior UNUSED,
    const struct value *desired, const struct value *changed UNUSED, const struct value **live,
    struct err *err UNUSED)
{
    *live = desired;
    return 0;
}

static const struct resource_ops value_ops = {
    .create = value_create, .update = value_update, .find = value_create, /* an open intent counts as done */
};
static const struct type any = {.kind = TYPE_ANY};

static const struct attr attrs[] = {
    SETTING_ATTR("value", any, "Any value. It can refer to other resources.", .required = true)};

const struct schema weir_value_schema = {
    .name = STR_INIT("weir.value"),
    .doc = STR_INIT("A value that other resources can refer to. It exists only in the state."),
    .example = STR_INIT("type: weir.value\nvalue: {team: data, size: 3}\n"),
    .attrs = attrs,
    .attr_count = 1,
    .id = STR_INIT(""),
    .ops = &value_ops,
};

/* ---- `weir.random`: generated when it is created, and again on every change; it exists only in the state,
 * passwords in its encrypted part. Values generated elsewhere can be imported. */

enum { TEXT_LENGTH = 8, NAME_WORDS = 2, NUMBER_MAX = 1000000 };
static const char lower_and_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* Short words that are easy to distinguish when read aloud. */
static const char *const qualities[] = {"amber", "autumn", "bold", "brave", "bright", "brisk", "calm",
    "clear", "clever", "cool", "copper", "coral", "crisp", "early", "fair", "fast", "fond", "fresh", "gentle",
    "golden", "grand", "green", "happy", "honest", "icy", "ivory", "jolly", "keen", "kind", "late", "lively",
    "lucky", "mellow", "mild", "misty", "noble", "olive", "patient", "plain", "polite", "proud", "quick",
    "quiet", "rapid", "ready", "rosy", "royal", "rustic", "sandy", "sharp", "silent", "silver", "smooth",
    "snowy", "solid", "steady", "stormy", "sunny", "swift", "tidy", "vivid", "warm", "wise", "young"};

static const char *const nouns[] = {"anchor", "badger", "beacon", "birch", "bridge", "brook", "canal",
    "cedar", "channel", "cliff", "cloud", "coast", "comet", "crane", "creek", "delta", "dolphin", "dune",
    "eagle", "falcon", "ferry", "field", "finch", "forest", "garden", "glacier", "grove", "harbor", "heron",
    "hill", "island", "lagoon", "lake", "lantern", "lark", "linden", "maple", "meadow", "mill", "moon",
    "otter", "owl", "pebble", "pine", "planet", "pond", "prairie", "quarry", "raven", "reef", "ridge",
    "river", "robin", "sparrow", "spring", "stone", "summit", "swan", "tide", "trail", "valley", "wave",
    "willow", "wren"};

/* Returns brave-otter or late-brave-otter. */
static struct str some_name(struct arena *arena, int64_t words)
{
    AUTO_BUF struct buf name = BUF_INIT;
    for (int64_t i = 1; i < words; i++) {
        buf_add_str(&name, str_z(qualities[random_below(sizeof qualities / sizeof *qualities)]));
        buf_add_char(&name, '-');
    }
    buf_add_str(&name, str_z(nouns[random_below(sizeof nouns / sizeof *nouns)]));
    return arena_str(arena, buf_str(&name));
}

static int some_number(
    struct arena *arena, const struct value *object, const struct value **result, struct err *err)
{
    int64_t least = value_geti(object, "min", 0), most = value_geti(object, "max", NUMBER_MAX);
    if (most < least)
        return err_set(err, ERR_INVALID, "`max` is less than `min`");
    uint64_t span = (uint64_t)most - (uint64_t)least;
    uint64_t above = span == UINT64_MAX ? random_below(UINT64_MAX) : random_below(span + 1);
    *result = value_int(arena, (int64_t)((uint64_t)least + above));
    return 0;
}

static struct str some_text(struct arena *arena, const struct value *object)
{
    struct str alphabet = value_text(value_getz(object, "alphabet"), str_z(lower_and_digits));
    return random_text(arena, alphabet, (size_t)value_geti(object, "length", TEXT_LENGTH));
}

static int some_password(
    struct arena *arena, const struct value *object, const struct value **password, struct err *err)
{
    struct str text, excluded = value_text(value_getz(object, "exclude"), PASSWORD_USUALLY_EXCLUDED);
    int64_t length = value_geti(object, "length", PASSWORD_LENGTH);
    if (random_password(arena, excluded, (size_t)length, &text, err))
        return -1;
    *password = value_mark(arena, value_string_ref(arena, text), VALUE_SENSITIVE);
    return 0;
}

static int random_make(struct op_ctx *ctx, const struct value *desired, const struct value *id,
    const struct value **live, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct str kind = value_text(value_getz(desired, "kind"), STR("text"));
    const struct value *result = NULL, *password = NULL;
    if (str_eqz(kind, "password") && some_password(arena, desired, &password, err))
        return -1;
    if (str_eqz(kind, "integer") && some_number(arena, desired, &result, err))
        return -1;
    if (str_eqz(kind, "uuid"))
        result = value_string_ref(arena, uuid_random(arena));
    else if (str_eqz(kind, "name"))
        result = value_string_ref(arena, some_name(arena, value_geti(desired, "words", NAME_WORDS)));
    else if (str_eqz(kind, "text"))
        result = value_string_ref(arena, some_text(arena, desired));
    *live = value_with(arena, desired, STR("id"), id);
    *live = value_with(arena, *live, STR("result"), result);
    *live = value_with(arena, *live, STR("password"), password);
    return 0;
}

static int random_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    return random_make(ctx, desired, value_string(ctx->arena, ctx->owner.token), live, err);
}

static int random_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    return random_make(ctx, desired, value_getz(prior, "id"), live, err);
}

/* Keeps a value generated elsewhere, as `weir state import` and `imports:` name it: it is its own id. */
static int random_taken(
    struct op_ctx *ctx, const struct value *asked, const struct value **live, struct err *err)
{
    int64_t number;
    struct str kind = value_text(value_getz(asked, "kind"), STR("text"));
    const struct value *result = value_getz(asked, "id");
    if (str_eqz(kind, "password")) {
        err_set(err, ERR_INVALID, "a password is not imported: its id would be the secret itself");
        return err_hint(err, "make it a sensitive input, or let weir generate another");
    }
    if (str_eqz(kind, "integer")) {
        if (!str_to_int(value_text(result, STR_EMPTY), &number))
            return err_set(
                err, ERR_INVALID, "`%.*s` is not a number", STR_ARG(value_text(result, STR_EMPTY)));
        result = value_int(ctx->arena, number);
    }
    *live = value_with(ctx->arena, asked, STR("result"), result);
    return 0;
}

static int random_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    bool made = !value_is_null(value_getz(prior, "result")) || !value_is_null(value_getz(prior, "password"));
    return made ? made_read(ctx, prior, wanted, live, err) : random_taken(ctx, prior, live, err);
}

const struct resource_ops weir_random_ops = {
    .state_only = true,
    .predict = made_predict,
    .read = random_read,
    .create = random_create,
    .update = random_update,
    .delete = made_delete,
    .find = made_find,
};

static const struct schema *const types[] = {&weir_value_schema, &weir_artifact_schema, NULL};

static const struct native natives[] = {{.name = "command", .ops = &weir_command_ops},
    {.name = "random", .ops = &weir_random_ops}, {.name = "key", .ops = &weir_key_ops}, {0}};

const struct provider_kind weir_kind = {
    .name = "weir", .specs = "provider/weir/specs/", .types = types, .natives = natives};
