/* What is written on a host as lines is held to the schema once more before it goes there. */
#include "cmd/invocation/kinds.h"
#include "provider/host/host.h"
#include "provider/spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct value *text(struct arena *arena, const char *z)
{
    return value_stringz(arena, z);
}

/* What is said of an object of the type with this attribute; "" nothing. */
static const char *said(const char *type, const char *name, const struct value *v)
{
    static struct err err;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct catalog *catalog;
    const struct catalog_options options = {.kinds = &cmd_kinds};
    err = (struct err)ERR_INIT;
    assert_int_equal(catalog_new(&options, &catalog, &err), 0);
    struct op_ctx ctx = {.arena = &arena, .schema = catalog_find(catalog, str_z(type), false, &err)};
    assert_non_null(ctx.schema);
    struct value_entry entry = {str_z(name), v};
    int rc = script_check(&ctx, value_map(&arena, &entry, 1), &err);
    assert_int_equal(rc, err.message[0] ? -1 : 0);
    catalog_free(catalog);
    return err.message;
}

static const struct value *list_of(struct arena *arena, const char *first, const char *second)
{
    const struct value *items[] = {text(arena, first), text(arena, second)};
    return value_list(arena, items, 2);
}

static const struct value *map_of(struct arena *arena, const char *key, const char *v)
{
    struct value_entry entry = {str_z(key), text(arena, v)};
    return value_map(arena, &entry, 1);
}

static void a_line_break_is_refused(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    const char *key = "ssh-ed25519 AAAA ana";
    assert_string_equal(said("host.user", "authorized_keys", list_of(&a, key, key)), "");
    assert_non_null(strstr(said("host.user", "authorized_keys", list_of(&a, key, "a\nb")), "does not match"));
    assert_string_equal(said("host.user", "password_hash", text(&a, "$6$a$b.c/D")), "");
    const char *hash = said("host.user", "password_hash", text(&a, "$6$a$hunter2\nroot:x"));
    assert_non_null(strstr(hash, "\"password_hash\": the value does not match"));
    assert_null(strstr(hash, "hunter2"));
    assert_string_equal(said("host.cron", "environment", map_of(&a, "A", "b c")), "");
    assert_non_null(strstr(said("host.cron", "environment", map_of(&a, "A", "b\nc")), "does not match"));
    assert_non_null(strstr(said("host.cron", "environment", map_of(&a, "A\nB", "c")), "a variable's name"));
    assert_non_null(strstr(said("host.cron", "user", text(&a, "root\n")), "does not match"));
}

/* Whatever is a line, or a word of one, refuses another; these are texts of several. */
static void only_texts_have_several_lines(void **state)
{
    (void)state;
    static const char texts[] = "content unit create update delete unless include exclude source creates "
                                "directory restart_on triggers";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct catalog *catalog;
    struct err err = ERR_INIT;
    const struct catalog_options options = {.kinds = &cmd_kinds};
    assert_int_equal(catalog_new(&options, &catalog, &err), 0);
    size_t n, attributes = 0;
    const struct str *names = catalog_names(catalog, false, &n);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema =
            str_starts(names[i], STR("host.")) ? catalog_find(catalog, names[i], false, &err) : NULL;
        for (size_t k = 0; schema && k < schema->attr_count; k++) {
            const struct attr *attr = &schema->attrs[k];
            bool is_text = attr->type->kind == TYPE_STRING ||
                           (attr->type->elem && attr->type->elem->kind == TYPE_STRING);
            bool free_text = str_is_any(attr->name, texts) ||
                             (str_eqz(schema->name, "host.command") && str_eqz(attr->name, "environment"));
            if (!attr->settable || !is_text || free_text)
                continue;
            attributes++;
            if (!attr->pattern.n || attr_matches_pattern(&arena, attr, STR("/a\nb")) ||
                attr_matches_pattern(&arena, attr, STR("a\n")))
                fail_msg("%.*s: %.*s takes a line break", STR_ARG(schema->name), STR_ARG(attr->name));
        }
    }
    assert_true(attributes > 25);
    catalog_free(catalog);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_break_is_refused),
        cmocka_unit_test(only_texts_have_several_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
