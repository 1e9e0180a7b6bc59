/* `state doctor`: whether a store of objects is fit to hold a state. */
#include "plan/state/backend_s3_internal.h"

#include "base/clock.h"
#include "plan/state/state.h"

#include <stdlib.h>

enum { CLOCK_SKEW_MS = 60 * 1000 };

static int probe_listing(struct s3_backend *s, const struct probe_report *r, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char unique[33];
    state_token(unique);
    struct str key = arena_printf(&scratch, "%.*sprobe-%s.json", STR_ARG(s->prefix), unique), *keys;
    size_t n, m;
    bool exists;
    if (s3_put_probe(s->store, key, STR("{}"), &exists, err) ||
        s3_list(s->store, &scratch, key, STR_EMPTY, &keys, &n, err) || s3_delete(s->store, key, err) ||
        s3_list(s->store, &scratch, key, STR_EMPTY, &keys, &m, err))
        return -1;
    bool ok = n == 1 && m == 0;
    probe_report_line(r, ok, "consistent listing",
        ok ? "a new object is listed at once, a deleted one no more" : "the listing lags behind");
    return ok ? 0 : err_set(err, ERR_INVALID, "the store's listing lags behind its objects");
}

/* Not needed, and better to have. */
static void probe_versioning(struct s3_backend *s, const struct probe_report *r)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct str status;
    if (s3_versioning(s->store, &scratch, &status, &why)) {
        r->line(r->ctx, PROBE_WARNS, "versioning", arena_printf(&scratch, "not known: %s", why.message).p);
        return;
    }
    bool on = str_eqz(status, "Enabled");
    struct str off = arena_printf(&scratch,
        "off: nothing brings a deleted record back; `aws s3api put-bucket-versioning --bucket %.*s "
        "--versioning-configuration Status=Enabled` turns it on",
        STR_ARG(s3_store_bucket(s->store)));
    r->line(r->ctx, on ? PROBE_OK : PROBE_WARNS, "versioning",
        on ? "on: what is deleted by mistake can be had back" : off.p);
}

int s3_probe(struct backend *b, const struct probe_report *r, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct s3_object object;
    bool found;
    if (s3_check_conditions(s, &why) && why.class != ERR_INVALID)
        return err_raise(err, &why);
    bool safe = why.class == ERR_NONE;
    probe_report_line(r, safe, "conditional writes", safe ? "If-None-Match: * is honoured" : why.message);
    if (probe_listing(s, r, safe ? &why : err))
        safe = false;
    if (s3_get(s->store, &scratch, s3_hint_key(&scratch, s), &object, &found, err))
        return -1;
    int64_t skew = object.clock_ms ? object.clock_ms - clock_wall_ms() : 0;
    bool agrees = llabs(skew) < CLOCK_SKEW_MS;
    probe_report_line(r, agrees, "clock",
        agrees ? "agrees with the store's" : "differs from the store's by more than a minute");
    probe_versioning(s, r);
    if (!safe)
        *err = why;
    return safe ? 0 : -1;
}
