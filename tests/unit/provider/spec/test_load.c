/* The loader: what becomes of a spec, and what is said of a wrong one. */
#include "base/diag.h"
#include "cmd/invocation/kinds.h"
#include "provider/spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HEAD "service: toy\nprotocol: json-1.1\ntarget: Toy\n"
#define TYPE                                                                                                 \
    HEAD "types:\n  box:\n    id: name\n    attributes:\n      name: {type: string, required: true}\n"       \
         "      lid_color: string\n"

#define CALLS TYPE "    create: {call: A}\n    delete: {call: B}\n"

static struct source source;

static struct spec_service *load(const char *text, struct diags *diags)
{
    source = (struct source){.path = STR("toy.yaml"), .text = str_z(text)};
    return spec_load(&source, &cmd_kinds, NULL, diags);
}

/* The whole report on a wrong spec. */
static void assert_report(const char *text, const char *report)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    assert_null(load(text, &diags));
    diags_render(&diags, false, &out);
    assert_string_equal(out.p, report);
}

static struct spec_service *load_well(const char *text)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct spec_service *service = load(text, &diags);
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    if (!service)
        fail_msg("%s", out.p);
    return service;
}

/* Cut into its types, a spec is told of at the same places. */
static void test_places_in_a_spec_that_is_read_later(void **state)
{
    (void)state;
    static const char box[] = HEAD "types:\n"
                                   "  lid:\n"
                                   "    id: name\n"
                                   "# lids have boxes\n"
                                   "  box:\n"
                                   "    id: name\n"
                                   "    attributes: {name: {type: strong}}\n"
                                   "    create: {call: A}\n";
    AUTO_DIAGS struct diags of_head = DIAGS_INIT, of_box = DIAGS_INIT;
    source =
        (struct source){.path = STR("toy.yaml"), .text = STR(HEAD "types:\n  lid:\n    id: name\nno: 1\n")};
    assert_null(spec_open(&source, &cmd_kinds, NULL, &of_head));
    assert_int_equal(of_head.items[0].span.line, 7);
    source.text = str_z(box);
    struct spec_service *service = spec_open(&source, &cmd_kinds, NULL, &of_box);
    assert_null(spec_read_type(service, STR("box"), false, &of_box));
    assert_int_equal(of_box.items[0].span.line, 10);
    spec_free(service);
}

static void test_schema(void **state)
{
    (void)state;
    struct spec_service *service = load_well(
        HEAD "words: {arn: ARN}\n"
             "shapes: {lid: {color: {type: string, enum: [red, blue]}, weight_kg: integer}}\n"
             "types:\n"
             "  box:\n"
             "    doc: A box.\n"
             "    id: name\n"
             "    constraints: [{if: {lids.color: red}, must: {name: x}, message: no}]\n"
             "    arn: arn:${partition}:toy:${region}:${account}:box/${name}\n"
             "    attributes:\n"
             "      name: {type: string, required: true, replace: true, pattern: '[a-z]+', range: [1, 9]}\n"
             "      lids: list(lid)\n"
             "      labels: {type: map(string), pairs: [K, V]}\n"
             "      size: {type: integer, default: 3, unset: 0}\n"
             "      open: {type: boolean, values: {true: Open, false: Shut}}\n"
             "      secret: {type: string, write_only: true, sensitive: true}\n"
             "      force: {type: boolean, local: true}\n"
             "      state: {type: string, computed: true}\n"
             "      hint: {type: string, computed: true, hidden: true}\n"
             "    create: {call: MakeBox}\n"
             "    delete: {call: DropBox}\n");
    const struct spec_type *box = map_get(&service->types, STR("box"));
    const struct schema *schema = &box->schema;
    assert_true(str_eqz(schema->name, "aws.toy.box"));
    assert_int_equal(schema->attr_count, 9); /* hidden ones are not shown, arn is added */
    const struct attr *name = schema_attr(schema, STR("name"));
    assert_true(name->required && name->replace && name->settable && name->has_min && name->max == 9);
    assert_false(schema_attr(schema, STR("state"))->settable);
    assert_true(schema_attr(schema, STR("secret"))->write_only);
    assert_int_equal(schema_attr(schema, STR("size"))->default_value->integer, 3);
    assert_true(str_eqz(schema_attr(schema, STR("arn"))->name, "arn"));
    const struct type *lid = schema_attr(schema, STR("lids"))->type->elem;
    assert_int_equal(lid->kind, TYPE_OBJECT);
    assert_int_equal(type_field(lid, STR("color"))->choices->count, 2);
    assert_int_equal(type_field(lid, STR("color"))->compare, COMPARE_CHOICE);
    assert_true(schema->constraints[0].when.items[0].any_case);
    assert_false(schema->constraints[0].must.items[0].any_case);
    /* wire names follow from ours; what is local is never sent by itself */
    const struct shape *request = &box->create.items[0].call.request.shape;
    assert_int_equal(request->member_count, 6);
    assert_true(str_eqz(request->members[1].wire, "Lids"));
    assert_true(str_eqz(request->members[1].shape->elem->members[1].wire, "WeightKg"));
    assert_int_equal(request->members[2].shape->kind, SHAPE_PAIRS);
    assert_true(str_eqz(value_gets(request->members[4].shape->choices_in, "true"), "Open"));
    spec_free(service);
}

