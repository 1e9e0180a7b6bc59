/*
 * The text of plans made by hand.
 */
#include "cmd/output/render.h"

#include "base/json.h"
#include "cmd/output/events.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int stop(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}

static const struct type string_type = {.kind = TYPE_STRING}, policy_type = {.kind = TYPE_POLICY},
                         set_type = {.kind = TYPE_SET, .elem = &string_type};
static const struct attr user_fields[] = {
    {.name = STR_INIT("login"), .type = &string_type, .settable = true},
    {.name = STR_INIT("password"), .type = &string_type, .settable = true, .sensitive = true},
};
static const struct type user_type = {.kind = TYPE_OBJECT, .fields = user_fields, .field_count = 2};

static void check_change(const struct type *type, const char *before, const char *after, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct render_change change = {
        .name = STR("a"), .type = type, .before = json(before), .after = json(after), .name_width = 1};
    render_change(&change, &(struct render_options){0}, &out);
    assert_string_equal(out.p, expected);
}

static void scalars(void **state)
{
    (void)state;
    check_change(NULL, NULL, "\"x\"", "+ a: \"x\"\n");
    check_change(NULL, "1", NULL, "- a: 1\n");
    check_change(NULL, "1", "2.5", "~ a: 1 -> 2.5\n");
    check_change(NULL, "true", "null", "~ a: true -> null\n");
    check_change(NULL, "\"\\u001b[31m\"", "\"\"", "~ a: \"\\u001b[31m\" -> \"\"\n");
    check_change(NULL, "0.1", "1e300", "~ a: 0.1 -> 1e+300\n");
}

static void long_scalars_stand_on_two_lines(void **state)
{
    (void)state;
    check_change(NULL,
        "\"arn:aws:states:us-east-1:123456789012:stateMachine:nightly-retail-batch-development\"",
        "\"arn:aws:states:us-east-1:123456789012:stateMachine:nightly\"",
        "~ a: \"arn:aws:states:us-east-1:123456789012:stateMachine:nightly-retail-batch-development\"\n"
        "    -> \"arn:aws:states:us-east-1:123456789012:stateMachine:nightly\"\n");
}

static void short_collections_stay_on_the_line(void **state)
{
    (void)state;
    check_change(NULL, NULL, "[1, \"two\", {\"k\": null}]", "+ a: [1, \"two\", {k: null}]\n");
    check_change(NULL, NULL, "{\"with blank\": {}, \"plain\": []}", "+ a: {plain: [], \"with blank\": {}}\n");
}

static void long_collections_are_blocks(void **state)
{
    (void)state;
    check_change(NULL, NULL,
        "{\"long_name\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"b\": "
        "[\"cccccccccccccccccccccccccccccccc\"]}",
        "+ a: {\n"
        "      b:         [\"cccccccccccccccccccccccccccccccc\"]\n"
        "      long_name: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"
        "  }\n");
}

static void maps_are_compared_by_key(void **state)
{
    (void)state;
    check_change(NULL, "{\"env\": \"dev\", \"old\": 1, \"team\": \"data\"}",
        "{\"env\": \"prod\", \"new\": 2, \"team\": \"data\"}",
        "~ a: {\n"
        "    ~ env:  \"dev\" -> \"prod\"\n"
        "    + new:  2\n"
        "    - old:  1\n"
        "      # 1 unchanged\n"
        "  }\n");
}

static void lists_are_compared_by_item(void **state)
{
    (void)state;
    check_change(NULL, "[1, 2, 3, 4]", "[1, 3, 4, 5]",
        "~ a: [\n"
        "    - 2\n"
        "    + 5\n"
        "      # 3 unchanged\n"
        "  ]\n");
    check_change(NULL, "[{\"id\": \"x\", \"days\": 1}, {\"id\": \"y\"}]",
        "[{\"id\": \"new\"}, {\"id\": \"x\", \"days\": 2}, {\"id\": \"y\"}]",
        "~ a: [\n"
        "    + {id: \"new\"}\n"
        "    ~ {\n"
        "        ~ days: 1 -> 2\n"
        "          id:   \"x\"\n"
        "      }\n"
        "      # 1 unchanged\n"
        "  ]\n");
}

