#include "provider/sandbox/jobs/events.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/sandbox/jobs/asl_internal.h"
#include "provider/sandbox/jobs/event_pattern.h"
#include "provider/sandbox/jobs/targets.h"

enum { MAX_ENTRIES = 10, MAX_EVENT = 262144 };

const struct value *event_value(struct arena *arena, const struct event *event)
{
    struct value_entry entries[] = {
        {STR("version"), value_stringz(arena, "0")},
        {STR("id"), value_string(arena, event->id)},
        {STR("detail-type"), value_string(arena, event->detail_type)},
        {STR("source"), value_string(arena, event->source)},
        {STR("account"), value_string(arena, event->account)},
        {STR("time"), value_string(arena, time_rfc3339(arena, event->time_ms, false))},
        {STR("region"), value_string(arena, event->region)},
        {STR("resources"), event->resources ? event->resources : &value_empty_list},
        {STR("detail"), event->detail ? event->detail : &value_empty_map},
    };
    return value_map(arena, entries, sizeof entries / sizeof *entries);
}

/* ---- what a target gets ---- */

static struct str text_of(const struct value *map, const char *key)
{
    return value_text(value_getz(map, key), STR_EMPTY);
}

/* What <name> in a template stands for; NULL: nothing, then it is left out. */
static const struct value *variable(struct arena *arena, const struct control_record *rule,
    const struct value *paths, struct str name, const struct value *event)
{
    const char *why;
    if (str_eqz(name, "aws.events.rule-arn"))
        return value_getz(rule->attrs, "arn");
    if (str_eqz(name, "aws.events.rule-name"))
        return value_getz(rule->attrs, "name");
    if (str_eqz(name, "aws.events.event.ingestion-time"))
        return value_getz(event, "time");
    if (str_eqz(name, "aws.events.event.json"))
        return event;
    if (str_eqz(name, "aws.events.event"))
        return value_with(arena, event, STR("detail"), NULL);
    struct str path = value_text(value_get(paths, name), STR_EMPTY);
    return path.n ? asl_path_find(arena, path, event, NULL, &why) : NULL;
}

/* In quotes a text stands as it is, elsewhere with quotes of its own. */
static void add_variable(struct buf *out, const struct value *v, bool quoted)
{
    AUTO_BUF struct buf json = BUF_INIT;
    json_write(&json, v, JSON_PLAIN);
    struct str text = buf_str(&json);
    bool strip = quoted && v->kind == VALUE_STRING;
    buf_add_str(out, strip ? str_slice(text, 1, text.n - 1) : text);
}

static struct str transformed(struct arena *arena, const struct control_record *rule,
    const struct value *transformer, const struct value *event)
{
    struct str template = text_of(transformer, "input_template");
    const struct value *paths = value_getz(transformer, "input_paths_map");
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false;
    for (size_t i = 0; i < template.n; i++) {
        char c = template.p[i];
        ptrdiff_t end = c == '<' ? str_find_char(template, '>', i) : -1;
        if (end > 0) {
            const struct value *v =
                variable(arena, rule, paths, str_slice(template, i + 1, (size_t)end), event);
            if (v)
                add_variable(&out, v, quoted);
            i = (size_t)end;
            continue;
        }
        quoted = c == '"' && !(i && template.p[i - 1] == '\\') ? !quoted : quoted;
        buf_add_char(&out, c);
    }
    return arena_str(arena, buf_str(&out));
}

static struct str input_of(struct arena *arena, const struct control_record *rule, const struct value *target,
    const struct value *event)
{
    const struct value *input = value_getz(target, "input"),
                       *transformer = value_getz(target, "input_transformer");
    struct str path = text_of(target, "input_path");
    const char *why;
    if (!value_is_null(input))
        return input->kind == VALUE_STRING ? input->string : json_as_text(arena, input)->string;
    if (!value_is_null(transformer))
        return transformed(arena, rule, transformer, event);
    const struct value *part = path.n ? asl_path_find(arena, path, event, NULL, &why) : event;
    return part ? json_as_text(arena, part)->string : STR("{}");
}

void rule_fire(
    struct jobs *jobs, struct arena *arena, const struct control_record *rule, const struct value *event)
{
    const struct value *targets = value_getz(rule->attrs, "targets");
    for (uint32_t i = 0; targets && targets->kind == VALUE_MAP && i < targets->count; i++) {
        const struct value *of = targets->entries[i].value;
        const struct target target = {.region = rule->region,
            .arn = text_of(of, "arn"),
            .input = input_of(arena, rule, of, event),
            .message_group = text_of(of, "sqs_message_group_id"),
            .dead_letter_queue = text_of(of, "dead_letter_queue"),
            .source = text_of(event, "source"),
            .detail_type = text_of(event, "detail-type"),
            .by = arena_printf(arena, "rule %.*s", STR_ARG(text_of(rule->attrs, "name")))};
        target_deliver(jobs, &target);
    }
}

