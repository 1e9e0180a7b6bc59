/* --json: see events.h. Empty fields are omitted, except those that readers rely on. */
#include "cmd/output/events.h"

#include "base/json.h"
#include "cmd/output/render.h"

#include <inttypes.h>

static void field_texts(struct buf *out, const char *name, const struct str *texts, size_t n)
{
    buf_addf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        buf_addz(out, i ? "," : "");
        json_write_string(out, texts[i]);
    }
    buf_add_char(out, ']');
}

static void field_int(struct buf *out, const char *name, int64_t n)
{
    buf_addf(out, ",\"%s\":%" PRId64, name, n);
}

static void field_true(struct buf *out, const char *name, bool set)
{
    if (set)
        buf_addf(out, ",\"%s\":true", name);
}

static void events_begin(struct buf *out, const char *event)
{
    buf_addf(out, "{\"event\":\"%s\"", event);
}

static void events_end(struct buf *out)
{
    buf_addz(out, "}\n");
}

/* `hidden`: the attribute or output is sensitive although the value has no mark. */
static void field_value(struct buf *out, const char *name, const struct value *v, bool hidden)
{
    if (!v)
        return;
    buf_addf(out, ",\"%s\":", name);
    if (hidden)
        buf_addz(out, "\"(sensitive)\"");
    else
        json_write(out, v, JSON_REDACT | JSON_MARK_UNKNOWN);
}

static void events_marks(struct buf *out, const struct value *before, const struct value *after, bool hidden)
{
    field_true(out, "sensitive", hidden || value_is_sensitive(before) || value_is_sensitive(after));
    field_true(out, "unknown", !value_is_known(after));
}

