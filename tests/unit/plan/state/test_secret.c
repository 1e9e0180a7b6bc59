#include "support.h"

#include "plan/state/encode.h"
#include "plan/state/secret.h"

static const struct value *secret_text(struct arena *arena, const char *text)
{
    return value_mark(arena, value_stringz(arena, text), VALUE_SENSITIVE);
}

static struct state *open_with(const struct value *config)
{
    struct err err = ERR_INIT;
    struct state *state;
    struct state_options options = {.backend = test_backend(NULL), .config = config, .dir = str_z(test_dir)};
    ASSERT_OK(state_open(&options, &state, &err), err);
    return state;
}

static struct state *begin_with(const struct value *config)
{
    struct err err = ERR_INIT;
    struct state *state = open_with(config);
    ASSERT_OK(state_lock(state, "apply", 0, &err), err);
    ASSERT_OK(state_begin(state, "apply", NULL, &err), err);
    return state;
}

static void put(struct state *state, struct arena *arena, const struct value *attrs)
{
    struct err err = ERR_INIT;
    (void)arena;
    struct outcome outcome = {
        .record = {.subject = {STR("db"), STR("aws.rds.instance"), STR("aws"), STR("db")}, .attrs = attrs},
        .action = STR("create")};
    ASSERT_OK(state_done(state, &outcome, &err), err);
}

/* {name, password (secret), nested: {inner (secret)}} */
static const struct value *database(struct arena *arena)
{
    struct value_entry inner[] = {{STR("inner"), secret_text(arena, "swordfish-2")}};
    struct value_entry entries[] = {{STR("name"), value_stringz(arena, "db")},
        {STR("nested"), value_map(arena, inner, 1)}, {STR("password"), secret_text(arena, "swordfish-1")}};
    return value_map(arena, entries, 3);
}

static bool in_file(const char *text)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return str_find(test_read(&scratch, "lake.log"), str_z(text), 0) >= 0;
}

static void test_without_key_only_hashes(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct state *state = begin_with(NULL);
    assert_false(state_has_key(state));
    put(state, &scratch, database(&scratch));
    ASSERT_OK(state_set_outputs(state, database(&scratch), &err), err);
    ASSERT_OK(state_flush(state, &err), err);
    for (int pass = 0; pass < 2; pass++) {
        const struct value *attrs = state_get(state, STR("db"))->attrs;
        const struct value *password = value_getz(attrs, "password");
        assert_true(state_is_hash(password));
        assert_true(password->marks & VALUE_SENSITIVE);
        assert_true(state_hash_matches(password, value_stringz(&scratch, "swordfish-1")));
        assert_false(state_hash_matches(password, value_stringz(&scratch, "swordfish-2")));
        assert_true(state_hash_matches(password, value_stringz(&scratch, "swordfish-1")));
        assert_true(state_hash_matches(password, value_stringz(&scratch, "swordfish-1"))); /* as remembered */
        assert_false(state_hash_matches(password, value_stringz(&scratch, "swordfish-2")));
        assert_false(state_hash_matches(password, NULL));
        assert_false(state_hash_matches(password, &value_unknown));
        assert_true(state_hash_matches(attrs, database(&scratch)));
        assert_false(
            state_hash_matches(attrs, value_with(&scratch, database(&scratch), STR("name"), &value_true)));
        assert_true(state_hash_matches(state_outputs(state), database(&scratch)));
        state_close(state);
        state = begin_with(NULL);
    }
    ASSERT_OK(state_snapshot(state, NULL, &err), err); /* a hash stays the same hash */
    assert_true(state_hash_matches(
        value_getz(state_get(state, STR("db"))->attrs, "password"), value_stringz(&scratch, "swordfish-1")));
    state_close(state);
    assert_false(in_file("swordfish"));
    assert_true(in_file("$hash"));
}

