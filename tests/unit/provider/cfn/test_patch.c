/* The JSON Patch of an update: as small as it can be, with what cannot be read back, without what is fixed.
 */
#include "provider/cfn/cfn.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static const struct value *json(const char *text)
{
    const struct value *v;
    struct err err = ERR_INIT;
    if (json_parse(&arena, str_z(text), &v, &err))
        fail_msg("%s: %s", err.message, text);
    return v;
}

static const struct cfn_type *example_type(void)
{
    static const char text[] =
        "{\"typeName\": \"A::B::C\", \"primaryIdentifier\": [\"/properties/Name\"], "
        "\"createOnlyProperties\": "
        "[\"/properties/Name\", \"/properties/W/F\", \"/properties/V/F\"], \"writeOnlyProperties\": "
        "[\"/properties/Secret\", "
        "\"/properties/O/Key\", \"/properties/W\", \"/properties/V\"], "
        "\"handlers\": {\"create\": {}, \"update\": {}, \"delete\": {}, \"read\": {}}, \"tagging\": "
        "{\"tagProperty\": \"/properties/Tags\"}, \"properties\": {\"Name\": {\"type\": \"string\"}, \"N\": "
        "{\"type\": \"integer\"}, \"Secret\": {\"type\": \"string\"}, \"W\": {\"type\": \"object\", "
        "\"properties\": {\"F\": {\"type\": \"string\"}, \"G\": {\"type\": \"string\"}}}, \"V\": {\"type\": "
        "\"object\", \"required\": [\"F\"], \"properties\": {\"F\": {\"type\": \"string\"}, \"G\": "
        "{\"type\": \"string\"}}}, \"O\": {\"type\": "
        "\"object\", "
        "\"properties\": {\"A\": {\"type\": \"string\"}, \"B\": {\"type\": \"string\"}, \"Key\": {\"type\": "
        "\"string\"}}}, \"L\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": "
        "{\"X\": {\"type\": \"integer\"}, \"Y\": {\"type\": \"integer\"}}}}, \"S\": {\"type\": \"array\", "
        "\"insertionOrder\": false, \"items\": {\"type\": \"string\"}}, \"R\": {\"type\": \"array\", "
        "\"insertionOrder\": false, \"items\": {\"type\": \"object\", \"properties\": {\"P\": {\"type\": "
        "\"integer\"}, \"D\": {\"type\": \"string\"}, \"E\": {\"type\": \"string\"}}}}, \"M\": {\"type\": "
        "\"object\", "
        "\"additionalProperties\": {\"type\": \"string\"}}, \"Tags\": {\"type\": \"array\", \"items\": "
        "{\"type\": \"object\", \"properties\": {\"Key\": {\"type\": \"string\"}, \"Value\": {\"type\": "
        "\"string\"}}}}}}";
    struct cfn_type *type;
    struct err err = ERR_INIT;
    if (cfn_compile(&arena, json(text), &type, &err))
        fail_msg("%s", err.message);
    return type;
}

static void expect(const char *live, const char *desired, const char *changed, const char *patch)
{
    const struct value *made = cfn_patch(&arena, example_type(), json(live), json(desired), json(changed));
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, made, JSON_PLAIN);
    assert_string_equal(text.p, patch);
}

static void test_smallest(void **state)
{
    (void)state;
    expect("{\"N\": 1}", "{\"N\": 2}", "[\"N\"]", "[{\"op\":\"replace\",\"path\":\"/N\",\"value\":2}]");
    expect("{}", "{\"N\": 2}", "[\"N\"]", "[{\"op\":\"add\",\"path\":\"/N\",\"value\":2}]");
    expect("{\"N\": 2}", "{}", "[\"N\"]", "[{\"op\":\"remove\",\"path\":\"/N\"}]");
    expect("{\"N\": 1, \"O\": {\"A\": \"a\", \"B\": \"b\"}}", "{\"N\": 1, \"O\": {\"B\": \"c\"}}", "[\"O\"]",
        "[{\"op\":\"replace\",\"path\":\"/O/B\",\"value\":\"c\"}]");
    expect("{\"L\": [{\"X\": 1, \"Y\": 1}, {\"X\": 2, \"Y\": 9}]}", "{\"L\": [{\"X\": 1}, {\"X\": 3}]}",
        "[\"L\"]", "[{\"op\":\"replace\",\"path\":\"/L/1/X\",\"value\":3}]");
    expect("{\"L\": [{\"X\": 1}]}", "{\"L\": []}", "[\"L\"]",
        "[{\"op\":\"replace\",\"path\":\"/L\",\"value\":[]}]");
    expect("{\"M\": {\"a/b\": \"1\", \"c\": \"2\"}}", "{\"M\": {\"a/b\": \"3\"}}", "[\"M\"]",
        "[{\"op\":\"replace\",\"path\":\"/M/a~1b\",\"value\":\"3\"},{\"op\":\"remove\",\"path\":\"/M/c\"}]");
}