static void attr_list(struct buf *out, const struct attr_change *attrs, size_t n)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    buf_addz(out, ",\"attrs\":[");
    for (size_t i = 0; i < n; i++) {
        const struct attr_change *a = &attrs[i];
        bool hidden = a->attr && a->attr->sensitive;
        buf_addz(out, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(out, a->name);
        field_value(out, "before", a->before, hidden);
        field_value(out, "after", a->after, hidden);
        events_marks(out, a->before, a->after, hidden);
        if (attr_change_names_open(a))
            field_value(out, "changed", render_names_changed(&scratch, a), false);
        field_true(out, "replaces", a->replaces);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void error_fields(struct buf *out, const struct err *err)
{
    json_write_member(out, "message", str_z(err->message));
    json_write_member_if_any(out, "hint", str_z(err->hint));
    json_write_member_if_any(out, "code", str_z(err->code));
    json_write_member_if_any(out, "request_id", str_z(err->request_id));
    if (err->http_status)
        field_int(out, "http_status", err->http_status);
}

void event_error(struct buf *out, const struct err *err)
{
    events_begin(out, "error");
    json_write_member(out, "class", str_z(err_class_name(err->class)));
    error_fields(out, err);
    field_int(out, "status", err_exit_status(err->class));
    events_end(out);
}

static void event_place(struct buf *out, struct span span)
{
    if (!span.source)
        return;
    span = span_complete(span);
    json_write_member(out, "file", span.source->path);
    if (!span.line)
        return;
    field_int(out, "line", span.line);
    field_int(out, "column", span.column);
}

static void event_diag(struct buf *out, const struct diag *d)
{
    events_begin(out, "diagnostic");
    json_write_member(out, "severity", d->severity == DIAG_ERROR ? STR("error") : STR("warning"));
    json_write_member(out, "message", d->message);
    event_place(out, d->span);
    json_write_member_if_any(out, "label", d->label);
    json_write_member_if_any(out, "hint", d->hint);
    if (d->related.source) {
        json_write_member(out, "related_file", d->related.source->path);
        field_int(out, "related_line", d->related.line);
    }
    events_end(out);
}

void event_diags(struct buf *out, struct diags *diags)
{
    /* sorts them by source location */
    struct buf text = BUF_INIT;
    diags_render(diags, false, &text);
    buf_release(&text);
    for (size_t i = 0; i < diags->n; i++)
        event_diag(out, &diags->items[i]);
}

static void event_drifted(struct buf *out, const struct change *c)
{
    events_begin(out, "drift");
    json_write_member(out, "address", c->subject.address);
    json_write_member(out, "type", c->subject.type);
    field_true(out, "deleted", c->deleted);
    attr_list(out, c->drift, c->drift_count);
    events_end(out);
}

static void event_change(struct buf *out, const struct change *c)
{
    events_begin(out, "change");
    json_write_member(out, "address", c->subject.address);
    json_write_member(out, "type", c->subject.type);
    json_write_member_if_any(out, "provider", c->subject.provider);
    json_write_member(out, "action", str_z(action_name(c->decision.action)));
    json_write_member_if_any(out, "reason", c->reason);
    json_write_member_if_any(out, "moved_from", c->moved_from);
    json_write_member_if_any(
        out, "import_id", c->decision.action == ACTION_ADOPT ? c->subject.id : STR_EMPTY);
    field_true(out, "create_before_destroy", c->decision.create_first);
    attr_list(out, c->attrs, c->attr_count);
    events_end(out);
}

static void event_data_loss(struct buf *out, const struct change *c)
{
    for (uint32_t i = 0; c->data_loss && i < c->data_loss->count; i++) {
        const struct value *loss = c->data_loss->items[i];
        events_begin(out, "data_loss");
        json_write_member(out, "address", c->subject.address);
        json_write_member(out, "type", c->subject.type);
        json_write_member_if_any(out, "flag", value_gets(loss, "flag"));
        json_write_member_if_any(out, "message", value_gets(loss, "message"));
        field_value(out, "counts", value_getz(loss, "counts"), false);
        json_write_member_if_any(out, "left_type", value_gets(loss, "type"));
        json_write_member_if_any(out, "left_id", value_gets(loss, "id"));
        field_true(out, "stops", value_getz(loss, "stops") != NULL);
        json_write_member_if_any(out, "lifts", value_gets(loss, "lifts"));
        json_write_member_if_any(out, "set", value_gets(loss, "set"));
        json_write_member_if_any(out, "instead", value_gets(loss, "instead"));
        field_true(out, "kept", value_getb(loss, "kept"));
        json_write_member_if_any(out, "error", value_gets(loss, "error"));
        events_end(out);
    }
}

static void event_output(struct buf *out, const struct output_change *o)
{
    events_begin(out, "output");
    json_write_member(out, "name", o->name);
    json_write_member(out, "action", !o->before ? STR("create") : o->after ? STR("update") : STR("delete"));
    field_value(out, "before", o->before, o->sensitive);
    field_value(out, "after", o->after, o->sensitive);
    events_marks(out, o->before, o->after, o->sensitive);
    events_end(out);
}

static void counts(struct buf *out, const size_t n[ACTION_COUNT])
{
    static const enum action order[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE,
        ACTION_READ, ACTION_ADOPT, ACTION_FORGET};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        field_int(out, action_name(order[i]), (int64_t)n[order[i]]);
}

static void event_summary(struct buf *out, const struct plan *plan, const char *command)
{
    events_begin(out, "summary");
    json_write_member(out, "command", str_z(command));
    size_t planned[ACTION_COUNT];
    for (int i = 0; i < ACTION_COUNT; i++)
        planned[i] = plan_count(plan, (enum action)i);
    counts(out, planned);
    field_int(out, "noop", (int64_t)plan->counts[ACTION_NOOP]);
    field_int(out, "resources", (int64_t)plan->resource_count);
    field_int(out, "outputs", (int64_t)plan->output_count);
    buf_addf(out, ",\"drifted\":%s", plan->drifted ? "true" : "false");
    if (plan->refreshed) {
        field_int(out, "refresh_requests", (int64_t)plan->refresh_requests);
        field_int(out, "refresh_ms", plan->refresh_ms);
    }
    if (plan->unread_count)
        field_int(out, "unread", (int64_t)plan->unread_count);
    events_end(out);
}

static void event_rule(struct buf *out, const struct rule_finding *f)
{
    events_begin(out, "rule");
    json_write_member(out, "rule", f->rule);
    json_write_member(out, "address", f->address);
    json_write_member_if_any(out, "type", f->type);
    json_write_member(out, "level", str_z(rule_level_name(f->level)));
    json_write_member(out, "outcome", str_z(finding_outcome_name(f->outcome)));
    if (f->unknown)
        buf_addz(out, ",\"unknown\":true");
    json_write_member_if_any(out, "message", f->message);
    json_write_member_if_any(out, "control", f->control);
    json_write_member_if_any(out, "link", f->link);
    json_write_member_if_any(out, "reason", f->reason);
    json_write_member_if_any(out, "until", f->until);
    event_place(out, f->span);
    events_end(out);
}

static void event_unread(struct buf *out, const struct unread *unread)
{
    events_begin(out, "unread");
    json_write_member(out, "address", unread->address);
    json_write_member(out, "why", unread->why);
    events_end(out);
}

/* Writes drift, and the resources whose drift is unknown. */
static void event_outside(struct buf *out, const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i]->deleted || plan->changes[i]->drift_count)
            event_drifted(out, plan->changes[i]);
    for (size_t i = 0; i < plan->unread_count; i++)
        event_unread(out, &plan->unread[i]);
}

static void event_unchanged(void *out, const struct subject *subject)
{
    events_begin(out, "change");
    json_write_member(out, "address", subject->address);
    json_write_member(out, "type", subject->type);
    json_write_member_if_any(out, "provider", subject->provider);
    json_write_member(out, "action", str_z(action_name(ACTION_NOOP)));
    events_end(out);
}

