/*
 * What rules say of a plan: a line for each finding, with the place in the user's file.
 */
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include "base/diag.h"

/* It is about itself. */
static bool is_check(const struct rule_finding *f)
{
    return str_eq(f->rule, f->address);
}

const char *render_outcome(const struct rule_finding *f)
{
    return f->outcome == FINDING_WAITS      ? (is_check(f) ? "asked after apply" : "asked during apply")
           : f->outcome == FINDING_WAIVED   ? "waived"
           : f->outcome == FINDING_APPROVED ? "approved"
           : f->outcome == FINDING_KEPT     ? "kept"
           : f->level == RULE_APPROVAL      ? "wants approval"
                                            : rule_level_name(f->level);
}

/* "weir.yaml:12", after what separates it */
static void add_place(struct buf *out, const char *separator, struct span span)
{
    if (!span.source)
        return;
    span = span_complete(span);
    buf_addz(out, separator);
    text_add_safe(out, span.source->path, false);
    if (span.line)
        buf_addf(out, ":%u", span.line);
}

/* "; until 2027-01-31: it is a copy" */
static void add_waiver(struct buf *out, const struct rule_finding *f)
{
    if (!f->reason.n)
        return;
    buf_addz(out, "; ");
    if (f->until.n)
        buf_addf(out, "until %.*s: ", STR_ARG(f->until));
    text_add_safe(out, f->reason, false);
}

void render_finding(struct buf *out, const struct rule_finding *f)
{
    buf_addf(out, "  %s  ", render_outcome(f));
    text_add_safe(out, f->address, false);
    buf_addz(out, ": ");
    text_add_safe(out, f->message, false);
    buf_addz(out, " (");
    text_add_safe(out, is_check(f) ? STR_EMPTY : f->rule, false);
    add_place(out, is_check(f) ? "" : ", ", f->span);
    buf_add_char(out, ')');
    add_waiver(out, f);
}

void render_rules(const struct plan *plan, const struct render_options *o, bool broken, struct buf *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < plan->finding_count; i++) {
        const struct rule_finding *f = &plan->findings[i];
        if (!broken && f->outcome == FINDING_BROKEN && f->level != RULE_APPROVAL)
            continue;
        if (!shown++)
            style_add(out, o->color, STYLE_BOLD, "Rules:\n");
        render_finding(out, f);
        buf_add_char(out, '\n');
    }
    if (shown)
        buf_add_char(out, '\n');
}

void render_checks(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    for (size_t i = 0; i < plan->check_count; i++) {
        const struct rule_finding *f = &plan->checks[i];
        bool kept = f->outcome == FINDING_KEPT;
        if (!i)
            style_add(out, o->color, STYLE_BOLD, "Checks:\n");
        buf_addz(out, "  ");
        style_add(out, o->color,
            kept                     ? STYLE_GREEN
            : f->level == RULE_ERROR ? STYLE_RED
                                     : STYLE_YELLOW,
            render_outcome(f));
        buf_addz(out, "  ");
        text_add_safe(out, f->address, false);
        buf_addz(out, kept ? "" : ": ");
        text_add_safe(out, f->message, false);
        if (!kept)
            add_place(out, " (", f->span);
        buf_addz(out, !kept && f->span.source ? ")\n" : "\n");
    }
}

void render_rules_markdown(const struct plan *plan, struct buf *out)
{
    enum { ROWS_MAX = 50 };
    for (size_t i = 0; i < plan->finding_count && i < ROWS_MAX; i++) {
        const struct rule_finding *f = &plan->findings[i];
        if (!i)
            buf_addz(out, "\n| rule | | resource | |\n| --- | --- | --- | --- |\n");
        buf_addz(out, "| ");
        render_code(out, f->rule);
        buf_addf(out, " | %s | ", render_outcome(f));
        render_code(out, f->address);
        buf_addz(out, " | ");
        render_cell(out, f->message);
        AUTO_BUF struct buf waiver = BUF_INIT;
        add_waiver(&waiver, f);
        render_cell(out, buf_str(&waiver));
        buf_addz(out, " |\n");
    }
    if (plan->finding_count > ROWS_MAX)
        buf_addf(out, "| | | and %zu more | |\n", plan->finding_count - ROWS_MAX);
}