static void test_nested_places(void **state)
{
    (void)state;
    struct spec_service *service =
        load_well("service: toy\nprotocol: rest-xml\n"
                  "operations:\n"
                  "  PutBox: {http: 'PUT /boxes/{Name}?box', body: Box, query: {Dry: dry-run}, headers: "
                  "{Mark: x-mark}}\n"
                  "types:\n  box:\n    id: name\n    attributes:\n"
                  "      name: {type: string, required: true}\n"
                  "      a: {type: string, wire: Outer.Inner.A}\n"
                  "      b: {type: string, wire: Outer.B}\n"
                  "      rule: {type: object, wire: ., fields: {c: {type: string, wire: Outer2.C}}}\n"
                  "      mark: string\n"
                  "      dry: boolean\n"
                  "    create: {call: PutBox}\n"
                  "    delete: {call: PutBox, with: {Outer.Gone: true}}\n");
    const struct spec_type *box = map_get(&service->types, STR("box"));
    const struct shape *request = &box->create.items[0].call.request.shape;
    assert_int_equal(request->members[0].location, WIRE_PATH);
    assert_true(request->members[1].group && str_eqz(request->members[1].wire, "Outer"));
    assert_int_equal(request->members[1].shape->member_count, 2);
    assert_true(request->members[1].shape->members[0].group);
    assert_true(request->members[2].spread);
    assert_int_equal(request->members[3].location, WIRE_HEADER);
    assert_true(str_eqz(request->members[3].wire, "x-mark"));
    assert_int_equal(request->members[4].location, WIRE_QUERY_STRING);
    assert_true(str_eqz(box->create.items[0].call.op->wire.query, "box"));
    spec_free(service);
}

static void test_unknown_keys(void **state)
{
    (void)state;
    assert_report(TYPE "    creat: {call: MakeBox}\n    delete: {call: DropBox}\n",
        "error: a type needs \"create\" and \"delete\"\n"
        "  --> toy.yaml:6:5\n"
        "   |\n"
        " 6 |     id: name\n"
        "   |     ^^^^^^^^\n"
        "\n"
        "error: a type has no key \"creat\"\n"
        "  --> toy.yaml:10:5\n"
        "   |\n"
        "10 |     creat: {call: MakeBox}\n"
        "   |     ^^^^^ did you mean \"create\"?\n");
}

static void test_what_no_update_sends_is_replaced(void **state)
{
    (void)state;
    struct spec_service *service = load_well(CALLS "    update: {call: C, send: [name]}\n");
    const struct spec_type *type = map_get(&service->types, STR("box"));
    assert_true(spec_attr_find(type, STR("lid_color"))->attr->replace);
    spec_free(service);
    service = load_well(CALLS "    update: {call: C, send: [name, lid_color]}\n");
    type = map_get(&service->types, STR("box"));
    assert_false(spec_attr_find(type, STR("lid_color"))->attr->replace);
    spec_free(service);
}

