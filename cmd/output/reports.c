/* Reports for CI: JUnit and SARIF. */
#include "cmd/output/events.h"

#include "base/json.h"
#include "base/mem.h"
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include <ctype.h>
#include <stdlib.h>

static void add_attribute(struct buf *out, const char *name, struct str text)
{
    text_addf_xml(out, " %s=\"%.*s\"", name, STR_ARG(text));
}

static void add_element(struct buf *out, const char *element, struct str message, struct str text)
{
    buf_addf(out, "<%s", element);
    if (message.n)
        add_attribute(out, "message", message);
    if (text.n)
        text_addf_xml(out, ">%.*s</%s>", STR_ARG(text), element);
    else
        buf_addz(out, "/>");
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

/* Writes "weir.yaml:12: no owner". */
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

/* Adds passed cases for rules without findings. */
static void add_kept(struct junit *j, const struct stack *stack, struct map *reported)
{
    for (size_t i = 0; stack && i < stack->rule_count; i++) {
        const struct rule *rule = &stack->rules[i];
        if (!rule->check && !rule->idle && !map_set(reported, rule->name, reported))
            junit_add(j, &(struct junit_case){.group = rule->name, .name = STR("kept")});
    }
}

void junit_add_plan(struct junit *j, const struct plan *plan)
{
    AUTO_MAP struct map reported = MAP_INIT;
    for (size_t i = 0; i < plan->finding_count; i++) {
        add_rule_finding(j, &plan->findings[i]);
        map_set(&reported, plan->findings[i].rule, &reported);
    }
    add_kept(j, plan->workspace ? plan->workspace->stack : NULL, &reported);
}

/* ---- of diagnostics ---- */

static const struct rule *rule_named(const struct stack *stack, struct str name)
{
    for (size_t i = 0; stack && name.n && i < stack->rule_count; i++)
        if (str_eq(stack->rules[i].name, name))
            return &stack->rules[i];
    return NULL;
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
        junit_add(j, &(struct junit_case){.group = rule_named(stack, d->code) ? d->code : STR("weir"),
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
    buf_addz(&text, change->deleted ? "it was deleted outside weir" : "changed outside weir: ");
    for (size_t i = 0; i < change->drift_count && !change->deleted; i++)
        buf_addf(&text, "%s%.*s", i ? ", " : "", STR_ARG(change->drift[i].name));
    junit_add(j, &(struct junit_case){.group = change->subject.type,
                     .name = change->subject.address,
                     .outcome = JUNIT_FAILED,
                     .message = buf_str(&text)});
}

void junit_add_drift(struct junit *j, const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i]->deleted || plan->changes[i]->drift_count)
            add_drifted(j, plan->changes[i]);
    for (size_t i = 0; i < plan->unread_count; i++)
        junit_add(j, &(struct junit_case){.group = STR("unread"),
                         .name = plan->unread[i].address,
                         .outcome = JUNIT_SKIPPED,
                         .message = plan->unread[i].why});
}

/* ---- SARIF 2.1.0 ---- */

struct sarif {
    struct arena arena;
    struct value_builder rules, results;
    struct map indices; /* of rules: name -> int64_t * */
};

/* One result. */
struct finding_text {
    struct str rule, message, address, level, kind;
    struct span span;
    struct str suppression, reason; /* the kind of the suppression; "": none */
};

static const struct value *text_value(struct sarif *s, struct str text)
{
    return value_string(&s->arena, text);
}

static const struct value *one_entry(struct sarif *s, const char *key, const struct value *v)
{
    return value_map(&s->arena, &(struct value_entry){str_z(key), v}, 1);
}

static const struct value *list_of(struct sarif *s, const struct value *v)
{
    return value_list(&s->arena, &v, 1);
}

/* ---- source locations ---- */

/* Returns a path as a URI reference. */
static struct str uri_of(struct sarif *s, struct str path)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, path.n && path.p[0] == '/' ? "file://" : "");
    path = str_starts(path, STR("./")) ? str_slice(path, 2, path.n) : path;
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (isalnum(c) || char_is_among((char)c, "-._~/"))
            buf_add_char(&out, (char)c);
        else
            buf_addf(&out, "%%%02X", c);
    }
    return arena_str(&s->arena, buf_str(&out));
}