void event_plan(struct buf *out, const struct plan *plan, const char *command, bool all)
{
    event_outside(out, plan);
    for (size_t i = 0; i < plan->change_count; i++)
        if (all || plan->changes[i]->decision.action != ACTION_NOOP || plan->changes[i]->moved_from.n)
            event_change(out, plan->changes[i]);
    if (all)
        plan_each_unchanged(plan, event_unchanged, out);
    for (size_t i = 0; i < plan->change_count; i++)
        event_data_loss(out, plan->changes[i]);
    for (size_t i = 0; i < plan->finding_count; i++)
        event_rule(out, &plan->findings[i]);
    for (size_t i = 0; i < plan->output_count; i++)
        event_output(out, &plan->outputs[i]);
    event_summary(out, plan, command);
}

void event_checks(struct buf *out, const struct plan *plan)
{
    for (size_t i = 0; i < plan->check_count; i++)
        event_rule(out, &plan->checks[i]);
}

void event_drift(struct buf *out, const struct plan *plan)
{
    event_outside(out, plan);
    event_summary(out, plan, "drift");
}

void event_progress(struct buf *out, const struct event *e)
{
    static const char *const names[] = {
        [EVENT_REFRESH] = "refresh",
        [EVENT_REFRESH_DONE] = "refresh_done",
        [EVENT_START] = "start",
        [EVENT_PROGRESS] = "progress",
        [EVENT_DONE] = "done",
        [EVENT_FAILED] = "failed",
        [EVENT_SKIPPED] = "skipped",
        [EVENT_RECOVERED] = "recovered",
        [EVENT_STOPPING] = "stopping",
        [EVENT_WARNING] = "warning",
        [EVENT_NOTE] = "note",
        [EVENT_PRINTED] = "printed",
        [EVENT_SCHEDULED] = NULL, /* only for progress displays */
    };
    if (!names[e->kind])
        return;
    bool acts = e->kind == EVENT_START || e->kind == EVENT_PROGRESS || e->kind == EVENT_DONE ||
                e->kind == EVENT_FAILED || e->kind == EVENT_SKIPPED;
    events_begin(out, names[e->kind]);
    json_write_member_if_any(out, "address", e->address);
    if (acts)
        json_write_member(out, "action", str_z(action_name(e->action)));
    json_write_member_if_any(out, "id", e->id);
    if (e->kind == EVENT_REFRESH_DONE)
        field_int(out, "requests", (int64_t)e->count);
    if (e->kind == EVENT_DONE || e->kind == EVENT_FAILED || e->kind == EVENT_REFRESH_DONE)
        field_int(out, "ms", e->ms);
    if (e->text)
        json_write_member(out, "text", str_z(e->text));
    event_place(out, e->span);
    if (e->kind == EVENT_FAILED && e->err) {
        buf_addz(out, ",\"error\":{\"class\":");
        json_write_string(out, str_z(err_class_name(e->err->class)));
        error_fields(out, e->err);
        buf_add_char(out, '}');
    }
    events_end(out);
}

static void leftover_event(struct buf *out, const char *kind, const struct leftover *left)
{
    events_begin(out, kind);
    json_write_member(out, "type", left->subject.type);
    json_write_member(out, "id", left->subject.id);
    json_write_member_if_any(out, "address", left->subject.address);
    json_write_member(out, "why", left->why);
    events_end(out);
}

void event_leftovers(struct buf *out, const struct verified *found)
{
    for (size_t i = 0; i < found->leftover_count; i++)
        leftover_event(out, "leftover", &found->leftovers[i]);
    for (size_t i = 0; i < found->forgotten_count; i++)
        leftover_event(out, "forgotten", &found->forgotten[i]);
    events_begin(out, "verified");
    field_int(out, "left", (int64_t)found->leftover_count);
    field_texts(out, "looked", found->locations, found->location_count);
    field_int(out, "asked", (int64_t)found->lookups);
    field_true(out, "tags", found->tags_searched);
    field_texts(out, "unseen", found->unverified, found->unverified_count);
    events_end(out);
}

void event_result(struct buf *out, const struct apply_result *r, const char *command, int64_t ms)
{
    events_begin(out, "result");
    json_write_member(out, "command", str_z(command));
    json_write_member(out, "status",
        r->interrupted            ? STR("interrupted")
        : r->failed || r->skipped ? STR("failed")
                                  : STR("done"));
    counts(out, r->done);
    field_int(out, "failed", (int64_t)r->failed);
    field_int(out, "skipped", (int64_t)r->skipped);
    field_int(out, "ms", ms);
    field_value(out, "outputs", r->outputs, false);
    if (r->unverified_count)
        field_texts(out, "unseen", r->unverified, r->unverified_count);
    events_end(out);
}
