/* Filters of log groups: see filters.h. */
#include "sandbox/services/logs/filters.h"

#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/shared/event_targets.h"

#include <stdio.h>
#include <string.h>

/* ---- patterns ---- */

bool log_pattern_read(struct str text, struct log_pattern *out)
{
    text = str_trim(text);
    out->n = 0;
    if (text.n && strchr("{[%", text.p[0]))
        return false;
    while ((text = str_trim(text)).n && out->n < LOG_PATTERN_TERMS) {
        char sign = text.p[0] == '-' || text.p[0] == '?' ? text.p[0] : '+';
        text = str_slice(text, sign != '+', text.n);
        bool quoted = text.n && text.p[0] == '"';
        text = str_slice(text, quoted, text.n);
        out->terms[out->n].sign = sign;
        out->terms[out->n].text = str_cut(text, quoted ? '"' : ' ', &text);
        if (!text.p)
            text = STR_EMPTY;
        out->n += out->terms[out->n].text.n > 0;
    }
    return true;
}

bool log_pattern_matches(const struct log_pattern *pattern, struct str message)
{
    bool any_wanted = false, any = false;
    for (size_t i = 0; i < pattern->n; i++) {
        bool has = str_find(message, pattern->terms[i].text, 0) >= 0;
        if (pattern->terms[i].sign == '?') {
            any_wanted = true;
            any = any || has;
        } else if (has == (pattern->terms[i].sign == '-')) {
            return false;
        }
    }
    return any || !any_wanted;
}

/* ---- deliveries ---- */

/* The events that match, as destinations read them; NULL: none does. */
static const struct value *matching(struct arena *arena, const struct log_pattern *pattern,
    const struct log_place *place, const struct log_entry *events, size_t n)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++) {
        if (!log_pattern_matches(pattern, events[i].message))
            continue;
        struct str id = arena_printf(arena, "%014lld%020llu%022zu", (long long)events[i].time_ms,
            (unsigned long long)str_hash(place->stream), i);
        value_builder_add(&list, VALUE_MAP(arena, {STR("id"), value_string(arena, id)},
                                     {STR("timestamp"), value_int(arena, events[i].time_ms)},
                                     {STR("message"), value_string(arena, events[i].message)}));
    }
    return list.n ? value_builder_list(&list) : NULL;
}

static const struct value *data_message(const struct service_call *call, const struct control_record *filter,
    const struct log_place *place, const struct value *events)
{
    const struct value *name = value_getz(filter->attrs, "name");
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "messageType", STR("DATA_MESSAGE"));
    view_text(&b, "owner", services_account(call->services));
    view_text(&b, "logGroup", place->group);
    view_text(&b, "logStream", place->stream);
    view_set(&b, "subscriptionFilters", value_list(call->arena, &name, 1));
    view_set(&b, "logEvents", events);
    return value_builder_map(&b);
}

/* Functions get the gzipped message as text in JSON, streams as it is. */
static void deliver_message(const struct service_call *call, const struct control_record *filter,
    const struct log_place *place, const struct value *message)
{
    struct arena *arena = call->arena;
    struct str zipped, destination = value_gets(filter->attrs, "destination");
    if (!object_gzip(arena, json_as_text(arena, message)->string, &zipped))
        return;
    bool function = str_find(destination, STR(":lambda:"), 0) > 0,
         random = str_eqz(value_gets(filter->attrs, "distribution"), "Random");
    struct str input =
        function ? arena_printf(arena, "{\"awslogs\":{\"data\":\"%s\"}}", base64_encode(arena, zipped).p)
                 : zipped;
    const struct target target = {.region = place->region,
        .arn = destination,
        .input = input,
        .message_group = random ? STR_EMPTY : place->stream,
        .role = value_gets(filter->attrs, "role"),
        .service = STR("logs.amazonaws.com"),
        .source_arn = arena_printf(arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s:*", STR_ARG(place->region),
            STR_ARG(services_account(call->services)), STR_ARG(place->group)),
        .by = arena_printf(arena, "subscription filter %.*s", STR_ARG(value_gets(filter->attrs, "name")))};
    target_deliver(call->services, &target);
}

void log_events_deliver(
    const struct service_call *call, const struct log_place *place, const struct log_entry *events, size_t n)
{
    size_t count;
    const struct control_record *filters = service_list(call, STR("aws.logs.subscription_filter"), &count);
    for (size_t i = 0; i < count; i++) {
        struct log_pattern pattern;
        if (!str_eq(value_gets(filters[i].attrs, "log_group"), place->group))
            continue;
        if (!log_pattern_read(value_gets(filters[i].attrs, "pattern"), &pattern)) {
            fprintf(stderr,
                "sandbox: subscription filter %.*s delivers nothing: only patterns of words are known\n",
                STR_ARG(value_gets(filters[i].attrs, "name")));
            continue;
        }
        const struct value *found = matching(call->arena, &pattern, place, events, n);
        if (found)
            deliver_message(call, &filters[i], place, data_message(call, &filters[i], place, found));
    }
}
