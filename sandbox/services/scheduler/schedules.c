/* Fires schedules: see tables.h. */
#include "sandbox/services/shared/tables.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/events/events.h"
#include "sandbox/services/glue/glue.h"
#include "sandbox/services/shared/event_targets.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 250, SHORTEST_MS = 5 };

/* The timing of one rule or schedule. */
struct due {
    char *key;
    int64_t changed_ms, base_ms, next_ms; /* next_ms: on its own clock, which starts at base_ms */
    bool never, seen;
};

struct timer {
    struct services *services;
    double speed;
    int64_t start_ms;
    struct due *items;
    size_t n, cap;
};

/* Returns the schedule expression; Glue's triggers and crawlers have it in `schedule`. */
static struct str expression_of(const struct control_record *record)
{
    struct str text = value_gets(record->attrs, "schedule_expression");
    if (value_equal(value_getz(record->attrs, "unscheduled"), &value_true)) /* set by StopCrawlerSchedule */
        return STR_EMPTY;
    return text.n ? text : value_gets(record->attrs, "schedule");
}

/* Returns the time on the schedule's own clock. */
static int64_t now_of(const struct timer *timer, const struct due *due)
{
    return due->base_ms + int_within((double)(clock_wall_ms() - due->base_ms) * timer->speed);
}

/* ---- next occurrence ---- */

static int64_t date_of(const struct control_record *record, const char *attr)
{
    int64_t ms = 0;
    time_parse_rfc3339(value_gets(record->attrs, attr), &ms);
    return ms;
}

static void set_next(struct due *due, const struct control_record *record, int64_t after_ms)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct schedule_time time;
    struct str zone_name = value_gets(record->attrs, "schedule_expression_timezone");
    const struct zone *zone = zone_find(&arena, zone_name.n ? zone_name : STR("UTC"));
    due->never = !zone || schedule_parse(expression_of(record), &time);
    if (due->never)
        return;
    bool once = time.kind == SCHEDULE_AT; /* the service ignores both dates for at() */
    int64_t start = once ? 0 : date_of(record, "start_date"), end = once ? 0 : date_of(record, "end_date");
    int64_t base = start ? start : record->created_ms;
    if (start && after_ms < start)
        after_ms = start - 1;
    due->never = !schedule_next(&time, zone, base, after_ms, &due->next_ms) || (end && due->next_ms > end);
}

/* A new Scheduler schedule with a rate and no start date fires at once; a rule fires after its first
 * period. */
static bool begins_at_once(const struct timer *timer, const struct control_record *record, const char *kind)
{
    return str_eqz(str_z(kind), "aws.scheduler.schedule") && record->created_ms >= timer->start_ms &&
           record->revision <= 1 && !date_of(record, "start_date") &&
           str_starts(expression_of(record), STR("rate("));
}

static struct due *due_of(struct timer *timer, const struct control_record *record, const char *kind)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str key = arena_printf(&arena, "%s %.*s %.*s %.*s", kind, STR_ARG(record->region),
        STR_ARG(value_gets(record->attrs, "group_name")), STR_ARG(record->id));
    struct due *due = NULL;
    for (size_t i = 0; i < timer->n && !due; i++)
        if (str_eqz(key, timer->items[i].key))
            due = &timer->items[i];
    if (!due) {
        MEM_GROW(timer->items, timer->cap, timer->n + 1);
        due = &timer->items[timer->n++];
        *due = (struct due){.key = mem_strdup(key.p), .changed_ms = -1};
    }
    if (due->changed_ms != record->changed_ms) {
        due->changed_ms = record->changed_ms;
        due->base_ms = record->changed_ms > timer->start_ms ? record->changed_ms : timer->start_ms;
        bool at_once = begins_at_once(timer, record, kind);
        set_next(due, record, at_once ? record->created_ms - 1 : due->base_ms);
    }
    due->seen = true;
    return due;
}

/* ---- firing ---- */