static void test_unknown_attribute(void **state)
{
    (void)state;
    assert_report(TYPE "    create: {call: MakeBox, send: [name, lid_colour]}\n    delete: {call: DropBox}\n",
        "error: the type has no attribute \"lid_colour\"\n"
        "  --> toy.yaml:10:42\n"
        "   |\n"
        "10 |     create: {call: MakeBox, send: [name, lid_colour]}\n"
        "   |                                          ^^^^^^^^^^ did you mean \"lid_color\"?\n");
}

/* The message alone is what matters. */
struct mistake {
    const char *text, *message; /* NULL: any */
};

static void assert_messages(const struct mistake *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO_DIAGS struct diags diags = DIAGS_INIT;
        assert_null(load(cases[i].text, &diags));
        bool found = !cases[i].message && diags.errors;
        for (size_t k = 0; k < diags.n && cases[i].message; k++)
            found = found || str_eqz(diags.items[k].message, cases[i].message);
        if (!found)
            fail_msg("case %zu: \"%s\" is not said", i, cases[i].message);
    }
}

static void test_other_mistakes(void **state)
{
    (void)state;
    static const struct mistake cases[] = {
        {"service: toy\nprotocol: soap\n",
            "protocol has to be query, ec2, json-1.0, json-1.1, rest-json or rest-xml"},
        {TYPE "    create: {send: all}\n    delete: {call: DropBox}\n", "create needs \"call\""},
        {TYPE "    create: {native: nothing}\n    delete: {call: DropBox}\n",
            "no native function is called \"nothing\""},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    wait: {deleted: {every: soon}}\n",
            "\"every\" has to be a duration such as 10s or 40m"},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    wait: {ready: {every: 1s}}\n",
            "a wait needs \"for\""},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    sub_resources: {lid_color: {get: C}}\n",
            "a sub-resource needs \"put\""},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    members: {lid_color: {add: C}}\n",
            "a member set needs \"add\" and \"remove\", or \"modify\""},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    entries: {lid_color: {put: C, delete: D}}\n",
            "entries are for attributes of type map(…)"},
        {TYPE "    create: {call: A}\n    delete: [{call: B, if: {lid: red}}]\n",
            "the type has no attribute \"lid\""},
        {TYPE "    unique: [lid]\n    create: {call: A}\n    delete: {call: B}\n",
            "the type has no attribute \"lid\""},
        {HEAD "types: {box: {id: name, attributes: {name: strin}, create: {call: A}, delete: {call: B}}}\n",
            "no type is called \"strin\""},
        {HEAD "types: {box: {id: name, attributes: {name: {pattern: '['}}, create: {call: A}, delete: {call: "
              "B}}}\n",
            NULL},
        {HEAD "shapes: {a: {b: a}}\ntypes: {box: {id: n, attributes: {n: a}, create: {call: A}, delete: "
              "{call: B}}}\n",
            "shape \"a\" contains itself"},
        {"service: toy\nprotocol: rest-json\ntypes: {box: {id: n, attributes: {n: string}, create: {call: "
         "A}, delete: {call: A}}}\n",
            "operation \"A\" has no method and path under \"operations\""},
        {TYPE "    recorded: true\n    create: {call: A}\n",
            "what is only recorded has no calls to create, read, list or delete it"},
        {"service: toy\nprotocol: rest-json\noperations: {A: /boxes}\n",
            "expected METHOD /path, such as \"GET /jobs/{Name}\""},
        {CALLS "    update: {call: C, send: {Box: [lid_color]}, renamed: {Box.LidColour: Color}}\n",
            "nothing is sent at \"Box.LidColour\""},
        {HEAD "types: {box: {id: n, attributes: {n: {older: N}}, create: {call: A}, delete: {call: B}}}\n",
            "older is a map of members and where answers have what they were once"},
        {CALLS "    read: {call: C, at: \"Boxes[]\", whose: match}\n",
            "there is no \"match\" that an answer could lack"},
        {CALLS "    read: {call: C, whose: {Name: nam}}\n", "the type has no attribute \"nam\""},
        {CALLS "    update: {call: C, send: {Box: [lid_color]}, renamed: [Color]}\n",
            "renamed is {Structure.Member: Name or null}, not a list"},
        {CALLS "    update: {call: C, if: {lid_color: {above: high}}}\n",
            "the type has no attribute \"high\""},
        {CALLS "    update: {call: C, if: {lid_color: {above: 1, below: 2}}}\n",
            "a test is one comparison, such as {above: 1}"},
        {CALLS "    read: {call: C, if: {lid_color: {above: prior}}}\n",
            "only a step of \"update\" can ask for what was prior to it"},
        {CALLS "    list: {call: C, at: \"Boxes[]\", page: {in: After, last: Name}}\n",
            "page is {in, out}, {in, last, more}, {in, by: items} or {in, by: number}"},
        {CALLS "    find: {by: [lid_colour]}\n", "the type has no attribute \"lid_colour\""},
        {CALLS "    find: {by: [lid_color], at: \"Boxes[]\"}\n",
            "find without a call has no key \"at\"; it may have: by since"},
        {CALLS "    find: {call: ListBoxes, since: Made}\n", "\"since\" goes with \"by\""},
        {CALLS "    fills: {lid_color: name}\n", "expected {path: type.attribute}"},
        {CALLS "    fills: {lid_color: {name: lid}}\n", "expected {path: type.attribute}"},
        {CALLS "    fills: {lid_colour: {name: toy.lid.color}}\n",
            "the type has no attribute \"lid_colour\""},
        {CALLS "    fills: {lid_color: {nam: toy.lid.color}}\n", "the type has no attribute \"nam\""},
        {CALLS "    pending: {at: Pending, as: lid_color}\n", "pending needs \"at\", \"as\" and \"until\""},
        {CALLS "    pending: {at: Pending, as: lid_colour, until: later}\n",
            "the type has no attribute \"lid_colour\""},
        {HEAD "types: {box: {id: name, attributes: {name: {type: string, conflicts: lid}}, create: A, "
              "delete: B}}\n",
            "the type has no attribute \"lid\""},
        {HEAD "types: {box: {id: name, attributes: {name: {type: string, changes_with: [lid]}}, create: A, "
              "delete: B}}\n",
            "the type has no attribute \"lid\""},
        {HEAD "types: {box: {id: name, attributes: {name: {type: boolean, values: [A, B]}}, create: A, "
              "delete: B}}\n",
            "\"values\" has to be a map, not a list"},
        {HEAD "types: {box: {id: name, attributes: {name: {type: map(string), pairs: [A]}}, create: A, "
              "delete: B}}\n",
            "pairs are two names: the key's and the value's"},
        {HEAD "types: {box: {id: name, attributes: {name: {type: map(string), entry: [A, B]}}, create: A, "
              "delete: B}}\n",
            "entry is three names: the element's, the key's and the value's"},
    };
    assert_messages(cases, sizeof cases / sizeof *cases);
}