/* Returns the number of characters of a span on one line; 0: it has several lines, or the text is not
 * known. */
static int64_t width_of(struct span span)
{
    struct str text = span.source->text;
    int64_t n = 0;
    for (size_t i = span.offset; i < span.offset + (size_t)span.length; i++) {
        if (i >= text.n || text.p[i] == '\n')
            return 0;
        n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    }
    return n;
}

static const struct value *region_of(struct sarif *s, struct span span)
{
    struct value_builder b = VALUE_BUILDER(&s->arena);
    int64_t width = width_of(span);
    value_builder_set(&b, STR("startLine"), value_int(&s->arena, span.line ? span.line : 1));
    if (span.line && span.column)
        value_builder_set(&b, STR("startColumn"), value_int(&s->arena, span.column));
    if (span.line && span.column && width)
        value_builder_set(&b, STR("endColumn"), value_int(&s->arena, span.column + width));
    return value_builder_map(&b);
}

static const struct value *location_of(struct sarif *s, const struct finding_text *f)
{
    struct value_builder b = VALUE_BUILDER(&s->arena);
    if (f->span.source) {
        struct span span = span_complete(f->span);
        struct value_entry physical[] = {
            {STR("artifactLocation"), one_entry(s, "uri", text_value(s, uri_of(s, span.source->path)))},
            {STR("region"), region_of(s, span)}};
        value_builder_set(&b, STR("physicalLocation"), value_map(&s->arena, physical, 2));
    }
    if (f->address.n) {
        struct value_entry logical[] = {{STR("fullyQualifiedName"), text_value(s, f->address)},
            {STR("kind"), text_value(s, STR("resource"))}};
        value_builder_set(&b, STR("logicalLocations"), list_of(s, value_map(&s->arena, logical, 2)));
    }
    return value_builder_map(&b);
}

/* ---- rules and results ---- */

static const char *level_of(enum rule_level level)
{
    return level == RULE_ERROR ? "error" : "warning";
}

static const struct value *rule_of(
    struct sarif *s, struct str name, struct str doc, struct str control, struct str link, const char *level)
{
    struct value_builder b = VALUE_BUILDER(&s->arena);
    value_builder_set(&b, STR("id"), text_value(s, name));
    value_builder_set(
        &b, STR("defaultConfiguration"), one_entry(s, "level", value_stringz(&s->arena, level)));
    if (doc.n)
        value_builder_set(&b, STR("shortDescription"), one_entry(s, "text", text_value(s, doc)));
    if (link.n)
        value_builder_set(&b, STR("helpUri"), text_value(s, link));
    if (control.n)
        value_builder_set(&b, STR("properties"), one_entry(s, "control", text_value(s, control)));
    return value_builder_map(&b);
}

/* Returns the index of the rule, which is added once. */
static int64_t rule_index(struct sarif *s, const struct value *rule)
{
    struct str name = value_gets(rule, "id");
    int64_t *index = map_get(&s->indices, name);
    if (index)
        return *index;
    index = ARENA_NEW(&s->arena, int64_t);
    *index = (int64_t)s->rules.n;
    value_builder_add(&s->rules, rule);
    map_set(&s->indices, name, index);
    return *index;
}

static void add_result(struct sarif *s, const struct finding_text *f, int64_t index)
{
    struct value_builder b = VALUE_BUILDER(&s->arena);
    value_builder_set(&b, STR("ruleId"), text_value(s, f->rule));
    value_builder_set(&b, STR("ruleIndex"), value_int(&s->arena, index));
    value_builder_set(&b, STR("level"), text_value(s, f->level));
    if (f->kind.n)
        value_builder_set(&b, STR("kind"), text_value(s, f->kind));
    value_builder_set(&b, STR("message"), one_entry(s, "text", text_value(s, f->message)));
    if (f->span.source || f->address.n)
        value_builder_set(&b, STR("locations"), list_of(s, location_of(s, f)));
    if (f->suppression.n) {
        struct value_entry entries[] = {{STR("justification"), text_value(s, f->reason)},
            {STR("kind"), text_value(s, f->suppression)}, {STR("status"), text_value(s, STR("accepted"))}};
        value_builder_set(&b, STR("suppressions"), list_of(s, value_map(&s->arena, entries, 3)));
    }
    value_builder_add(&s->results, value_builder_map(&b));
}