static void sets_are_compared_by_membership(void **state)
{
    (void)state;
    check_change(&set_type, "[\"a\", \"b\", \"c\"]", "[\"c\", \"d\", \"a\"]",
        "~ a: [\n"
        "    - \"b\"\n"
        "    + \"d\"\n"
        "      # 2 unchanged\n"
        "  ]\n");
}

/* Not one that another already is; what has another value is another item. */
static void an_item_that_lost_a_field_is_the_same(void **state)
{
    (void)state;
    check_change(&set_type,
        "[{\"cidr\": \"a\", \"why\": \"x\"}, {\"cidr\": \"b\"}, {\"cidr\": \"b\", \"why\": \"y\"}, "
        "{\"cidr\": \"c\", \"port\": 1}]",
        "[{\"cidr\": \"a\"}, {\"cidr\": \"b\"}, {\"cidr\": \"b\", \"why\": \"y\"}, {\"cidr\": \"c\", "
        "\"port\": 2}]",
        "~ a: [\n"
        "    ~ {\n"
        "          cidr: \"a\"\n"
        "        - why:  \"x\"\n"
        "      }\n"
        "    - {cidr: \"c\", port: 1}\n"
        "    + {cidr: \"c\", port: 2}\n"
        "      # 2 unchanged\n"
        "  ]\n");
}

static void policies_are_compared_as_iam_does(void **state)
{
    (void)state;
    check_change(&policy_type,
        "\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\","
        "\\\"Action\\\":\\\"s3:GetObject\\\","
        "\\\"Resource\\\":[\\\"b\\\",\\\"a\\\"]}]}\"",
        "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": "
        "[\"s3:GetObject\"], "
        "\"Resource\": [\"a\", \"c\"]}]}",
        "~ a: {\n"
        "    ~ Statement: [\n"
        "        ~ {\n"
        "              Action:   [\"s3:GetObject\"]\n"
        "              Effect:   \"Allow\"\n"
        "            ~ Resource: [\n"
        "                  \"a\"\n"
        "                - \"b\"\n"
        "                + \"c\"\n"
        "              ]\n"
        "          }\n"
        "      ]\n"
        "      # 1 unchanged\n"
        "  }\n");
}

static void json_in_text_is_compared_as_json(void **state)
{
    (void)state;
    check_change(&string_type, "\"{\\\"a\\\": 1, \\\"b\\\": 2}\"", "\"{\\\"b\\\":3,\\\"a\\\":1}\"",
        "~ a: JSON {\n"
        "    ~ b: 2 -> 3\n"
        "      # 1 unchanged\n"
        "  }\n");
    check_change(&string_type, "\"{broken\"", "\"{\\\"b\\\":3}\"", "~ a: \"{broken\" -> \"{\\\"b\\\":3}\"\n");
}

static void texts_are_compared_by_line(void **state)
{
    (void)state;
    check_change(NULL, "\"1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n\"", "\"1\\n2\\n3\\n4\\n5\\nsix\\n7\\n8\\n\"",
        "~ a: |\n"
        "      # 3 unchanged\n"
        "      4\n"
        "      5\n"
        "    - 6\n"
        "    + six\n"
        "      7\n"
        "      8\n");
}

static void secrets_are_hidden_at_any_depth(void **state)
{
    (void)state;
    check_change(&user_type, "{\"login\": \"a\", \"password\": \"hunter2\"}",
        "{\"login\": \"b\", \"password\": \"hunter3\"}",
        "~ a: {\n"
        "    ~ login:    \"a\" -> \"b\"\n"
        "    ~ password: (sensitive) -> (sensitive)\n"
        "  }\n");
    check_change(&user_type, NULL, "{\"login\": \"a\", \"password\": \"hunter2\"}",
        "+ a: {login: \"a\", password: (sensitive)}\n");

    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *secret = value_mark(&arena, json("\"hunter2\""), VALUE_SENSITIVE);
    const struct value *list = value_list(&arena, &secret, 1);
    render_value(list, 0, &(struct render_options){0}, &out);
    assert_string_equal(out.p, "[(sensitive)]\n");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT, out = BUF_INIT;
    for (int i = 0; i < 60; i++)
        buf_addf(&text, "line %d\n", i);
    const struct value *v = value_string(&arena, buf_str(&text));
    render_value(v, 0, &(struct render_options){0}, &out);
    assert_non_null(strstr(out.p, "line 39\n    # 20 more lines\n"));
    assert_null(strstr(out.p, "line 40"));
    buf_clear(&out);
    render_value(v, 0, &(struct render_options){.everything = true}, &out);
    assert_non_null(strstr(out.p, "line 59\n"));
}