#define SANDBOX(text) CALLS "    sandbox: {" text "}\n"

static void test_mistakes_for_the_sandbox(void **state)
{
    (void)state;
    static const struct mistake cases[] = {
        {SANDBOX("engines: [{makes: spark, runs: spark}]"),
            "an engine makes, runs or serves the type: one of these"},
        {SANDBOX("engines: [{if: {name: a}}]"), "an engine makes, runs or serves the type: one of these"},
        {SANDBOX("engines: [{makes: spark, if: {nam: a}}]"), "the type has no attribute \"nam\""},
        {SANDBOX("value: {name: a}"), "sandbox has no key \"value\""},
        {SANDBOX("values: {lid: a}"), "the type has no attribute \"lid\""},
        {SANDBOX("values: [name]"), "\"values\" has to be a map, not a list"},
        {SANDBOX("strict: name"), "\"strict\" has to be a list, not a string"},
        {SANDBOX("strict: [lid]"), "the type has no attribute \"lid\""},
        {SANDBOX("numbered: lid"), "the type has no attribute \"lid\""},
        {SANDBOX("filters: {lid-color: lid}"), "the type has no attribute \"lid\""},
        {SANDBOX("standing: [name]"), "expected {attribute: value}"},
        {SANDBOX("standing: [{lid: a}]"), "the type has no attribute \"lid\""},
        {SANDBOX("owns: [{type: aws.toy.lid, attributes: box}]"),
            "owns has no key \"attributes\"; it may have: type attribute"},
        {SANDBOX("used_by: {cod: A}"), "used_by has no key \"cod\"; it may have: code message by"},
        {SANDBOX("used_by: {by: [{typ: aws.toy.lid}]}"), "used_by has no key \"typ\"; it may have: type "
                                                         "attribute where if used counts call shows message"},
        {SANDBOX("soft_delete: {sets: lid}"), "the type has no attribute \"lid\""},
        {SANDBOX("defers: {unless: lid}"), "the type has no attribute \"lid\""},
        {SANDBOX("delete_unless: {lid: {'*': InUse}}"), "the type has no attribute \"lid\""},
        {SANDBOX("narrows: {Lid: '*lid*'}"), "the type has no attribute \"lid\""},
        {SANDBOX("empty: [Lids]"), "sandbox has no key \"empty\""},
        {SANDBOX("derives: {lid_color: [[red, {lid: a}]]}"), "the type has no attribute \"lid\""},
        {SANDBOX("derives: {lid_color: [red]}"),
            "a case is [value, {attribute: value}], the last one [value]"},
        {SANDBOX("also: {call: A}"), "\"also\" has to be a list, not a map"},
        {SANDBOX("also: [{call: A, as: look}]"), "\"as\" is one of create, read, list, update, delete, tags"},
    };
    assert_messages(cases, sizeof cases / sizeof *cases);
}

