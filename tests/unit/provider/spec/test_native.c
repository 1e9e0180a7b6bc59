/* Types whose operations are a kind's own functions, with their attributes said in a spec. */
#include "base/diag.h"
#include "cmd/invocation/kinds.h"
#include "provider/spec/spec.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;
static const struct value *kept; /* the one jar that there is */
static const char *said;         /* what the kind's provider was opened with */

/* ---- the kind ---- */

static int jar_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    (void)attempt;
    *live = kept = value_with(&arena, desired, STR("weight"), value_int(ctx->arena, 7));
    return value_getz(desired, "cracked") ? err_set(err, ERR_SERVICE, "it cracked") : 0;
}

static int jar_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    (void)ctx, (void)prior, (void)wanted, (void)err;
    *live = kept;
    return 0;
}

static int jar_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    (void)ctx, (void)prior, (void)err;
    assert_int_equal(changed->count, 1);
    *live = kept =
        value_with(&arena, kept, changed->items[0]->string, value_get(desired, changed->items[0]->string));
    return 0;
}

static int jar_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err)
{
    (void)teardown;
    (void)ctx, (void)prior, (void)err;
    kept = NULL;
    return 0;
}

static int jar_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    (void)ctx, (void)err;
    if (kept)
        found(found_ctx, kept);
    *covered = filter->wanted;
    return 0;
}

static const struct attempt plain;
static const struct resource_ops jar_ops = {
    .create = jar_create, .read = jar_read, .update = jar_update, .delete = jar_delete, .list = jar_list};
static const struct resource_ops read_only_ops = {.read = jar_read};
static const struct native natives[] = {
    {.name = "jar", .ops = &jar_ops}, {.name = "window", .ops = &read_only_ops}, {0}};

static int open_toy(const struct provider_options *options, struct arena *own, void **self, struct err *err)
{
    (void)err;
    *self =
        (void *)(uintptr_t)arena_printf(own, "%.*s via %.*s", STR_ARG(options->name), STR_ARG(options->via))
            .p;
    return 0;
}

static void close_toy(void *self)
{
    said = strcmp(self, "toy.east via bastion") ? "another" : "closed";
}

static int find_toy(const struct catalog_options *options, struct arena *own, struct str type, bool is_data,
    const struct schema **out, struct err *err)
{
    (void)options;
    if (!str_starts(type, STR("Toy::")))
        return 0;
    if (str_eqz(type, "Toy::Broken"))
        return err_set(err, ERR_SERVICE, "nobody knows");
    struct schema *schema = ARENA_NEW(own, struct schema);
    *schema = (struct schema){.name = arena_str(own, type), .is_data = is_data};
    *out = schema;
    return 0;
}

static const struct provider_kind toy = {
    .name = "toy", .natives = natives, .open = open_toy, .close = close_toy, .find = find_toy};
static const struct provider_kind *const items[] = {&toy, NULL};
static struct provider_kinds kinds = {.items = items};

/* ---- */

static struct source source;

static struct spec_service *load(const char *text, struct diags *diags)
{
    source = (struct source){.path = STR("toy.yaml"), .text = str_z(text)};
    return spec_load(&source, &kinds, NULL, diags);
}

static const char jars[] = "service: toy\n"
                           "types:\n"
                           "  jar:\n"
                           "    id: name\n"
                           "    native: jar\n"
                           "    deleted: {lid: broken}\n"
                           "    attributes:\n"
                           "      name: {type: string, required: true, replace: true}\n"
                           "      lid: string\n"
                           "      weight: {type: integer, computed: true}\n"
                           "      origin: {type: string, computed: true}\n"
                           "      label: {type: string, computed: true, template: \"jar ${name}\"}\n";

static void assert_object(const struct value *v, const char *expected)
{
    assert_true(value_equal(v, json_text(&arena, expected)));
}

static void note(void *ctx, const struct value *live)
{
    *(const struct value **)ctx = live;
}