/* ---- whole plans ---- */

static const struct attr name_attr = {.name = STR_INIT("name"),
                             .type = &string_type,
                             .settable = true,
                             .replace = true},
                         arn_attr = {.name = STR_INIT("arn"), .type = &string_type, .computed = true},
                         etag_attr = {.name = STR_INIT("etag"), .type = &string_type, .computed = true},
                         secret_attr = {.name = STR_INIT("token"), .type = &string_type, .sensitive = true};

static struct attr_change attr_change(
    const struct attr *attr, const char *before, const struct value *after, bool replaces)
{
    return (struct attr_change){
        .name = attr->name, .attr = attr, .before = json(before), .after = after, .replaces = replaces};
}

static struct change **each_of(struct change *changes, size_t n)
{
    struct change **each = ARENA_ARRAY(&arena, struct change *, n);
    for (size_t i = 0; i < n; i++)
        each[i] = &changes[i];
    return each;
}

static struct plan *sample(void)
{
    static struct plan plan;
    static struct change changes[6];
    static struct attr_change create[4], replace[1], drift[1];
    static struct output_change outputs[1];
    create[0] = attr_change(&name_attr, NULL, json("\"lake\""), false);
    create[1] = attr_change(&arn_attr, NULL, &value_unknown, false);
    create[3] = attr_change(&etag_attr, NULL, &value_unknown, false);
    create[2] = attr_change(&secret_attr, NULL, json("\"hunter2\""), false);
    replace[0] = attr_change(&name_attr, "\"old\"", json("\"new\""), true);
    drift[0] = attr_change(&name_attr, "\"was\"", json("\"is\""), false);
    changes[0] = (struct change){.subject.address = STR("db"),
        .subject.type = STR("aws.rds.instance"),
        .decision.action = ACTION_REPLACE,
        .attrs = replace,
        .attr_count = 1,
        .reason = STR("")};
    changes[1] = (struct change){.subject.address = STR("gone"),
        .subject.type = STR("aws.glue.job"),
        .decision.action = ACTION_CREATE,
        .deleted = true};
    changes[2] = (struct change){.subject.address = STR("lake"),
        .subject.type = STR("aws.s3.bucket"),
        .decision.action = ACTION_CREATE,
        .attrs = create,
        .attr_count = 4};
    changes[3] = (struct change){.subject.address = STR("old"),
        .subject.type = STR("aws.iam.role"),
        .decision.action = ACTION_DELETE,
        .reason = STR("removed from the configuration")};
    changes[4] = (struct change){.subject.address = STR("same"),
        .subject.type = STR("aws.iam.role"),
        .decision.action = ACTION_NOOP,
        .drift = drift,
        .drift_count = 1};
    changes[5] = (struct change){.subject.address = STR("to"),
        .subject.type = STR("aws.iam.role"),
        .decision.action = ACTION_NOOP,
        .moved_from = STR("from")};
    outputs[0] =
        (struct output_change){.name = STR("url"), .before = json("\"s3://a\""), .after = json("\"s3://b\"")};
    plan = (struct plan){.changes = each_of(changes, 6),
        .change_count = 6,
        .outputs = outputs,
        .output_count = 1,
        .resource_count = 5,
        .refreshed = true,
        .refresh_count = 4,
        .refresh_requests = 4,
        .refresh_ms = 940,
        .drifted = true};
    plan.counts[ACTION_CREATE] = 2;
    plan.counts[ACTION_REPLACE] = 1;
    plan.counts[ACTION_DELETE] = 1;
    plan.counts[ACTION_NOOP] = 2;
    return &plan;
}