/* ---- PutEvents ---- */

static const struct value *refused(struct arena *arena, const char *code, const char *message)
{
    struct value_entry entries[] = {
        {STR("ErrorCode"), value_stringz(arena, code)}, {STR("ErrorMessage"), value_stringz(arena, message)}};
    return value_map(arena, entries, 2);
}

/* NULL with *why where it is none. */
static const struct value *read_entry(struct job_call *call, const struct value *entry, const char **why)
{
    const struct value *detail = NULL;
    struct err err = ERR_INIT;
    struct event event = {.id = uuid_random(call->arena),
        .source = text_of(entry, "Source"),
        .detail_type = text_of(entry, "DetailType"),
        .account = jobs_account(call->jobs),
        .region = call->region,
        .time_ms = clock_wall_ms(),
        .resources = value_getz(entry, "Resources")};
    int64_t given = job_int(entry, "Time", 0);
    if (given)
        event.time_ms = given * 1000;
    *why = !event.source.n ? "Parameter Source is not valid. Reason: Source is a required argument."
           : !event.detail_type.n
               ? "Parameter DetailType is not valid. Reason: DetailType is a required argument."
           : json_parse(call->arena, text_of(entry, "Detail"), &detail, &err) ? "Detail is malformed."
           : detail->kind != VALUE_MAP                                        ? "Detail is malformed."
                                                                              : NULL;
    event.detail = detail;
    return *why ? NULL : event_value(call->arena, &event);
}

/* The spec's rules all belong to the default bus. */
static bool is_default(struct str bus)
{
    return !bus.n || str_eqz(bus, "default") || str_ends(bus, STR(":event-bus/default"));
}

static void meet_rules(struct job_call *call, const struct value *event)
{
    size_t n;
    struct control_record *rules =
        control_list(jobs_control(call->jobs), call->arena, STR("aws.events.rule"), call->region, &n);
    for (size_t i = 0; i < n; i++)
        if (!str_eqz(text_of(rules[i].attrs, "state"), "DISABLED") &&
            event_matches(value_getz(rules[i].attrs, "event_pattern"), event))
            rule_fire(call->jobs, call->arena, &rules[i], event);
}

static int do_put(struct job_call *call, struct err *err)
{
    const struct value *entries = value_getz(call->input, "Entries");
    int64_t failed = 0;
    if (!entries || entries->kind != VALUE_LIST || !entries->count || entries->count > MAX_ENTRIES)
        return job_refuse(err, 400, "ValidationException", "PutEvents takes 1 to 10 entries");
    AUTO_BUILDER struct value_builder said = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < entries->count; i++) {
        const char *why;
        const struct value *event = read_entry(call, entries->items[i], &why);
        if (event) {
            struct value_entry id = {STR("EventId"), value_getz(event, "id")};
            if (is_default(text_of(entries->items[i], "EventBusName")))
                meet_rules(call, event);
            value_builder_add(&said, value_map(call->arena, &id, 1));
        } else {
            bool malformed = str_starts(str_z(why), STR("Detail"));
            value_builder_add(
                &said, refused(call->arena, malformed ? "MalformedDetail" : "InvalidArgument", why));
            failed++;
        }
    }
    struct value_entry output[] = {{STR("Entries"), value_builder_list(&said)},
        {STR("FailedEntryCount"), value_int(call->arena, failed)}};
    call->output = value_map(call->arena, output, 2);
    return 0;
}

static int do_test_pattern(struct job_call *call, struct err *err)
{
    const struct value *pattern, *event;
    struct err why = ERR_INIT;
    struct str pattern_text, event_text;
    if (job_required(call, "EventPattern", &pattern_text, err) ||
        job_required(call, "Event", &event_text, err))
        return -1;
    if (json_parse(call->arena, pattern_text, &pattern, &why))
        return job_refuse(
            err, 400, "InvalidEventPatternException", "Event pattern is not valid. Reason: %s", why.message);
    const char *wrong = event_pattern_wrong(call->arena, pattern);
    if (wrong)
        return job_refuse(
            err, 400, "InvalidEventPatternException", "Event pattern is not valid. Reason: %s", wrong);
    if (json_parse(call->arena, event_text, &event, &why))
        return job_refuse(
            err, 400, "ValidationException", "Parameter Event is not valid. Reason: %s", why.message);
    struct value_entry output = {STR("Result"), value_bool(event_matches(pattern, event))};
    call->output = value_map(call->arena, &output, 1);
    return 0;
}

const struct job_operation events_operations[] = {
    {"events", "PutEvents", do_put, NULL, NULL},
    {"events", "TestEventPattern", do_test_pattern, NULL, NULL},
    {0},
};
