/* wire_path over what JSON and XML make of the same answer. */
#include "base/json.h"
#include "provider/wire/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* The result as compact JSON; "" for NULL. */
static const char *path_json(const char *json, const char *path)
{
    struct err err = ERR_INIT;
    const struct value *doc;
    assert_int_equal(json_parse(&arena, str_z(json), &doc, &err), 0);
    const struct value *found = wire_path(&arena, doc, str_z(path));
    if (!found)
        return "";
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, found, JSON_PLAIN);
    return arena_strz(&arena, buf_str(&text));
}

static const char *path_xml(const char *xml, const char *path)
{
    struct err err = ERR_INIT;
    struct str root;
    const struct value *doc;
    assert_int_equal(wire_xml_read(&arena, str_z(xml), &root, &doc, &err), 0);
    const struct value *found = wire_path(&arena, doc, str_z(path));
    if (!found)
        return "";
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, found, JSON_PLAIN);
    return arena_strz(&arena, buf_str(&text));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(path_json("{\"Role\":{\"Arn\":\"a\"}}", "Role.Arn"), "\"a\"");
    assert_string_equal(path_json("{\"Role\":{\"Arn\":\"a\"}}", "Role"), "{\"Arn\":\"a\"}");
    assert_string_equal(path_json("{\"a\":1}", "@"), "{\"a\":1}");
    assert_string_equal(path_json("{\"a\":1}", ""), "{\"a\":1}");
    assert_string_equal(path_json("{\"Role\":{}}", "Role.Arn"), "");
    assert_string_equal(path_json("{\"Role\":null}", "Role"), "");
    assert_string_equal(path_json("{\"Role\":\"x\"}", "Role.Arn"), "");
}

static void test_flatten(void **state)
{
    (void)state;
    const char *json = "{\"R\":[{\"I\":[{\"Id\":1},{\"Id\":2}]},{\"I\":[]},{\"I\":[{\"Id\":3}]},{}]}";
    assert_string_equal(path_json(json, "R[].I[].Id"), "[1,2,3]");
    assert_string_equal(path_json(json, "R[].I[]"), "[{\"Id\":1},{\"Id\":2},{\"Id\":3}]");
    assert_string_equal(path_json("{\"R\":[]}", "R[]"), "[]");
    assert_string_equal(path_json("{}", "R[]"), "");
    assert_string_equal(path_json("[1,2]", "@[]"), "[1,2]");
}

static void test_xml_lists(void **state)
{
    (void)state;
    const char *two = "<L><Roles><member><A>1</A></member><member><A>2</A></member></Roles></L>";
    assert_string_equal(path_xml(two, "Roles[].A"), "[\"1\",\"2\"]");
    assert_string_equal(path_xml("<L><Roles><member><A>1</A></member></Roles></L>", "Roles[].A"), "[\"1\"]");
    assert_string_equal(path_xml("<L><Roles/></L>", "Roles[]"), "[]");
    assert_string_equal(path_xml("<L>\n <Roles>\n </Roles>\n</L>", "Roles[]"), "[]");
    /* flat lists; one item looks like no list at all */
    assert_string_equal(path_xml("<L><Contents><Key>a</Key></Contents></L>", "Contents[].Key"), "[\"a\"]");
    assert_string_equal(path_xml("<L><P><Prefix>a</Prefix></P></L>", "P[].Prefix"), "[\"a\"]");
    /* items of another name */
    assert_string_equal(path_xml("<L><B><Bucket><N>a</N></Bucket></B></L>", "B.Bucket[].N"), "[\"a\"]");
    assert_string_equal(path_xml("<L><B/></L>", "B.Bucket[].N"), "");
}

static void test_xml_map(void **state)
{
    (void)state;
    const char *xml = "<R><Attributes><entry><key>Policy</key><value>{}</value></entry>"
                      "<entry><key>Owner</key><value>1</value></entry></Attributes></R>";
    assert_string_equal(path_xml(xml, "Attributes.Owner"), "\"1\"");
    assert_string_equal(path_xml(xml, "Attributes.Nobody"), "");
    const char *one = "<R><Attributes><entry><key>Owner</key><value>1</value></entry></Attributes></R>";
    assert_string_equal(path_xml(one, "Attributes.Owner"), "\"1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_names, release),
        cmocka_unit_test_teardown(test_flatten, release),
        cmocka_unit_test_teardown(test_xml_lists, release),
        cmocka_unit_test_teardown(test_xml_map, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