static void a_plan(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    render_plan(sample(), &(struct render_options){0}, &out);
    assert_string_equal(out.p, "Changed outside weir since the last apply:\n"
                               "\n"
                               "  - deleted gone  aws.glue.job\n"
                               "\n"
                               "  ~ changed same  aws.iam.role\n"
                               "      ~ name: \"was\" -> \"is\"\n"
                               "\n"
                               "weir would:\n"
                               "\n"
                               "-/+ replace db  aws.rds.instance  # delete, then create\n"
                               "      ~ name: \"old\" -> \"new\"  # forces replacement\n"
                               "\n"
                               "  + create  gone  aws.glue.job\n"
                               "\n"
                               "  + create  lake  aws.s3.bucket\n"
                               "      + name:  \"lake\"\n"
                               "      + token: (sensitive)\n"
                               "      + (known after apply): arn, etag\n"
                               "\n"
                               "  - delete  old  aws.iam.role  # removed from the configuration\n"
                               " ~> move    to  aws.iam.role  # moved from from\n"
                               "\n"
                               "Outputs:\n"
                               "  ~ url: \"s3://a\" -> \"s3://b\"\n"
                               "\n"
                               "Plan: 2 to create, 0 to update, 1 to replace, 1 to delete.\n"
                               "Refreshed 4 resources with 4 requests in 0.9 s.\n");
}

/* ---- the compact form ---- */

static void check_brief(const struct type *type, const char *value, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct render_change change = {
        .name = STR("a"), .type = type, .after = json(value), .name_width = 1, .brief = true};
    render_change(&change, &(struct render_options){0}, &out);
    assert_string_equal(out.p, expected);
}

static void long_values_take_one_line(void **state)
{
    (void)state;
    check_brief(NULL, "\"short\"", "+ a: \"short\"\n");
    check_brief(NULL, "\"\\n  one\\ntwo\\n\"", "+ a: \"  one...\" (3 lines, 11 bytes)\n");
    check_brief(NULL,
        "\"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "89\"",
        "+ a: \"01234567890123456789012345678901234567890123456789012345678901234567890...\" (100 bytes)\n");
    check_brief(NULL,
        "[\"0123456789012345678901234567890123456789\", \"0123456789012345678901234567890123456789\"]",
        "+ a: [\"0123456789012345678901234567890123456789\", \"01234567890123456789012345... (2 items)\n");
}

