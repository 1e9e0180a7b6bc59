/* Members of a record's JSON, written one after the other. */
#include "plan/state/log_body.h"

#include "base/clock.h"
#include "base/json.h"
#include "plan/state/encode.h"

#include <inttypes.h>

void body_begin(struct buf *body, const char *run, const char *kind)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str at = time_rfc3339(&scratch, clock_wall_ms(), true);
    buf_addf(body, "{\"at\":\"%.*s\",\"run\":\"%s\",\"kind\":\"%s\"", STR_ARG(at), run, kind);
}

void body_text(struct buf *body, const char *name, struct str text)
{
    json_write_member_if_any(body, name, text);
}

void body_value(struct buf *body, struct secrets *secrets, const char *name, const struct value *v)
{
    if (!v)
        return;
    buf_addf(body, ",\"%s\":", name);
    encode_value(body, secrets, v);
}

void body_flag(struct buf *body, const char *name, bool flag)
{
    if (flag)
        buf_addf(body, ",\"%s\":true", name);
}

void body_type(struct buf *body, struct str type, struct str provider)
{
    struct str rest;
    body_text(body, "type", type);
    if (!str_eq(provider, str_cut(type, '.', &rest)))
        body_text(body, "provider", provider);
}

void body_record(struct buf *body, struct secrets *secrets, const struct record *record)
{
    body_type(body, record->subject.type, record->subject.provider);
    body_text(body, "id", record->subject.id);
    body_value(body, secrets, "attrs", record->attrs);
    if (record->set && record->set->count)
        body_value(body, secrets, "set", record->set);
    if (record->deps && record->deps->count)
        body_value(body, secrets, "deps", record->deps);
    body_value(body, secrets, "place", record->location);
    if (record->halfway && record->halfway->count)
        body_value(body, secrets, "halfway", record->halfway);
    if (record->reported && record->reported->count)
        body_value(body, secrets, "told", record->reported);
    if (record->configured) { /* names alone, of which one may look like a mark of the log: "$default" */
        buf_addz(body, ",\"said\":");
        json_write(body, record->configured, JSON_PLAIN);
    }
    body_flag(body, "tainted", record->tainted);
    body_flag(body, "adopted", record->adopted);
    body_flag(body, "prevent_destroy", record->prevent_destroy);
}

void body_lease(struct buf *body, const struct lease *lease)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (lease->until_ms)
        body_text(body, "until", time_rfc3339(&scratch, lease->until_ms, true));
    if (lease->warn_ms)
        buf_addf(body, ",\"warn_ms\":%" PRId64, lease->warn_ms);
    body_flag(body, "fixed", lease->fixed);
}

void body_error(struct buf *body, const struct err *why)
{
    if (!why || why->class == ERR_NONE)
        return;
    struct err plain = *why; /* what has become known as secret since it was made */
    err_mask(&plain);
    buf_addf(body, ",\"error\":{\"class\":\"%s\"", err_class_name(why->class));
    body_text(body, "code", str_z(plain.code));
    body_text(body, "message", str_z(plain.message));
    body_end(body);
}

void body_end(struct buf *body)
{
    buf_add_char(body, '}');
}