static void fire_rule(
    struct timer *timer, struct arena *arena, const struct control_record *rule, int64_t at_ms)
{
    const struct value *resource = value_getz(rule->attrs, "arn");
    const struct bus_event event = {.id = uuid_random(arena),
        .source = STR("aws.events"),
        .detail_type = STR("Scheduled Event"),
        .account = services_account(timer->services),
        .region = rule->region,
        .time_ms = at_ms,
        .resources = resource ? value_list(arena, &resource, 1) : NULL};
    rule_fire(timer->services, arena, rule, event_value(arena, &event), STR_EMPTY, false);
}

static struct str schedules_replaced(struct arena *arena, struct str text, const char *name, struct str by)
{
    AUTO_BUF struct buf out = BUF_INIT;
    ptrdiff_t at;
    size_t from = 0;
    while ((at = str_find(text, str_z(name), from)) >= 0) {
        buf_add_str(&out, str_slice(text, from, (size_t)at));
        buf_add_str(&out, by);
        from = (size_t)at + strlen(name);
    }
    buf_add_str(&out, str_slice(text, from, text.n));
    return arena_str(arena, buf_str(&out));
}

/* Returns the target's input with Scheduler's placeholders filled in. */
static struct str schedule_input(struct arena *arena, const struct control_record *schedule, int64_t at_ms)
{
    const struct value *input = value_getz(value_getz(schedule->attrs, "target"), "input");
    AUTO_BUF struct buf json = BUF_INIT;
    if (value_is_null(input))
        return STR("{}");
    if (input->kind != VALUE_STRING)
        json_write(&json, input, JSON_PLAIN);
    struct str text = input->kind == VALUE_STRING ? input->string : buf_str(&json);
    text =
        schedules_replaced(arena, text, "<aws.scheduler.schedule-arn>", value_gets(schedule->attrs, "arn"));
    text =
        schedules_replaced(arena, text, "<aws.scheduler.scheduled-time>", time_rfc3339(arena, at_ms, false));
    text = schedules_replaced(arena, text, "<aws.scheduler.execution-id>", uuid_random(arena));
    return schedules_replaced(arena, text, "<aws.scheduler.attempt-number>", STR("1"));
}

static void fire_schedule(
    struct timer *timer, struct arena *arena, const struct control_record *schedule, int64_t at_ms)
{
    const struct value *of = value_getz(schedule->attrs, "target");
    const struct value *bus = value_getz(of, "event_bridge_parameters");
    struct str group = value_gets(schedule->attrs, "group_name");
    group = group.n ? group : STR("default");
    const struct target target = {.region = schedule->region,
        .arn = value_gets(of, "arn"),
        .input = schedule_input(arena, schedule, at_ms),
        .message_group = value_gets(of, "sqs_message_group_id"),
        .dead_letter_queue = value_gets(of, "dead_letter_queue"),
        .task = value_getz(of, "ecs"),
        .source = value_gets(bus, "source"),
        .detail_type = value_gets(bus, "detail_type"),
        .rule = value_gets(schedule->attrs, "arn"),
        .role = value_gets(of, "role"),
        .service = STR("scheduler.amazonaws.com"),
        .source_arn = arena_printf(arena, "arn:aws:scheduler:%.*s:%.*s:schedule-group/%.*s",
            STR_ARG(schedule->region), STR_ARG(services_account(timer->services)), STR_ARG(group)),
        .by = arena_printf(arena, "schedule %.*s", STR_ARG(schedule->id))};
    target_deliver(timer->services, &target);
}

static void start_glue(struct timer *timer, struct arena *arena, const char *operation, struct str name,
    const struct control_record *record, const char *what)
{
    const struct service_request request = {.service = STR("glue"),
        .operation = str_z(operation),
        .region = record->region,
        .input = value_with(arena, NULL, STR("Name"), value_string(arena, name))};
    const struct value *output;
    struct err err = ERR_INIT;
    if (services_call(timer->services, arena, &request, &output, &err))
        fprintf(stderr, "sandbox: %s %.*s: %s\n", what, STR_ARG(record->id), err.message);
}

static void fire_trigger(
    struct timer *timer, struct arena *arena, const struct control_record *trigger, int64_t at_ms UNUSED)
{
    struct str workflow = value_gets(trigger->attrs, "workflow");
    if (workflow.n)
        start_glue(timer, arena, "StartWorkflowRun", workflow, trigger, "trigger");
    else
        glue_fire(timer->services, arena, trigger, STR_EMPTY);
}