static void test_key_seals(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    ASSERT_OK(dir_make(test_path(""), &err), err);
    test_write("../state.key", str_z(key));
    const struct value *config = test_json(&scratch, "{\"key\":\"file:state.key\"}");
    struct state *state = begin_with(config);
    assert_true(state_has_key(state));
    const struct value *attrs = value_with(&scratch, database(&scratch), STR("write_only"),
        state_hash_secret(&scratch, secret_text(&scratch, "token-1")));
    put(state, &scratch, attrs);
    state_close(state);
    assert_false(in_file("swordfish"));
    assert_false(in_file("token-1"));

    state = open_with(config);
    const struct value *kept = state_get(state, STR("db"))->attrs;
    assert_true(str_eqz(value_getz(kept, "password")->string, "swordfish-1"));
    assert_true(value_getz(kept, "password")->marks & VALUE_SENSITIVE);
    assert_true(value_is_sensitive(kept));
    assert_false(kept->marks & VALUE_SENSITIVE);
    assert_true(state_hash_matches(value_getz(kept, "write_only"), value_stringz(&scratch, "token-1")));
    state_close(state);

    struct state_options options = {.backend = test_backend(NULL)};
    assert_int_equal(state_open(&options, &state, &err), -1);
    assert_non_null(strstr(err.message, "there is no key"));
}

/* Whoever cannot read what a request was to make would take what came of it for something else. */
static void test_open_intent_needs_its_key(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    setenv("WEIR_STATE_KEY", "a passphrase of some length", 1);
    struct state *state = begin_with(NULL);
    struct intent intent = {.subject = {.address = STR("db"), .type = STR("aws.rds.db_instance")},
        .action = STR("create"),
        .token = STR("0123456789abcdef0123456789abcdef"),
        .desired = database(&scratch)};
    ASSERT_OK(state_intent(state, &intent, &err), err);
    state_close(state);
    unsetenv("WEIR_STATE_KEY");

    struct state_options options = {.backend = test_backend(NULL)};
    assert_int_equal(state_open(&options, &state, &err), -1);
    assert_int_equal(err.class, ERR_INVALID);
    assert_non_null(strstr(err.message, "there is no key"));
}

/* Texts may hold NULs, also as keys of maps, which jansson does not take. */
static void test_a_key_with_a_nul_is_sealed_and_read_back(void **unused)
{
    (void)unused;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    setenv("WEIR_STATE_KEY", "a passphrase of some length", 1);
    struct value_entry inner[] = {{STR("a\0b"), value_stringz(&scratch, "swordfish-1")}};
    const struct value *secret = value_mark(&scratch, value_map(&scratch, inner, 1), VALUE_SENSITIVE);
    struct value_entry entries[] = {{STR("password"), secret}};
    struct state *state = begin_with(NULL);
    put(state, &scratch, value_map(&scratch, entries, 1));
    state_close(state);
    state = open_with(NULL);
    assert_true(value_equal(value_getz(state_get(state, STR("db"))->attrs, "password"), secret));
    state_close(state);
    unsetenv("WEIR_STATE_KEY");
}

