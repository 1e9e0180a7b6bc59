/* Schedules, event patterns, filters of logs: an expression (or a pattern), a NUL, a zone (or an event). */
#include "provider/notation/notation.h"
#include "sandbox/notation/languages.h"
#include "sandbox/notation/log_match.h"

#include "base/json.h"

#include <assert.h>

static void check_schedule(struct arena *arena, struct str text, struct str zone_name)
{
    struct schedule_time time;
    const struct zone *zone = zone_find(arena, zone_name);
    int64_t now = INT64_C(1800000000000), next = 0;
    if (!zone)
        zone = zone_find(arena, STR("America/New_York"));
    if (!zone || schedule_parse(text, &time))
        return;
    for (int i = 0; i < 3 && schedule_next(&time, zone, INT64_C(1790000000000), now, &next); i++) {
        assert(next > now && next % 1000 == 0);
        now = next;
    }
}

static void check_log_filter(struct arena *arena, struct str text, struct str message)
{
    struct log_filter filter;
    if (log_filter_read(arena, text, &filter))
        return;
    const struct log_event event = log_event_read(arena, &filter, message);
    log_matches(&filter, &event);
    log_extracted(&filter, &event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str second, first = str_cut(str_n((const char *)data, n), '\0', &second);
    const struct value *pattern, *event;
    struct err err;
    check_log_filter(&arena, first, second.p ? second : STR_EMPTY);
    check_schedule(&arena, first, second.p ? second : STR_EMPTY);
    if (json_parse(&arena, first, &pattern, &err) || !second.p || json_parse(&arena, second, &event, &err))
        return 0;
    if (!event_pattern_wrong(&arena, pattern, NULL))
        event_matches(pattern, event);
    return 0;
}