struct sarif *sarif_new(void)
{
    struct sarif *s = mem_zalloc(sizeof *s);
    s->rules = s->results = (struct value_builder)VALUE_BUILDER(&s->arena);
    return s;
}

void sarif_write(struct sarif *s, struct buf *out)
{
    struct value_entry driver[] = {{STR("name"), text_value(s, STR("weir"))},
        {STR("rules"), value_builder_list(&s->rules)}, {STR("version"), text_value(s, STR(WEIR_VERSION))}};
    struct value_entry run[] = {{STR("columnKind"), text_value(s, STR("unicodeCodePoints"))},
        {STR("results"), value_builder_list(&s->results)},
        {STR("tool"), one_entry(s, "driver", value_map(&s->arena, driver, 3))}};
    struct value_entry log[] = {
        {STR("$schema"), text_value(s, STR("https://json.schemastore.org/sarif-2.1.0.json"))},
        {STR("runs"), list_of(s, value_map(&s->arena, run, 3))},
        {STR("version"), text_value(s, STR("2.1.0"))}};
    json_write(out, value_map(&s->arena, log, 3), JSON_PRETTY);
    buf_add_char(out, '\n');
    map_release(&s->indices);
    arena_release(&s->arena);
    free(s);
}

/* ---- of plans ---- */

void sarif_add_plan(struct sarif *s, const struct plan *plan, struct str file)
{
    struct source stack_file = {.path = file, .text = STR_EMPTY};
    for (size_t i = 0; i < plan->finding_count; i++) {
        const struct rule_finding *f = &plan->findings[i];
        bool waits = f->outcome == FINDING_WAITS;
        struct finding_text text = {.rule = f->rule,
            .message = arena_printf(&s->arena, "%.*s: %.*s", STR_ARG(f->address), STR_ARG(f->message)),
            .address = f->address,
            .level = waits ? STR("none") : str_z(level_of(f->level)),
            .kind = waits ? STR("open") : STR("fail"),
            .span = f->span,
            .suppression = f->outcome == FINDING_WAIVED     ? STR("inSource")
                           : f->outcome == FINDING_APPROVED ? STR("external")
                                                            : STR_EMPTY,
            .reason = f->reason};
        /* built-in rules, and findings without a declaration, have no file of the stack */
        if (!text.span.source || str_starts(text.span.source->path, STR("weir.baseline")))
            text.span = (struct span){.source = file.n ? &stack_file : NULL};
        add_result(
            s, &text, rule_index(s, rule_of(s, f->rule, f->doc, f->control, f->link, level_of(f->level))));
    }
}

/* ---- of diagnostics ---- */

static const struct value *declared_rule(struct sarif *s, const struct stack *stack, const struct diag *d)
{
    const struct rule *rule = rule_named(stack, d->code);
    if (rule)
        return rule_of(s, rule->name, rule->doc, rule->control, rule->link, level_of(rule->level));
    return rule_of(s, STR("weir"), STR("A stack file that weir cannot use, or that is doubtful."), STR_EMPTY,
        STR_EMPTY, "error");
}

void sarif_add_diags(struct sarif *s, const struct diags *diags, const struct stack *stack)
{
    for (size_t i = 0; i < diags->n; i++) {
        const struct diag *d = &diags->items[i];
        const struct value *rule = declared_rule(s, stack, d);
        AUTO_BUF struct buf message = BUF_INIT;
        buf_add_str(&message, d->message);
        if (d->label.n)
            buf_addf(&message, " (%.*s)", STR_ARG(d->label));
        if (d->hint.n)
            buf_addf(&message, "\n%.*s", STR_ARG(d->hint));
        struct finding_text text = {.rule = value_gets(rule, "id"),
            .message = arena_str(&s->arena, buf_str(&message)),
            .level = d->severity == DIAG_ERROR ? STR("error") : STR("warning"),
            .kind = STR("fail"),
            .span = d->span};
        add_result(s, &text, rule_index(s, rule));
    }
}