static void fire_crawler(
    struct timer *timer, struct arena *arena, const struct control_record *crawler, int64_t at_ms UNUSED)
{
    start_glue(timer, arena, "StartCrawler", crawler->id, crawler, "crawler");
}

/* Deletes a completed schedule with ActionAfterCompletion DELETE, by a request to the control plane. */
static void delete_schedule(struct timer *timer, struct arena *arena, const struct control_record *schedule)
{
    AUTO_BUF struct buf query = BUF_INIT;
    struct wire_message answer;
    buf_addz(&query, "groupName=");
    url_encode(&query, value_gets(schedule->attrs, "group_name"), false);
    const struct wire_message request = {.method = STR("DELETE"),
        .path = arena_printf(arena, "/schedules/%.*s", STR_ARG(schedule->id)),
        .query = arena_str(arena, buf_str(&query))};
    control_handle(services_control(timer->services), arena, STR("scheduler"), schedule->region, &request,
        STR("inside"), &answer);
}

/* ---- looking for due schedules ---- */

typedef void fire_fn(
    struct timer *timer, struct arena *arena, const struct control_record *record, int64_t at_ms);

static bool is_disabled(const struct control_record *record)
{
    struct str state = value_gets(record->attrs, "state");
    return str_eqz(state, "DISABLED") || str_eqz(state, "DEACTIVATED");
}

/* Fires what is due. Returns the wall-clock time in ms until the next occurrence. */
static int64_t schedules_look(struct timer *timer, struct arena *arena, const char *type, fire_fn *fire)
{
    size_t n;
    int64_t soonest = LOOK_MS;
    struct control_record *records =
        control_list(services_control(timer->services), arena, str_z(type), STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++) {
        if (!expression_of(&records[i]).n)
            continue;
        struct due *due = due_of(timer, &records[i], type);
        int64_t now = now_of(timer, due);
        if (!due->never && due->next_ms <= now) {
            if (!is_disabled(&records[i]))
                fire(timer, arena, &records[i], due->next_ms);
            set_next(due, &records[i], now);
            if (due->never && str_eqz(value_gets(records[i].attrs, "action_after_completion"), "DELETE"))
                delete_schedule(timer, arena, &records[i]);
        }
        int64_t left = due->never ? LOOK_MS : int_within((double)(due->next_ms - now) / timer->speed);
        soonest = left < soonest ? left : soonest;
    }
    return soonest;
}

static void forget_unseen(struct timer *timer)
{
    for (size_t i = timer->n; i-- > 0;) {
        if (!timer->items[i].seen) {
            free(timer->items[i].key);
            timer->items[i] = timer->items[--timer->n];
        }
    }
    for (size_t i = 0; i < timer->n; i++)
        timer->items[i].seen = false;
}

static void schedules_run(void *ctx)
{
    struct timer *timer = ctx;
    int64_t wait_ms = 0;
    while (services_sleep(timer->services, wait_ms)) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        int64_t rules = schedules_look(timer, &arena, "aws.events.rule", fire_rule);
        int64_t schedules = schedules_look(timer, &arena, "aws.scheduler.schedule", fire_schedule);
        int64_t triggers = schedules_look(timer, &arena, "aws.glue.trigger", fire_trigger);
        int64_t crawlers = schedules_look(timer, &arena, "aws.glue.crawler", fire_crawler);
        wait_ms = rules < schedules ? rules : schedules;
        wait_ms = triggers < wait_ms ? triggers : wait_ms;
        wait_ms = crawlers < wait_ms ? crawlers : wait_ms;
        wait_ms = wait_ms < SHORTEST_MS ? SHORTEST_MS : wait_ms;
        forget_unseen(timer);
    }
    for (size_t i = 0; i < timer->n; i++)
        free(timer->items[i].key);
    free(timer->items);
    free(timer);
}

void schedules_start(struct services *services)
{
    struct timer *timer = mem_zalloc(sizeof *timer);
    timer->services = services;
    timer->speed = sandbox_speed(services_sandbox(services));
    timer->start_ms = clock_wall_ms();
    if (services_thread(services, schedules_run, timer)) {
        fprintf(stderr, "sandbox: schedules do not fire: there is no thread for them\n");
        free(timer);
    }
}
