/* The table of languages: see notation.h. */
#include "provider/notation/notation.h"

#include "base/buf.h"
#include "provider/notation/asl_check.h"

#include <ctype.h>

struct telling {
    struct arena *arena;
    void (*tell)(void *ctx, const struct notation_issue *issue);
    void *ctx;
};

static void notation_tell(const struct telling *t, const char *message, bool doubt)
{
    t->tell(
        t->ctx, &(struct notation_issue){
                    .message = str_z(message), .path = &value_empty_list, .word = STR_EMPTY, .doubt = doubt});
}

/* ---- state machines ---- */

/* Adds the innermost state on the path, and the path within it. */
static void add_place(struct buf *out, const struct value *path)
{
    uint32_t from = 0;
    for (uint32_t i = 1; i < path->count; i++)
        if (str_eqz(value_text(path->items[i - 1], STR_EMPTY), "States") &&
            path->items[i]->kind == VALUE_STRING)
            from = i;
    if (from)
        buf_addf(out, "state \"%.*s\": ", STR_ARG(path->items[from]->string));
    for (uint32_t i = from ? from + 1 : 0; i < path->count; i++) {
        bool first = i == (from ? from + 1 : 0);
        if (path->items[i]->kind == VALUE_INT)
            buf_addf(out, "[%lld]", (long long)path->items[i]->integer);
        else
            buf_addf(out, "%s%.*s", first ? "" : ".", STR_ARG(value_text(path->items[i], STR_EMPTY)));
        if (i + 1 == path->count)
            buf_addz(out, ": ");
    }
}

/* The service's messages begin with a capital letter, and some end with a full stop. */
static void add_message(struct buf *out, struct str message)
{
    bool name = str_starts(message, STR("States.")) || str_starts(message, STR("Next "));
    bool lower = message.n > 1 && !name && (islower((unsigned char)message.p[1]) || message.p[1] == ' ');
    if (str_ends(message, STR(".")))
        message.n--;
    if (lower)
        buf_add_char(out, (char)tolower((unsigned char)message.p[0]));
    buf_add_str(out, str_slice(message, lower, message.n));
}

static struct str hint_of(const struct asl_diag *diag)
{
    static const struct {
        const char *begins, *hint;
    } hints[] = {
        {"State \"", "a Next, Default or Catch of another state leads to it, or it is taken out"},
        {"No state ends", "without one an execution goes round for ever"},
        {"Missing '", "it names a state of the same level: of this machine, branch or Map"},
        {"Duplicate", "a name is used once in the whole definition, branches and Maps included"},
        {"Exactly one of the fields 'Next'",
            "\"Next\": NAME goes on there, \"End\": true ends the machine, branch or Map"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (str_starts(diag->message, str_z(hints[i].begins)))
            return str_z(hints[i].hint);
    return STR_EMPTY;
}

static void check_states(const struct telling *t, const struct value *v)
{
    struct asl_diags diags = {.arena = t->arena};
    asl_validate(v, &diags);
    for (size_t i = 0; i < diags.n; i++) {
        const struct asl_diag *diag = &diags.items[i];
        AUTO_BUF struct buf text = BUF_INIT;
        bool named = str_starts(diag->message, STR("State \"")); /* the message contains the name */
        if (!named)
            add_place(&text, diag->path);
        add_message(&text, diag->message);
        t->tell(t->ctx, &(struct notation_issue){.message = buf_str(&text),
                            .path = diag->path,
                            .word = diag->word,
                            .names = diag->names,
                            .name_count = diag->name_count,
                            .hint = hint_of(diag)});
    }
    asl_diags_release(&diags);
}

/* ---- other languages ---- */

static void check_pattern(const struct telling *t, const struct value *v)
{
    const struct value *path;
    const char *why = event_pattern_wrong(t->arena, v, &path);
    if (!why)
        return;
    struct notation_issue issue = {.message = str_z(why), .path = path, .word = STR_EMPTY};
    if (str_starts(issue.message, STR("Unrecognized")))
        issue.word = value_text(path->items[path->count - 1], STR_EMPTY);
    issue.names = event_pattern_operators(&issue.name_count);
    t->tell(t->ctx, &issue);
}

/* An empty filter passes all messages. */
static void check_messages(const struct telling *t, const struct value *v)
{
    if (v->kind != VALUE_MAP || v->count)
        check_pattern(t, v);
}

static void check_log_filter(const struct telling *t, const struct value *v)
{
    struct log_filter filter;
    const char *why = log_filter_read(t->arena, value_text(v, STR_EMPTY), &filter);
    if (why)
        notation_tell(t, why, false);
}

static bool check_time(const struct telling *t, const struct value *v, struct schedule_time *time)
{
    const char *why = schedule_parse(value_text(v, STR_EMPTY), time);
    if (why)
        notation_tell(t, why, false);
    else if (schedule_is_never(time))
        notation_tell(t, "no month of it has such a day: it is never due", true);
    return !why;
}

static void check_schedule(const struct telling *t, const struct value *v)
{
    struct schedule_time time;
    check_time(t, v, &time);
}

static void check_rule_schedule(const struct telling *t, const struct value *v)
{
    struct schedule_time time;
    struct str text = value_text(v, STR_EMPTY);
    if (!str_starts(text, STR("cron(")) && !str_starts(text, STR("rate(")))
        notation_tell(t, "a schedule is rate(1 day) or cron(0 2 * * ? *)", false);
    else if (check_time(t, v, &time) && time.loose)
        notation_tell(t, "rate is of minutes, hours or days; of 1 minute, 1 hour or 1 day", false);
}

static void check_cron(const struct telling *t, const struct value *v)
{
    struct schedule_time time;
    if (check_time(t, v, &time) && time.kind != SCHEDULE_CRON)
        notation_tell(t, "a schedule is cron(0 2 * * ? *)", false);
}

static const struct language {
    const char *name, *subject;
    void (*check)(const struct telling *t, const struct value *v);
    bool json;
} languages[] = {
    {"states", "state machine", check_states, true},
    {"event-pattern", "event pattern", check_pattern, true},
    {"message-filter", "filter policy", check_messages, true},
    {"log-filter", "filter pattern", check_log_filter, false},
    {"schedule", "schedule", check_schedule, false},
    {"rule-schedule", "schedule", check_rule_schedule, false},
    {"cron", "schedule", check_cron, false},
};

static const struct language *language_of(struct str name)
{
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (str_eqz(name, languages[i].name))
            return &languages[i];
    return NULL;
}

bool notation_exists(struct str language)
{
    return language_of(language) != NULL;
}

const char *notation_subject(struct str language)
{
    return language_of(language)->subject;
}

bool notation_is_json(struct str language)
{
    return language_of(language)->json;
}

void notation_check(struct arena *arena, struct str language, const struct value *v,
    void (*tell_issue)(void *ctx, const struct notation_issue *issue), void *ctx)
{
    const struct telling t = {arena, tell_issue, ctx};
    if (v->kind != VALUE_UNKNOWN)
        language_of(language)->check(&t, v);
}
