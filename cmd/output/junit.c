/* JUnit XML: see junit.h. */
#include "cmd/output/junit.h"
#include "cmd/output/render.h"

/* What XML cannot have is left out. */
static void add_xml(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '<')
            buf_addz(out, "&lt;");
        else if (c == '&')
            buf_addz(out, "&amp;");
        else if (c == '"')
            buf_addz(out, "&quot;");
        else if (c >= 0x20 || c == '\n' || c == '\t')
            buf_add_char(out, (char)c);
    }
}

static void add_attribute(struct buf *out, const char *name, struct str text)
{
    buf_addf(out, " %s=\"", name);
    add_xml(out, text);
    buf_add_char(out, '"');
}

static void add_element(struct buf *out, const char *element, struct str message, struct str text)
{
    buf_addf(out, "<%s", element);
    if (message.n)
        add_attribute(out, "message", message);
    buf_addz(out, text.n ? ">" : "/>");
    add_xml(out, text);
    if (text.n)
        buf_addf(out, "</%s>", element);
}

void junit_add(struct junit *j, const struct junit_case *one)
{
    struct buf *out = &j->cases;
    j->n++;
    j->failed += one->outcome == JUNIT_FAILED;
    j->skipped += one->outcome == JUNIT_SKIPPED;
    buf_addz(out, "  <testcase");
    add_attribute(out, "classname", one->group);
    add_attribute(out, "name", one->name);
    buf_addf(out, " time=\"%.3f\"", (double)one->ms / 1000);
    if (one->outcome == JUNIT_PASSED && !one->text.n) {
        buf_addz(out, "/>\n");
        return;
    }
    buf_add_char(out, '>');
    add_element(out,
        one->outcome == JUNIT_FAILED    ? "failure"
        : one->outcome == JUNIT_SKIPPED ? "skipped"
                                        : "system-out",
        one->outcome == JUNIT_PASSED ? STR_EMPTY : one->message, one->text);
    buf_addz(out, "</testcase>\n");
}

void junit_write(struct junit *j, struct str suite, struct str good, struct buf *out)
{
    if (!j->n && good.n)
        junit_add(j, &(struct junit_case){.group = suite, .name = good});
    buf_addz(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite");
    add_attribute(out, "name", suite);
    buf_addf(out, " tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n", j->n, j->failed, j->skipped);
    buf_add_str(out, buf_str(&j->cases));
    buf_addz(out, "</testsuite>\n");
    buf_release(&j->cases);
}

/* ---- of plans ---- */

/* "weir.yaml:12: no owner" */
static void add_placed(struct buf *out, struct span span, struct str message)
{
    span = span.source ? span_complete(span) : span;
    if (span.source && span.line)
        buf_addf(out, "%.*s:%u: ", STR_ARG(span.source->path), span.line);
    buf_add_str(out, message);
}

static void add_rule_finding(struct junit *j, const struct rule_finding *f)
{
    AUTO_BUF struct buf text = BUF_INIT, skipped = BUF_INIT;
    bool broken = f->outcome == FINDING_BROKEN, fails = broken && f->level == RULE_ERROR;
    const char *why = broken && f->level != RULE_APPROVAL ? NULL : render_outcome(f);
    add_placed(&text, f->span, f->message);
    if (why)
        buf_addf(&skipped, "%s%s%.*s%s%.*s: %.*s", why, f->until.n ? " until " : "", STR_ARG(f->until),
            f->reason.n ? ": " : "", STR_ARG(f->reason), STR_ARG(f->message));
    junit_add(j, &(struct junit_case){.group = f->rule,
                     .name = f->address,
                     .outcome = why     ? JUNIT_SKIPPED
                                : fails ? JUNIT_FAILED
                                        : JUNIT_PASSED,
                     .message = why ? buf_str(&skipped) : f->message,
                     .text = why ? STR_EMPTY : buf_str(&text)});
}

/* Those of which nothing was said: rules of a plan that hold everywhere. */
static void add_kept(struct junit *j, const struct stack *stack, struct map *said)
{
    for (size_t i = 0; stack && i < stack->rule_count; i++) {
        const struct rule *rule = &stack->rules[i];
        if (!rule->check && !rule->idle && !map_set(said, rule->name, said))
            junit_add(j, &(struct junit_case){.group = rule->name, .name = STR("kept")});
    }
}

void junit_add_plan(struct junit *j, const struct plan *plan)
{
    AUTO_MAP struct map said = MAP_INIT;
    for (size_t i = 0; i < plan->finding_count; i++) {
        add_rule_finding(j, &plan->findings[i]);
        map_set(&said, plan->findings[i].rule, &said);
    }
    add_kept(j, plan->workspace ? plan->workspace->stack : NULL, &said);
}

/* ---- of diagnostics ---- */

static bool is_rule(const struct stack *stack, struct str name)
{
    bool found = false;
    for (size_t i = 0; stack && name.n && i < stack->rule_count && !found; i++)
        found = str_eq(stack->rules[i].name, name);
    return found;
}

void junit_add_diags(struct junit *j, const struct diags *diags, const struct stack *stack)
{
    for (size_t i = 0; i < diags->n; i++) {
        const struct diag *d = &diags->items[i];
        struct span span = d->span.source ? span_complete(d->span) : d->span;
        AUTO_BUF struct buf place = BUF_INIT, text = BUF_INIT;
        if (span.source)
            buf_addf(&place, "%.*s:%u:%u", STR_ARG(span.source->path), span.line, span.column);
        add_placed(&text, d->span, d->message);
        if (d->hint.n)
            buf_addf(&text, "\n%.*s", STR_ARG(d->hint));
        junit_add(j, &(struct junit_case){.group = is_rule(stack, d->code) ? d->code : STR("weir"),
                         .name = place.n ? buf_str(&place) : STR("stack"),
                         .outcome = d->severity == DIAG_ERROR ? JUNIT_FAILED : JUNIT_PASSED,
                         .message = d->message,
                         .text = buf_str(&text)});
    }
}

/* ---- of drift ---- */

static void add_drifted(struct junit *j, const struct change *change)
{
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addz(&text, change->gone ? "it was deleted outside weir" : "changed outside weir: ");
    for (size_t i = 0; i < change->drift_count && !change->gone; i++)
        buf_addf(&text, "%s%.*s", i ? ", " : "", STR_ARG(change->drift[i].name));
    junit_add(j, &(struct junit_case){.group = change->subject.type,
                     .name = change->subject.address,
                     .outcome = JUNIT_FAILED,
                     .message = buf_str(&text)});
}

void junit_add_drift(struct junit *j, const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i].gone || plan->changes[i].drift_count)
            add_drifted(j, &plan->changes[i]);
    for (size_t i = 0; i < plan->unread_count; i++)
        junit_add(j, &(struct junit_case){.group = STR("unread"),
                         .name = plan->unread[i].address,
                         .outcome = JUNIT_SKIPPED,
                         .message = plan->unread[i].why});
}