/* What a new one gets may also be for the templates of answers alone. */
static void test_values_for_templates_alone(void **state)
{
    (void)state;
    spec_free(load_well(SANDBOX("values: {serial: \"${hex8}\"}, shows: {Serial: \"no ${serial|lower}\"}")));
}

/* A run of the toy: what is wrong with it is all that is wrong. */
#define RUN(text)                                                                                            \
    TYPE "    create: {call: A}\n    delete: {call: B}\n    run:\n      attributes: {run_id: string, "       \
         "run_list: "                                                                                        \
         "{type: list(string)}}\n      succeeded: {run_id: a}\n" text

static void test_teardown(void **state)
{
    (void)state;
    struct spec_service *service = load_well(TYPE
        "    create: {call: CreateBox}\n    delete: {call: DeleteBox}\n"
        "    teardown:\n"
        "      force_empty:\n"
        "        set: {lid_color: red}\n"
        "        message: what is in it\n"
        "        count: {call: ListThings, at: \"Things[]\", as: things, bytes: Size}\n"
        "        refused: [{code: NotEmpty, message: still}]\n"
        "    leaves:\n"
        "      - {type: aws.logs.log_group, match: {name: \"/toy/${name}\"}, message: logs, kept: true}\n");
    const struct spec_type *box = map_get(&service->types, STR("box"));
    assert_int_equal(box->teardown_count, 1);
    assert_int_equal(box->teardown[0].flag, TEARDOWN_EMPTY);
    assert_string_equal(value_gets(box->teardown[0].set, "lid_color").p, "red");
    assert_string_equal(box->teardown[0].count->call.op->wire.name.p, "ListThings");
    assert_true(str_eqz(box->teardown[0].count_as, "things") && str_eqz(box->teardown[0].bytes, "Size"));
    assert_true(str_eqz(box->teardown[0].refused.items[0].message, "still"));
    assert_int_equal(box->leaf_count, 1);
    assert_true(str_eqz(box->leaves[0].type, "aws.logs.log_group") && box->leaves[0].kept);
    spec_free(service);
}