static void test_order_is_nothing(void **state)
{
    (void)state;
    expect("{\"S\": [\"b\", \"a\"]}", "{\"S\": [\"a\", \"b\"]}", "[\"S\"]", "[]");
    expect("{\"Tags\": [{\"Key\": \"b\", \"Value\": \"2\"}, {\"Key\": \"a\", \"Value\": \"1\"}]}",
        "{\"Tags\": {\"a\": \"1\", \"b\": \"2\"}}", "[\"Tags\"]", "[]");
    expect("{\"Tags\": [{\"Key\": \"a\", \"Value\": \"1\"}]}", "{\"Tags\": {\"a\": \"2\"}}", "[\"Tags\"]",
        "[{\"op\":\"replace\",\"path\":\"/Tags\",\"value\":[{\"Key\":\"a\",\"Value\":\"2\"}]}]");
}

/* Nobody else's settings, but what an update would take away. */
static void test_what_is_always_in_it(void **state)
{
    (void)state;
    expect("{\"N\": 1, \"L\": [{\"X\": 7}]}", "{\"N\": 2, \"Secret\": \"s\", \"Name\": \"n\"}", "[\"N\"]",
        "[{\"op\":\"replace\",\"path\":\"/N\",\"value\":2},{\"op\":\"add\",\"path\":\"/"
        "Secret\",\"value\":\"s\"}]");
    expect("{\"N\": 1, \"O\": {\"A\": \"a\"}}", "{\"N\": 2, \"O\": {\"A\": \"a\", \"Key\": \"k\"}}",
        "[\"N\"]",
        "[{\"op\":\"replace\",\"path\":\"/N\",\"value\":2},{\"op\":\"add\",\"path\":\"/O/"
        "Key\",\"value\":\"k\"}]");
    /* Without what is fixed in it, which would be refused. */
    expect("{\"N\": 1}", "{\"N\": 2, \"W\": {\"F\": \"f\", \"G\": \"g\"}}", "[\"N\"]",
        "[{\"op\":\"replace\",\"path\":\"/N\",\"value\":2},{\"op\":\"add\",\"path\":\"/W\",\"value\":{"
        "\"G\":\"g\"}}]");
    expect("{\"N\": 1}", "{\"N\": 2, \"V\": {\"F\": \"f\", \"G\": \"g\"}}", "[\"N\"]",
        "[{\"op\":\"replace\",\"path\":\"/N\",\"value\":2}]");
    expect("{\"N\": 1}", "{\"N\": 1, \"V\": {\"F\": \"f\", \"G\": \"h\"}}", "[\"V\"]",
        "[{\"op\":\"add\",\"path\":\"/V\",\"value\":{\"F\":\"f\",\"G\":\"h\"}}]");
}

/* Nulls are what was taken out of the file; what never was in it stays. */
static void test_what_is_taken_out_within(void **state)
{
    (void)state;
    expect("{\"O\": {\"A\": \"a\", \"B\": \"b\"}}", "{\"O\": {\"A\": null}}", "[\"O\"]",
        "[{\"op\":\"remove\",\"path\":\"/O/A\"}]");
    expect("{\"O\": {\"B\": \"b\"}}", "{\"O\": {\"A\": null, \"B\": \"b\"}}", "[\"O\"]", "[]");
    expect("{\"L\": [{\"X\": 1, \"Y\": 1}, {\"X\": 2, \"Y\": 9}]}",
        "{\"L\": [{\"X\": 1}, {\"X\": 3, \"Y\": null}]}", "[\"L\"]",
        "[{\"op\":\"replace\",\"path\":\"/L/1/X\",\"value\":3},{\"op\":\"remove\",\"path\":\"/L/1/Y\"}]");
    /* Of a set, where the service has it; where another item is there, too, all of it is put. */
    expect("{\"R\": [{\"P\": 2, \"E\": \"theirs\"}, {\"P\": 1, \"D\": \"d\"}]}",
        "{\"R\": [{\"P\": 1, \"D\": null}, {\"P\": 2}]}", "[\"R\"]",
        "[{\"op\":\"remove\",\"path\":\"/R/1/D\"}]");
    expect("{\"R\": [{\"P\": 2}, {\"P\": 1, \"D\": \"d\"}]}",
        "{\"R\": [{\"P\": 1, \"D\": null}, {\"P\": 3}]}", "[\"R\"]",
        "[{\"op\":\"replace\",\"path\":\"/R\",\"value\":[{\"P\":1},{\"P\":3}]}]");
    /* What cannot be read is not there to be removed: what it lies in is put without it. */
    expect("{\"O\": {\"A\": \"a\", \"B\": \"b\"}}", "{\"O\": {\"A\": \"a\", \"Key\": null}}", "[\"O\"]",
        "[{\"op\":\"replace\",\"path\":\"/O\",\"value\":{\"A\":\"a\",\"B\":\"b\"}}]");
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_order_is_nothing),
        cmocka_unit_test(test_what_is_always_in_it),
        cmocka_unit_test(test_what_is_taken_out_within),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
