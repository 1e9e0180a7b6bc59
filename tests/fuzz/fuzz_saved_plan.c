/*
 * A saved plan that somebody made up: as it is, and under a digest that fits. What is shown of it is text,
 * and nothing in it steers a terminal.
 */
#include "base/mem.h"
#include "cmd/invocation/kinds.h"
#include "cmd/output/events.h"
#include "cmd/output/render.h"
#include "plan/plan.h"
#include "plan/saved/saved.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct catalog *new_catalog(void)
{
    struct catalog *catalog;
    struct err err = ERR_INIT;
    if (catalog_new(&(struct catalog_options){.kinds = &cmd_kinds}, &catalog, &err))
        abort();
    return catalog;
}

static void show(struct saved_plan *saved, struct catalog *catalog)
{
    const struct plan *plan = saved_plan_shown(saved, catalog);
    AUTO_BUF struct buf out = BUF_INIT;
    size_t n;
    render_plan(plan, &(struct render_options){.compact = true}, &out);
    render_plan(plan, &(struct render_options){.everything = true}, &out);
    render_markdown(plan, saved_plan_stack(saved), saved_plan_env(saved), MARKDOWN_MAX, &out);
    event_plan(&out, plan, "plan", false);
    event_plan(&out, plan, "plan", true);
    assert(out.n);
    saved_plan_inputs(saved, &n);
}

static bool parse(struct str text, struct catalog *catalog)
{
    struct saved_plan *saved;
    struct err err = ERR_INIT;
    if (saved_plan_parse(text, "it", &saved, &err)) {
        assert(err.class == ERR_INVALID || err.class == ERR_DAMAGED);
        return false;
    }
    show(saved, catalog);
    saved_plan_free(saved);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct catalog *catalog;
    struct str text = str_n((const char *)data, n), content, mac;
    AUTO_BUF struct buf sealed = BUF_INIT;
    if (!catalog)
        catalog = new_catalog();
    bool whole = parse(text, catalog);
    assert(!whole || saved_digest_matches(text, &content, &mac));
    buf_add_str(&sealed, text);
    while (sealed.n && sealed.p[sealed.n - 1] == '\n')
        sealed.n--;
    if (whole || !sealed.n)
        return 0;
    saved_sign(&sealed, NULL);
    parse(buf_str(&sealed), catalog);
    return 0;
}