static void policies_are_reported_by_what_they_allow(void **state)
{
    (void)state;
    check_brief(&policy_type,
        "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"s3:GetObject\", \"s3:PutObject\"], "
        "\"Resource\": "
        "\"*\"}, {\"Effect\": \"Deny\", \"Action\": \"s3:*\", \"Principal\": \"*\"}]}",
        "+ a: Allow s3:GetObject, s3:PutObject on *; Deny s3:* for anybody\n");
    check_brief(&policy_type,
        "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": [\"a:1\", \"a:2\", \"a:3\", \"a:4\", \"a:5\"], "
        "\"Condition\": {\"StringEquals\": {\"x\": \"y\"}}}}",
        "+ a: Allow a:1, a:2, a:3 and 2 more under conditions\n");
    check_brief(&policy_type,
        "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\", "
        "\"Principal\": {\"Service\": [\"a.amazonaws.com\", \"b.amazonaws.com\"], \"AWS\": \"1\"}}]}",
        "+ a: Allow sts:AssumeRole for 1, a.amazonaws.com, b.amazonaws.com\n");
    check_brief(&policy_type,
        "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": [\"a\", \"b\", \"c\", "
        "\"d\"]}]}",
        "+ a: Allow s3:* on a, b, c and 1 more\n");
    check_brief(&policy_type, "{\"no\": \"policy\"}", "+ a: {no: \"policy\"}\n");
}

static const struct type object_type = {.kind = TYPE_MAP, .elem = &string_type};

/* Many instances of one declaration, in two modules, beside a deletion. */
static struct plan *many(size_t n)
{
    static struct plan plan;
    static const struct attr page[] = {/* in this order, as a type has them */
        {.name = STR_INIT("name"), .type = &string_type, .settable = true},
        {.name = STR_INIT("key"), .type = &string_type, .settable = true},
        {.name = STR_INIT("options"), .type = &object_type, .settable = true}};
    struct change *changes = ARENA_ARRAY(&arena, struct change, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct attr_change *attrs = ARENA_ARRAY(&arena, struct attr_change, 3);
        attrs[0] = attr_change(&page[0], NULL, json("\"lake\""), false);
        attrs[1] = attr_change(&page[1], NULL, value_string(&arena, arena_printf(&arena, "k%zu", i)), false);
        attrs[2] =
            attr_change(&page[2], NULL, json("{\"--job-language\": \"python\", \"- x\": \"+ y\"}"), false);
        changes[i] = (struct change){.subject.address = arena_printf(&arena, "files/it[\"%05zu\"]", i),
            .subject.type = STR("aws.s3.object"),
            .decision.action = ACTION_CREATE,
            .attrs = attrs,
            .attr_count = i == 4 ? 2 : 3};
    }
    changes[n] = (struct change){.subject.address = STR("old"),
        .subject.type = STR("aws.iam.role"),
        .decision.action = ACTION_DELETE,
        .reason = STR("removed from the configuration")};
    plan = (struct plan){.changes = each_of(changes, n + 1), .change_count = n + 1, .resource_count = n};
    plan.counts[ACTION_CREATE] = n;
    plan.counts[ACTION_DELETE] = 1;
    return &plan;
}

static void like_instances_are_reported_by_what_differs(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    render_plan(many(7), &(struct render_options){.compact = true}, &out);
    assert_string_equal(out.p,
        "The stack itself:\n"
        "\n"
        "  - delete  old  aws.iam.role  # removed from the configuration\n"
        "\n"
        "Module files:\n"
        "\n"
        "  + create  files/it[\"00000\"]  aws.s3.object\n"
        "      + name:    \"lake\"\n"
        "      + key:     \"k0\"\n"
        "      + options: {\"- x\": \"+ y\", --job-language: \"python\"}\n"
        "\n"
        "  + create  files/it[\"00001\"]  aws.s3.object  # otherwise like the first\n"
        "      + key: \"k1\"\n"
        "\n"
        "  + create  files/it[\"00002\"]  aws.s3.object  # otherwise like the first\n"
        "      + key: \"k2\"\n"
        "\n"
        "  + create  files/it[\"00003\"]  aws.s3.object  # like the first but for key\n"
        "  + create  files/it[\"00004\"]  aws.s3.object  # like the first but for key, without options\n"
        "  + create  files/it[\"00005\"]  aws.s3.object  # like the first but for key\n"
        "  + create  files/it[\"00006\"]  aws.s3.object  # like the first but for key\n"
        "\n"
        "By type:\n"
        "  aws.s3.object  7 to create\n"
        "  aws.iam.role   1 to delete\n"
        "\n"
        "Plan: 7 to create, 0 to update, 0 to replace, 1 to delete.\n");
}

struct flushed {
    struct buf text;
    size_t largest;
};

static void keep_flushed(void *ctx, struct buf *out)
{
    struct flushed *flushed = ctx;
    buf_add_str(&flushed->text, buf_str(out));
    flushed->largest = out->n > flushed->largest ? out->n : flushed->largest;
    buf_clear(out);
}

static void a_large_plan_comes_in_pieces(void **state)
{
    (void)state;
    AUTO_BUF struct buf whole = BUF_INIT, last = BUF_INIT;
    struct flushed flushed = {.text = BUF_INIT};
    struct plan *plan = many(4000);
    render_plan(plan, &(struct render_options){.compact = true}, &whole);
    render_plan(
        plan, &(struct render_options){.compact = true, .flush = keep_flushed, .flush_ctx = &flushed}, &last);
    assert_in_range(flushed.largest, 1, whole.n / 2);
    buf_add_str(&flushed.text, buf_str(&last));
    assert_string_equal(flushed.text.p, whole.p);
    buf_release(&flushed.text);
}

/* ---- Markdown ---- */

static void only_signs_are_coloured(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    struct plan *plan = many(1);
    plan->changes[0]->attrs[2].after =
        json("{\"--job-bookmark-option\": \"job-bookmark-enable-xxxxxxxxxxxxxxxxx\", "
             "\"- list\": \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}");
    plan->changes[0]->attrs[2].before = json("{\"--job-bookmark-option\": \"no\"}");
    plan->changes[0]->decision.action = ACTION_UPDATE;
    render_markdown(plan, STR("films"), STR(""), MARKDOWN_MAX, &out);
    struct str rest = buf_str(&out), line;
    while (rest.p) {
        line = str_cut(rest, '\n', &rest);
        if (str_starts(line, STR("-")))
            assert_true(str_starts(line, STR("-    delete")));
        assert_true(str_find_char(line, RENDER_MARK, 0) < 0);
    }
    assert_non_null(strstr(out.p, "\n!"));
    assert_non_null(strstr(out.p, "\n+"));
    assert_null(strstr(out.p, "\n+  +"));
    plan->changes[0]->decision.action = ACTION_REPLACE;
    AUTO_BUF struct buf replaced = BUF_INIT;
    render_markdown(plan, STR("films"), STR(""), MARKDOWN_MAX, &replaced);
    assert_non_null(strstr(replaced.p, "\n-/+ replace "));
}

static void a_comment_is_long_enough(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    render_markdown(many(2000), STR("films"), STR("prod"), MARKDOWN_MAX, &out);
    assert_true(out.n > 40000 && out.n <= 65536);
    struct str text = buf_str(&out);
    assert_true(
        str_starts(text, STR("### weir plan: films (prod)\n\n**2000** to create, **1** to delete.\n")));
    ptrdiff_t first = str_find(text, STR("| delete | `old`"), 0), then = str_find(text, STR("| create |"), 0);
    assert_true(first > 0 && first < then);
    assert_non_null(strstr(out.p, " more | | |\n"));
    assert_non_null(strstr(out.p, "; the others do not fit into a comment)\n````\n\n</details>\n"));
}

static void a_plan_as_events(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    event_plan(&out, sample(), "plan", false);
    assert_null(strstr(out.p, "hunter2"));
    struct str rest = buf_str(&out), line = str_cut(rest, '\n', &rest);
    size_t n = 0;
    for (; line.n; line = str_cut(rest, '\n', &rest), n++) {
        const struct value *v = NULL;
        assert_int_equal(json_parse(&arena, line, &v, NULL), 0);
        assert_true(value_gets(v, "event").n > 0);
    }
    assert_int_equal(n, 2 + 5 + 1 + 1);
    assert_non_null(strstr(out.p, "{\"event\":\"drift\",\"address\":\"gone\",\"type\":\"aws.glue.job\","
                                  "\"deleted\":true,\"attrs\":[]}\n"));
    assert_non_null(strstr(out.p, "\"attrs\":[{\"name\":\"name\",\"after\":\"lake\"},{\"name\":\"arn\","
                                  "\"after\":\"(known after apply)\",\"unknown\":true},"
                                  "{\"name\":\"token\",\"after\":\"(sensitive)\",\"sensitive\":true},"));
    assert_non_null(strstr(out.p, "{\"event\":\"summary\",\"command\":\"plan\",\"create\":2,\"update\":0,"
                                  "\"replace\":1,\"delete\":1,\"read\":0,\"adopt\":0,"
                                  "\"forget\":0,\"noop\":2,\"resources\":5,\"outputs\":1,\"drifted\":true,"
                                  "\"refresh_requests\":4,\"refresh_ms\":940}\n"));
}

static void nothing_to_do(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    struct plan plan = {.resource_count = 300};
    render_plan(&plan, &(struct render_options){0}, &out);
    assert_string_equal(out.p, "No changes: 300 resources are as configured.\n");
    buf_clear(&out);
    plan.untargeted_count = 299;
    render_plan(&plan, &(struct render_options){0}, &out);
    assert_string_equal(out.p, "No changes: 1 resource is as configured; 299 others were left out.\n");
    buf_clear(&out);
    plan.destroy = true;
    render_plan(&plan, &(struct render_options){0}, &out);
    assert_string_equal(out.p, "No changes: nothing is left to destroy.\n");
}

static void what_was_not_looked_at_is_not_called_unchanged(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    const struct unread unread[] = {{STR_INIT("a"), STR_INIT("no way")},
        {STR_INIT("b[\"x\"]"), STR_INIT("no way")}, {STR_INIT("c"), STR_INIT("silence")}};
    struct plan plan = {.resource_count = 5, .refreshed = true, .unread = unread, .unread_count = 3};
    render_plan(&plan, &(struct render_options){0}, &out);
    assert_string_equal(out.p,
        "No changes where weir could read: 2 resources are as configured.\n"
        "2 recorded resources could not be read and count as recorded: no way:\n  a\n  b[\"x\"]\n"
        "1 recorded resource could not be read and counts as recorded: silence:\n  c\n");
    buf_clear(&out);
    render_drift(&plan, &(struct render_options){0}, &out);
    assert_non_null(strstr(out.p, "No drift where weir could read.\n2 recorded"));
    buf_clear(&out);
    render_markdown(&plan, STR("s"), STR_EMPTY, MARKDOWN_MAX, &out);
    assert_string_equal(out.p,
        "### weir plan: s\n\nNo changes where weir could read.\n\n"
        "> **2** recorded resources could not be read and count as recorded: no way: `a`, "
        "`b[\"x\"]`.\n\n"
        "> **1** recorded resource could not be read and counts as recorded: silence: `c`.\n");
    buf_clear(&out);
    event_drift(&out, &plan);
    assert_non_null(strstr(out.p, "{\"event\":\"unread\",\"address\":\"c\",\"why\":\"silence\"}\n"));
    assert_non_null(strstr(out.p, ",\"unread\":3}\n"));
}

static void colours_go_around_the_same_text(void **state)
{
    (void)state;
    AUTO_BUF struct buf plain = BUF_INIT, coloured = BUF_INIT, stripped = BUF_INIT;
    render_plan(sample(), &(struct render_options){0}, &plain);
    render_plan(sample(), &(struct render_options){.color = true}, &coloured);
    assert_true(coloured.n > plain.n);
    for (size_t i = 0; i < coloured.n; i++) {
        if (coloured.p[i] == '\033')
            while (coloured.p[i] != 'm')
                i++;
        else
            buf_add_char(&stripped, coloured.p[i]);
    }
    assert_string_equal(stripped.p, plain.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(long_scalars_stand_on_two_lines),
        cmocka_unit_test(short_collections_stay_on_the_line),
        cmocka_unit_test(long_collections_are_blocks),
        cmocka_unit_test(maps_are_compared_by_key),
        cmocka_unit_test(lists_are_compared_by_item),
        cmocka_unit_test(sets_are_compared_by_membership),
        cmocka_unit_test(an_item_that_lost_a_field_is_the_same),
        cmocka_unit_test(policies_are_compared_as_iam_does),
        cmocka_unit_test(json_in_text_is_compared_as_json),
        cmocka_unit_test(texts_are_compared_by_line),
        cmocka_unit_test(secrets_are_hidden_at_any_depth),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(a_plan),
        cmocka_unit_test(long_values_take_one_line),
        cmocka_unit_test(policies_are_reported_by_what_they_allow),
        cmocka_unit_test(like_instances_are_reported_by_what_differs),
        cmocka_unit_test(only_signs_are_coloured),
        cmocka_unit_test(a_comment_is_long_enough),
        cmocka_unit_test(a_plan_as_events),
        cmocka_unit_test(a_large_plan_comes_in_pieces),
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(what_was_not_looked_at_is_not_called_unchanged),
        cmocka_unit_test(colours_go_around_the_same_text),
    };
    return cmocka_run_group_tests(tests, NULL, stop);
}
