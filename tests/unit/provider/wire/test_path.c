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
    assert_string_equal(path_json("{\"P\":{\"A\":\"x\",\"B\":\"y\"}}", "P.A|B[]"), "[\"x\",\"y\"]");
    assert_string_equal(path_json("{\"P\":{\"B\":\"y\"}}", "P.A|B[]"), "[\"y\"]");
    assert_string_equal(path_json("{\"P\":{\"C\":1}}", "P.A|B[]"), "[]");
    assert_string_equal(path_json("{\"P\":\"z\"}", "P.A|@[]"), "[\"z\"]");
    assert_string_equal(path_json("{\"P\":{\"C\":1}}", "P.A|@[]"), "[]");
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

static void test_item_that_has(void **state)
{
    (void)state;
    const char *json =
        "{\"V\":[{\"Id\":1,\"On\":false},{\"Id\":2,\"On\":true,\"W\":[{\"K\":\"a.b\",\"X\":7}]}]}";
    assert_string_equal(path_json(json, "V[On=true].Id"), "2");
    assert_string_equal(path_json(json, "V[On=TRUE].W[K=a.b].X"), "7");
    assert_string_equal(path_json(json, "V[].W[K=a.b].X"), "[7]");
    assert_string_equal(path_json(json, "V[On=maybe]"), "");
    assert_string_equal(path_json(json, "V[Off=true].Id"), "");
    assert_string_equal(path_json("[{\"k\":1},{\"k\":2,\"v\":3}]", "@[k=2].v"), "3");
    assert_string_equal(path_xml("<L><V><member><K>a</K><X>1</X></member></V></L>", "V[K=a].X"), "\"1\"");
}

/* Each knows what it lies in. */
static void test_values_of_maps(void **state)
{
    (void)state;
    const char *json = "{\"R\":[{\"id\":1,\"M\":{\"GET\":{\"n\":2},\"PUT\":{\"n\":3}}},{\"id\":4},{\"id\":5,"
                       "\"M\":{\"GET\":{\"n\":6}}}]}";
    assert_string_equal(path_json(json, "R[].M{}.n"), "[2,3,6]");
    assert_string_equal(path_json(json, "R[].M{}.^.id"), "[1,1,5]");
    assert_string_equal(path_json("{\"M\":{\"a\":1,\"b\":2}}", "M{}"), "[1,2]");
    assert_string_equal(path_json("{\"M\":[1]}", "M{}"), "[]");
    assert_string_equal(path_json("{}", "M{}"), "");
}

static void test_cut(void **state)
{
    (void)state;
    struct str path = STR("A.B[].C[k.l=x.y].D");
    struct wire_segment a = wire_path_cut(&path), b = wire_path_cut(&path), c = wire_path_cut(&path);
    assert_true(str_eqz(a.name, "A") && a.items == WIRE_MEMBER);
    assert_true(str_eqz(b.name, "B") && b.items == WIRE_EVERY_ITEM);
    assert_true(str_eqz(c.name, "C") && c.items == WIRE_ITEM_THAT_HAS);
    assert_true(str_eqz(c.key, "k.l") && str_eqz(c.value, "x.y"));
    assert_true(str_eqz(path, "D"));
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
        cmocka_unit_test_teardown(test_item_that_has, release),
        cmocka_unit_test_teardown(test_values_of_maps, release),
        cmocka_unit_test_teardown(test_cut, release),
        cmocka_unit_test_teardown(test_xml_lists, release),
        cmocka_unit_test_teardown(test_xml_map, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