static void a_life(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct err err = ERR_INIT;
    struct provider *provider;
    struct spec_service *service = load(jars, &diags);
    assert_non_null(service);
    const struct spec_type *type = map_get(&service->types, STR("jar"));
    assert_true(str_eqz(type->schema.name, "toy.jar") && type->schema.bulk && type->schema.name_is_unique);
    struct provider_options options = {
        .kinds = &kinds, .name = STR("toy.east"), .config = json_text(&arena, "{\"via\": \"bastion\"}")};
    assert_int_equal(provider_new(&options, &provider, &err), 0);
    struct op_ctx ctx = {.arena = &arena, .provider = provider, .schema = &type->schema};
    const struct resource_ops *ops = type->schema.ops;
    const struct value *live, *planned, *listed = NULL, *covered;
    const struct value *desired = json_text(&arena, "{\"name\": \"a\", \"lid\": \"red\"}");
    assert_int_equal(ops->predict(&ctx, desired, NULL, &planned, &err), 0);
    assert_true(value_is_unknown(value_getz(planned, "weight")));
    assert_true(str_eqz(value_gets(planned, "label"), "jar a"));
    assert_int_equal(ops->create(&ctx, &plain, desired, &live, &err), 0);
    assert_object(
        live, "{\"name\": \"a\", \"lid\": \"red\", \"label\": \"jar a\", \"weight\": 7, \"origin\": null}");
    assert_int_equal(ops->find(&ctx, &plain, desired, &planned, &err), 0);
    assert_true(value_equal(planned, live));
    assert_int_equal(
        ops->list(&ctx, &(struct list_filter){.wanted = &value_empty_list}, note, &listed, &covered, &err),
        0);
    assert_true(value_equal(listed, live));
    const struct value *lid = value_stringz(&arena, "lid");
    desired = json_text(&arena, "{\"name\": \"a\", \"lid\": \"broken\"}");
    assert_int_equal(ops->update(&ctx, live, desired, value_list(&arena, &lid, 1), &live, &err), 0);
    assert_true(str_eqz(value_gets(live, "lid"), "broken"));
    assert_int_equal(ops->read(&ctx, live, &value_empty_list, &live, &err), 0);
    assert_null(live); /* as good as gone */
    assert_int_equal(ops->delete (&ctx, 0, desired, &err), 0);
    assert_null(kept);
    provider_free(provider);
    assert_string_equal(said, "closed");
    spec_free(service);
}

/* What a failed create leaves is known all the same. */
static void half_made(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct err err = ERR_INIT;
    struct spec_service *service = load(jars, &diags);
    const struct spec_type *type = map_get(&service->types, STR("jar"));
    struct provider_options options = {.kinds = &kinds, .name = STR("toy")};
    struct op_ctx ctx = {.arena = &arena, .schema = &type->schema};
    const struct value *live;
    assert_int_equal(provider_new(&options, &ctx.provider, &err), 0);
    assert_int_equal(type->schema.ops->create(&ctx, &plain,
                         json_text(&arena, "{\"name\": \"a\", \"cracked\": true}"), &live, &err),
        -1);
    assert_string_equal(err.message, "it cracked");
    assert_true(str_eqz(value_gets(live, "label"), "jar a"));
    provider_free(ctx.provider);
    spec_free(service);
}

static void assert_refused(const char *text, const char *message)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    assert_null(load(text, &diags));
    assert_string_equal(diags.items[0].message.p, message);
}

static void mistakes(void **state)
{
    (void)state;
#define BOX "service: toy\ntypes: {box: {id: n, attributes: {n: string}, "
    assert_refused(BOX "native: jra}}\n", "the provider type \"toy\" has no operations called \"jra\"");
    assert_refused(BOX "native: window}}\n", "a type needs \"create\" and \"delete\"");
    assert_refused(BOX "native: jar, read: {call: GetBox}}}\n",
        "calls need the file's \"protocol\"; without one there is only \"native\"");
    assert_refused(BOX "native: jar, read: {native: jar}}}\n", "no native function is called \"jar\"");
    assert_refused("kind: tyo\n" BOX "native: jar}}\n", "there is no provider type \"tyo\"");
}

static void found_by_the_kind(void **state)
{
    (void)state;
    struct catalog *catalog;
    struct err err = ERR_INIT, broken = ERR_INIT;
    assert_int_equal(catalog_new(&(struct catalog_options){.kinds = &kinds}, &catalog, &err), 0);
    const struct schema *schema = catalog_find(catalog, STR("Toy::Box::Big"), false, &err);
    assert_true(str_eqz(schema->name, "Toy::Box::Big"));
    assert_ptr_equal(catalog_find(catalog, STR("Toy::Box::Big"), false, &err), schema);
    assert_null(catalog_find(catalog, STR("Toy::Broken"), false, &broken));
    assert_string_equal(broken.message, "nobody knows");
    assert_null(catalog_find(catalog, STR("toy.box"), false, &err));
    assert_int_equal(err.class, ERR_ABSENT);
    catalog_free(catalog);
}

static int release(void **state)
{
    (void)state;
    kept = NULL;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    kinds.reader = cmd_kinds.reader;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_life, release),
        cmocka_unit_test_teardown(half_made, release),
        cmocka_unit_test_teardown(mistakes, release),
        cmocka_unit_test_teardown(found_by_the_kind, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