static void test_mistakes_in_a_teardown(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    assert_null(load(TYPE "    create: {call: CreateBox}\n    delete: {call: DeleteBox}\n"
                          "    teardown:\n"
                          "      force_all: {set: {name: a}, message: x}\n"
                          "      force_empty: {set: {colour: a}}\n"
                          "      force_secrets: {message: x, count: {call: ListThings, at: \"Things[]\"}}\n"
                          "    leaves: [{type: aws.logs.log_group}]\n",
        &diags));
    static const char *const expected[] = {"no teardown flag is called \"force_all\"", "colour",
        "a teardown needs \"message\"", "a teardown needs \"set\"", "a count needs \"as\"",
        "what is left needs \"type\" and \"match\""};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool reported = false;
        for (size_t k = 0; k < diags.n; k++)
            reported |= str_find(diags.items[k].message, str_z(expected[i]), 0) >= 0;
        if (!reported)
            fail_msg("not told: %s", expected[i]);
    }
}

static void test_mistakes_in_a_run(void **state)
{
    (void)state;
    static const struct mistake cases[] = {
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    run: {start: {call: C}}\n",
            "run needs \"attributes\", a map"},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    run: {attributes: {run_status: string}}\n",
            "a run needs the attribute \"run_id\""},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    run: {attributes: {run_id: string}, start: "
              "{call: "
              "C}}\n",
            "run needs \"succeeded\", the state of a run that ended well"},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    run: {attributes: {run_id: integer}}\n",
            "run_id has to be a string"},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    run: {attributes: {run_ended: string}}\n",
            "run_ended has to be a timestamp, or an integer (milliseconds)"},
        {TYPE "    create: {call: A}\n    delete: {call: B}\n    run: {attributes: {lid_color: string}}\n",
            "the type itself has an attribute \"lid_color\""},
        {RUN(""), "run needs \"start\""},
        {RUN("      begin: {call: C}\n"), "run has no key \"begin\""},
        {RUN("      start: {call: C, send: {Name: nom}}\n"), "the type has no attribute \"nom\""},
        {RUN("      start: {call: C, send: {Name: name}, answers: {run_di: Id}}\n"),
            "the type has no attribute \"run_di\""},
        {RUN("      start: C\n      failed: {run_state: X}\n"), "the type has no attribute \"run_state\""},
        {RUN("      start: C\n      arguments: {to: run_list}\n"),
            "arguments have \"as\": map, json, flags or list"},
        {RUN("      start: C\n      arguments: {as: list}\n"), "arguments needs \"to\", an attribute"},
        {RUN("      start: C\n      arguments: {as: map, to: run_list}\n"),
            "arguments as map go to an attribute that is a map"},
        {RUN("      start: C\n      options: {lid_color: {}}\n"),
            "options are attributes of the run, which begin with run_"},
        {RUN("      start: C\n      options: {run_list: {from: b}}\n"),
            "an option has no key \"from\"; it may have: resource required"},
        {RUN("      start: C\n      logs: [{stream: a}]\n"), "a log needs \"group\""},
        {RUN("      start: C\n      logs: [{group: a, stream: b, prefix: c}]\n"),
            "a log has \"stream\" or \"prefix\", not both"},
        {RUN("      start: C\n      logs: [{group: \"/boxes/${nom}\"}]\n"),
            "the type has no attribute \"nom\""},
        {RUN("      start: C\n      rows: {call: D, at: \"Rows[]\"}\n"),
            "rows needs \"cells\", \"cell\" and \"columns\""},
        {RUN("      start: C\n      blocked: {if: {run_id: a}}\n"), "blocked needs \"if\" and \"message\""},
        {RUN("      start: C\n      blocked: {if: {run_id: a}, message: \"${nom} is shut\"}\n"),
            "the type has no attribute \"nom\""},
        {RUN("      start: {call: C, answers_in: soon}\n"),
            "\"answers_in\" has to be a duration such as 10s or 40m"},
    };
    assert_messages(cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_nested_places),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_what_no_update_sends_is_replaced),
        cmocka_unit_test(test_unknown_attribute),
        cmocka_unit_test(test_other_mistakes),
        cmocka_unit_test(test_mistakes_for_the_sandbox),
        cmocka_unit_test(test_values_for_templates_alone),
        cmocka_unit_test(test_mistakes_in_a_run),
        cmocka_unit_test(test_teardown),
        cmocka_unit_test(test_places_in_a_spec_that_is_read_later),
        cmocka_unit_test(test_mistakes_in_a_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