static void test_key_changes(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    setenv("OLD_STATE_KEY", "a passphrase of some length", 1);
    setenv("WEIR_STATE_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
    struct state *state = begin_with(test_json(&scratch, "{\"key\":\"env:OLD_STATE_KEY\"}"));
    put(state, &scratch, database(&scratch));
    state_close(state);

    struct state_options only_new = {.backend = test_backend(NULL)};
    assert_int_equal(state_open(&only_new, &state, &err), -1);
    assert_non_null(strstr(err.message, "which is not among those given"));

    state = begin_with(test_json(&scratch, "{\"previous_keys\":[\"env:OLD_STATE_KEY\"]}"));
    assert_true(str_eqz(value_getz(state_get(state, STR("db"))->attrs, "password")->string, "swordfish-1"));
    ASSERT_OK(state_snapshot(state, NULL, &err), err);
    state_close(state);

    state = open_with(NULL); /* WEIR_STATE_KEY alone will do from now on */
    assert_true(str_eqz(value_getz(state_get(state, STR("db"))->attrs, "password")->string, "swordfish-1"));
    state_close(state);
    unsetenv("WEIR_STATE_KEY");
    unsetenv("OLD_STATE_KEY");
}

static void test_key_that_will_not_do(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct secrets *secrets;
    setenv("WEIR_STATE_KEY", "short", 1);
    assert_int_equal(secrets_new(NULL, STR("."), &secrets, &err), -1);
    assert_non_null(strstr(err.message, "too short"));
    assert_null(strstr(err.message, "short\""));
    unsetenv("WEIR_STATE_KEY");
    assert_int_equal(secrets_new(test_json(&scratch, "{\"key\":\"env\"}"), STR("."), &secrets, &err), -1);
    assert_non_null(strstr(err.message, "WEIR_STATE_KEY, which is not set"));
    assert_int_equal(
        secrets_new(test_json(&scratch, "{\"key\":\"file:no-such\"}"), STR("."), &secrets, &err), -1);
    assert_int_equal(secrets_new(test_json(&scratch, "{\"key\":\"vault\"}"), STR("."), &secrets, &err), -1);
    ASSERT_OK(secrets_new(NULL, STR("."), &secrets, &err), err);
    assert_false(secrets_have_key(secrets));
    secrets_free(secrets);
}

static void test_sealed_and_changed(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct secrets *secrets;
    setenv("WEIR_STATE_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
    ASSERT_OK(secrets_new(NULL, STR("."), &secrets, &err), err);
    unsetenv("WEIR_STATE_KEY");
    struct str sealed = secrets_encrypt(secrets, &scratch, STR("plain")), plain;
    assert_false(str_eq(sealed, secrets_encrypt(secrets, &scratch, STR("plain"))));
    ASSERT_OK(secrets_decrypt(secrets, &scratch, sealed, &plain, &err), err);
    assert_true(str_eqz(plain, "plain"));
    for (size_t i = 9; i < sealed.n; i++) {
        char *changed = arena_strz(&scratch, sealed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        /* The last character's low bits say nothing in base64; a change there may not count. */
        if (secrets_decrypt(secrets, &scratch, str_n(changed, sealed.n), &plain, &err) == 0)
            assert_true(i + 3 >= sealed.n && str_eqz(plain, "plain"));
        else
            assert_int_equal(err.class, ERR_DAMAGED);
    }
    secrets_free(secrets);
}

/* Everything that JSON cannot say comes back as it was. */
static void test_values_come_back(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT, kept = ARENA_INIT;
    struct interner interner = {.arena = &kept};
    const struct value *deep = value_int(&scratch, 7);
    for (int i = 0; i < 300; i++)
        deep = value_list(&scratch, &deep, 1);
    struct value_entry marker[] = {{STR("$hash"), value_stringz(&scratch, "scrypt:x")}};
    struct value_entry dollar[] = {{STR("$"), &value_true}};
    struct value_entry entries[] = {{STR("bytes"), value_string(&scratch, str_n("\xff\x00\xfe", 3))},
        {STR("deep"), deep}, {STR("dollar"), value_map(&scratch, dollar, 1)},
        {STR("looks like a hash"), value_map(&scratch, marker, 1)}, {STR("unknown"), &value_unknown}};
    const struct value *v = value_map(&scratch, entries, 5), *parsed, *back;
    AUTO_BUF struct buf text = BUF_INIT;
    encode_value(&text, NULL, v);
    ASSERT_OK(json_parse(&scratch, buf_str(&text), &parsed, &err), err);
    ASSERT_OK(decode_value(&interner, NULL, parsed, &back, &err), err);
    assert_true(value_equal(back, value_with(&scratch, v, STR("unknown"), NULL)));
    assert_false(value_is_sensitive(back));
    interner_release(&interner);
}

static struct backend *sealed_backend(const char *config)
{
    struct err err = ERR_INIT;
    static struct arena arena;
    struct backend *b;
    arena_release(&arena);
    struct backend_options options = {
        .config = test_json(&arena, config), .dir = str_z(test_dir), .stack = STR("lake")};
    ASSERT_OK(backend_new(&options, &b, &err), err);
    return b;
}

static void test_whole_records(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct state *state = begin_with(NULL); /* the first records are from before the switch */
    ASSERT_OK(test_done(state, "before", "{\"name\":\"old-bucket\"}", &err), err);
    state_close(state);
    setenv("WEIR_STATE_KEY", "a passphrase of some length", 1);
    const char *sealed = "{\"encrypt\":\"records\"}";
    for (int run = 0; run < 2; run++) {
        ASSERT_OK(state_open(&(struct state_options){.backend = sealed_backend(sealed)}, &state, &err), err);
        assert_int_equal(state_count(state), 1 + run);
        ASSERT_OK(state_lock(state, "apply", 0, &err), err);
        ASSERT_OK(state_begin(state, "apply", NULL, &err), err);
        ASSERT_OK(test_done(state, "pond", "{\"name\":\"new-bucket\"}", &err), err);
        if (run)
            ASSERT_OK(state_snapshot(state, NULL, &err), err);
        state_close(state);
        assert_int_equal(in_file("old-bucket"), !run);
        assert_false(in_file("new-bucket") || in_file("pond"));
    }
    ASSERT_OK(state_open(&(struct state_options){.backend = sealed_backend(sealed)}, &state, &err), err);
    assert_string_equal(state_get(state, STR("pond"))->subject.id.p, "new-bucket");
    state_close(state);

    assert_int_equal(state_open(&(struct state_options){.backend = test_backend(NULL)}, &state, &err), -1);
    assert_non_null(strstr(err.message, "is encrypted as a whole"));
    unsetenv("WEIR_STATE_KEY");
    struct backend *b;
    struct backend_options options = {
        .config = test_json(&scratch, sealed), .dir = str_z(test_dir), .stack = STR("lake")};
    assert_int_equal(backend_new(&options, &b, &err), -1);
    assert_non_null(strstr(err.message, "there is no key"));
}

/* Sealed records that change places with each other are found out. */
static void test_records_stay_in_place(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf swapped = BUF_INIT;
    struct state *state;
    setenv("WEIR_STATE_KEY", "a passphrase of some length", 1);
    const char *sealed = "{\"encrypt\":\"records\"}";
    ASSERT_OK(state_open(&(struct state_options){.backend = sealed_backend(sealed)}, &state, &err), err);
    ASSERT_OK(state_lock(state, "apply", 0, &err), err);
    ASSERT_OK(state_begin(state, "apply", NULL, &err), err);
    ASSERT_OK(test_done(state, "a", "{\"name\":\"a\"}", &err), err);
    state_close(state);
    struct str log = test_read(&scratch, "lake.log"), rest, second, json;
    str_cut(log, '\n', &rest);
    second = str_cut(rest, '\n', &rest);
    ASSERT_OK(log_unframe(second, &json, &err), err);
    log_frame(&swapped, 1, 1,
        arena_printf(&scratch, "{%.*s", STR_ARG(str_slice(json, sizeof "{\"seq\":2," - 1, json.n))));
    test_write("lake.log", buf_str(&swapped));
    assert_int_equal(
        state_open(&(struct state_options){.backend = sealed_backend(sealed)}, &state, &err), -1);
    assert_int_equal(err.class, ERR_DAMAGED);
    assert_non_null(strstr(err.message, "is not record 1"));
    unsetenv("WEIR_STATE_KEY");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_dir_make, test_dir_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_without_key_only_hashes),
        TEST(test_key_seals),
        TEST(test_open_intent_needs_its_key),
        TEST(test_key_changes),
        TEST(test_key_that_will_not_do),
        TEST(test_a_key_with_a_nul_is_sealed_and_read_back),
        TEST(test_sealed_and_changed),
        TEST(test_whole_records),
        TEST(test_records_stay_in_place),
        TEST(test_values_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
