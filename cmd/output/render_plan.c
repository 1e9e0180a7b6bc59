/* Renders a plan: drift, resources in order, findings of rules, outputs, and the summary line. */
#include "base/mem.h"
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- findings of rules: a line each, with the source location ---- */

/* A check's finding has the rule's name as its address. */
static bool is_check(const struct rule_finding *f)
{
    return str_eq(f->rule, f->address);
}

const char *render_outcome(const struct rule_finding *f)
{
    return f->outcome == FINDING_WAITS      ? (is_check(f) ? "asked after apply" : "asked during apply")
           : f->outcome == FINDING_WAIVED   ? "waived"
           : f->outcome == FINDING_APPROVED ? "approved"
           : f->outcome == FINDING_MET      ? "kept"
           : f->level == RULE_APPROVAL      ? "wants approval"
                                            : rule_level_name(f->level);
}

/* Writes "weir.yaml:12" after a separator. */
static void add_place(struct buf *out, const char *separator, struct span span)
{
    if (!span.source)
        return;
    span = span_complete(span);
    text_addf(out, "%s%.*s", separator, STR_ARG(span.source->path));
    if (span.line)
        buf_addf(out, ":%u", span.line);
}

/* Writes "; until 2027-01-31: it is a copy". */
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
    text_addf(out, "  %s  %.*s: %.*s (%.*s", render_outcome(f), STR_ARG(f->address), STR_ARG(f->message),
        STR_ARG(is_check(f) ? STR_EMPTY : f->rule));
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
        bool kept = f->outcome == FINDING_MET;
        if (!i)
            style_add(out, o->color, STYLE_BOLD, "Checks:\n");
        buf_addz(out, "  ");
        style_add(out, o->color,
            kept                     ? STYLE_GREEN
            : f->level == RULE_ERROR ? STYLE_RED
                                     : STYLE_YELLOW,
            render_outcome(f));
        text_addf(out, "  %.*s%s%.*s", STR_ARG(f->address), kept ? "" : ": ", STR_ARG(f->message));
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

/* ---- the order of resources: by module, and dependencies before their dependents ---- */

static bool is_shown(const struct change *c)
{
    return c->decision.action != ACTION_NOOP || c->moved_from.n;
}

static struct section section_of(const struct plan *plan, const struct change *change)
{
    ptrdiff_t key = address_key_at(change->subject.address);
    struct str declared =
        key < 0 ? change->subject.address : str_slice(change->subject.address, 0, (size_t)key);
    size_t slash = str_after_last(declared, "/");
    const struct stack *stack = plan->workspace ? plan->workspace->stack : NULL;
    const struct decl *decl = change->decl ? change->decl : stack ? stack_find(stack, declared) : NULL;
    return (struct section){.change = change,
        .decl = decl,
        .declared = declared,
        .module = str_slice(declared, 0, slash ? slash - 1 : 0),
        .rank = decl ? decl->index : UINT32_MAX};
}

static int in_order(const void *a, const void *b)
{
    const struct section *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    int order = x->module.n || y->module.n ? str_cmp(x->module, y->module) : 0;
    if (order)
        return order;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return str_cmp(x->change->subject.address, y->change->subject.address);
}

/* Sets each section's group from the first section of its module. */
static void find_groups(struct section *list, size_t n)
{
    AUTO_MAP struct map modules = MAP_INIT;
    struct section *first = NULL;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            if (!first || !str_eq(first->module, list[i].module))
                first = map_get(&modules, list[i].module);
            if (!first)
                map_set(&modules, list[i].module, first = &list[i]);
            if (pass)
                list[i].group = first->group;
            else if (first == &list[i] || list[i].rank > first->group)
                first->group = list[i].rank;
        }
}

size_t sections_list(const struct plan *plan, struct arena *arena, struct section **out)
{
    struct section *list = ARENA_ARRAY(arena, struct section, plan->change_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < plan->change_count; i++)
        if (is_shown(plan->changes[i]))
            list[n++] = section_of(plan, plan->changes[i]);
    find_groups(list, n);
    qsort(list, n, sizeof *list, in_order);
    *out = list;
    return n;
}

bool sections_in_modules(const struct section *sections, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (!str_eq(sections[i].module, sections[0].module))
            return true;
    return false;
}

static const struct value *tags_made(const struct change *change)
{
    for (size_t i = 0; change->decision.action == ACTION_CREATE && i < change->attr_count; i++) {
        const struct attr_change *a = &change->attrs[i];
        if (a->attr && a->attr->type->kind == TYPE_TAGS && a->after && a->after->kind == VALUE_MAP)
            return a->after;
    }
    return NULL;
}

static const struct value *common_entries(struct arena *arena, const struct value *a, const struct value *b)
{
    struct value_builder common = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *other = value_get(b, a->entries[i].key);
        if (other && !value_is_sensitive(other) && value_equal(a->entries[i].value, other))
            value_builder_set(&common, a->entries[i].key, other);
    }
    return value_builder_map(&common);
}

/* Returns the tags that all created resources have, which are shown once, or NULL. */
static const struct value *sections_tags(const struct section *sections, size_t n, struct arena *arena)
{
    enum { WORTH_IT = 3 };
    const struct value *common = NULL;
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *tags = tags_made(sections[i].change);
        if (!tags)
            continue;
        common = found++ ? common_entries(arena, common, tags) : tags;
    }
    return found >= WORTH_IT && common->count && !value_is_sensitive(common) ? common : NULL;
}

/* ---- by type ---- */

struct type_count {
    struct str type;
    size_t n, counts[ACTION_COUNT];
};

static int by_count(const void *a, const void *b)
{
    const struct type_count *x = a, *y = b;
    return x->n != y->n ? (x->n > y->n ? -1 : 1) : str_cmp(x->type, y->type);
}

static size_t count_types(const struct section *sections, size_t n, struct type_count **out)
{
    struct type_count *list = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = 0; i < n; i++) {
        const struct change *c = sections[i].change;
        size_t k = 0;
        while (k < count && !str_eq(list[k].type, c->subject.type))
            k++;
        if (k == count) {
            MEM_GROW(list, cap, count + 1);
            list[count++] = (struct type_count){.type = c->subject.type};
        }
        list[k].n++;
        list[k].counts[c->decision.action]++;
    }
    if (count)
        qsort(list, count, sizeof *list, by_count);
    *out = list;
    return count;
}

void sections_types(const struct section *sections, size_t n, struct buf *out)
{
    struct type_count *list;
    size_t count = count_types(sections, n, &list);
    int width = 0;
    for (size_t i = 0; i < count; i++) {
        int w = (int)cells_width(list[i].type);
        width = w > width ? w : width;
    }
    for (size_t i = 0; i < count; i++) {
        const char *separator = "  ";
        buf_addf(out, "  %-*.*s", width, STR_ARG(list[i].type));
        for (int action = 0; action < ACTION_COUNT; action++) {
            if (!list[i].counts[action])
                continue;
            buf_addf(out, "%s%zu to %s", separator, list[i].counts[action], action_verb((enum action)action));
            separator = ", ";
        }
        buf_add_char(out, '\n');
    }
    free(list);
}

enum { NAME_WIDTH_MAX = 32, FLUSH_FROM = 64 * 1024 };

static const struct {
    const char *verb, *past, *present, *sign;
    enum style style;
} actions[ACTION_COUNT] = {
    [ACTION_NOOP] = {"move", "moved", "moving", "~>", STYLE_CYAN},
    [ACTION_READ] = {"read", "read", "reading", "<=", STYLE_CYAN},
    [ACTION_CREATE] = {"create", "created", "creating", "+", STYLE_GREEN},
    [ACTION_UPDATE] = {"update", "updated", "updating", "~", STYLE_YELLOW},
    [ACTION_REPLACE] = {"replace", "replaced", "replacing", "-/+", STYLE_MAGENTA},
    [ACTION_DELETE] = {"delete", "deleted", "deleting", "-", STYLE_RED},
    [ACTION_ADOPT] = {"import", "imported", "importing", "=>", STYLE_CYAN},
    [ACTION_FORGET] = {"forget", "forgotten", "forgetting", ".", STYLE_DIM},
};

const char *action_verb(enum action action)
{
    return actions[action].verb;
}

const char *action_past(enum action action)
{
    return actions[action].past;
}

const char *action_present(enum action action)
{
    return actions[action].present;
}

struct sign action_sign(const struct change *c)
{
    bool create_first = c->decision.create_first;
    return (struct sign){create_first ? "+/-" : actions[c->decision.action].sign,
        actions[c->decision.action].style, actions[c->decision.action].verb};
}

/* ---- drift ---- */

static bool has_drift(const struct change *c)
{
    return c->deleted || c->drift_count;
}

static size_t drift_sections(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t n = 0;
    bool apart = true; /* the previous section has lines below its heading: an empty line follows */
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = plan->changes[i];
        if (!has_drift(c))
            continue;
        if (n++ == 0)
            style_add(out, o->color, STYLE_BOLD, "Changed outside weir since the last apply:\n");
        buf_addz(out, apart || c->drift_count ? "\n" : "");
        apart = c->drift_count;
        struct sign sign = c->deleted ? (struct sign){"-", STYLE_RED, "deleted"}
                                      : (struct sign){"~", STYLE_YELLOW, "changed"};
        section_header(c, sign, o, out);
        buf_add_char(out, '\n');
        section_attrs(c->drift, c->drift_count, o, out);
    }
    if (n)
        buf_add_char(out, '\n');
    return n;
}

static void refresh_line(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    if (!plan->refreshed || !plan->refresh_requests)
        return;
    size_t n = plan->refresh_count;
    style_on(out, o->color, STYLE_DIM);
    buf_addf(out, "%s %zu resource%s with %" PRIu64 " request%s in ",
        plan->refreshed_quickly ? "Looked at what listings show of" : "Refreshed", n, n == 1 ? "" : "s",
        plan->refresh_requests, plan->refresh_requests == 1 ? "" : "s");
    text_add_duration(out, plan->refresh_ms);
    buf_add_char(out, '.');
    style_off(out, o->color, STYLE_DIM);
    buf_add_char(out, '\n');
}

void render_drift(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t n = drift_sections(plan, o, out);
    if (n)
        buf_addf(out, "Drift: %zu resource%s changed outside weir.\n", n, n == 1 ? "" : "s");
    else
        buf_addz(out, plan->unread_count ? "No drift where weir could read.\n"
                                         : "No drift: nothing changed outside weir.\n");
    render_unread(plan, out);
    refresh_line(plan, o, out);
}

/* ---- the whole plan ---- */

static void output_section(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < plan->output_count; i++) {
        int w = (int)cells_width(plan->outputs[i].name);
        width = w > width ? w : width;
    }
    style_add(out, o->color, STYLE_BOLD, "Outputs:");
    buf_add_char(out, '\n');
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct output_change *c = &plan->outputs[i];
        render_change(&(struct render_change){.name = c->name,
                          .name_width = width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width,
                          .indent = 2,
                          .before = c->before,
                          .after = c->after,
                          .hidden = c->sensitive},
            o, out);
    }
    buf_add_char(out, '\n');
}

/* Writes "Plan: 3 to create, 1 to update, 1 to replace, 0 to delete." */
static void render_summary(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    static const enum action always[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE};
    static const enum action sometimes[] = {ACTION_READ, ACTION_ADOPT, ACTION_FORGET};
    const char *separator = " ";
    style_add(out, o->color, STYLE_BOLD, "Plan:");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++, separator = ", ")
        buf_addf(out, "%s%zu to %s", separator, plan_count(plan, always[i]), actions[always[i]].verb);
    for (size_t i = 0; i < sizeof sometimes / sizeof *sometimes; i++)
        if (plan->counts[sometimes[i]])
            buf_addf(out, ", %zu to %s", plan->counts[sometimes[i]], actions[sometimes[i]].verb);
    buf_addz(out, ".\n");
}

static void as_it_is(const struct plan *plan, struct buf *out)
{
    size_t n = plan->resource_count - plan->untargeted_count, unread = plan->unread_count;
    n -= unread < n ? unread : n;
    buf_addf(out, "No changes%s: %zu resource%s as configured", unread ? " where weir could read" : "", n,
        n == 1 ? " is" : "s are");
    if (plan->untargeted_unread)
        buf_addz(out, "; others were left out");
    else if (plan->untargeted_count)
        buf_addf(out, "; %zu other%s left out", plan->untargeted_count,
            plan->untargeted_count == 1 ? " was" : "s were");
    buf_addz(out, ".\n");
}

static void nothing_to_do(const struct plan *plan, bool drift, struct buf *out)
{
    if (plan->destroy)
        buf_addz(out, "No changes: nothing is left to destroy.\n");
    else if (plan_has_changes(plan))
        buf_addz(out, "Only addresses change.\n");
    else if (plan->output_count)
        buf_addz(out, "Only outputs change.\n");
    else if (drift)
        buf_addf(out, "No changes%s: the changes made outside weir do not conflict with the configuration.\n",
            plan->unread_count ? " where weir could read" : "");
    else
        as_it_is(plan, out);
}

/* Counts the creations of one declaration, which are consecutive. `before` is the previous one. */
static struct brief brief_of(const struct section *sections, size_t at, const struct brief *before)
{
    struct brief brief = {.decl = sections[at].decl, .tags = before->tags};
    if (!at || sections[at].change->decision.action != ACTION_CREATE ||
        sections[at - 1].change->decision.action != ACTION_CREATE ||
        !str_eq(sections[at - 1].declared, sections[at].declared))
        return brief;
    brief.nth = before->nth + 1;
    brief.like = before->like ? before->like : sections[at - 1].change;
    return brief;
}

static void module_line(const struct section *section, const struct render_options *o, struct buf *out)
{
    style_on(out, o->color, STYLE_BOLD);
    if (section->module.n) {
        text_addf(out, "Module %.*s", STR_ARG(section->module));
    } else {
        buf_addz(out, "The stack itself");
    }
    buf_add_char(out, ':');
    style_off(out, o->color, STYLE_BOLD);
    buf_addz(out, "\n\n");
}

static void common_tags_line(const struct value *tags, const struct render_options *o, struct buf *out)
{
    buf_addz(out, "Tags of everything that is created: ");
    render_value(tags, 0, o, out);
    buf_add_char(out, '\n');
}

static void change_sections(const struct section *sections, size_t n, const struct render_options *o,
    struct arena *arena, struct buf *out)
{
    bool modules = sections_in_modules(sections, n), block = false;
    struct brief brief = {.tags = o->compact ? sections_tags(sections, n, arena) : NULL};
    for (size_t i = 0; i < n; i++) {
        bool opens = modules && (!i || !str_eq(sections[i].module, sections[i - 1].module));
        brief = brief_of(sections, i, &brief);
        bool had_block = block;
        block = section_has_block(sections[i].change, &brief, o);
        if (i && (had_block || block || opens))
            buf_add_char(out, '\n');
        if (opens)
            module_line(&sections[i], o, out);
        section_change(sections[i].change, &brief, o, out);
        if (o->flush && out->n >= FLUSH_FROM)
            o->flush(o->flush_ctx, out);
    }
    if (n)
        buf_add_char(out, '\n');
    if (brief.tags)
        common_tags_line(brief.tags, o, out);
}

/* Writes the counts by type if there are many changes. */
static void types_section(
    const struct section *sections, size_t n, const struct render_options *o, struct buf *out)
{
    if (n < TYPES_WORTH_IT)
        return;
    style_add(out, o->color, STYLE_BOLD, "By type:");
    buf_add_char(out, '\n');
    sections_types(sections, n, out);
    buf_add_char(out, '\n');
}

void render_plan(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    size_t actions_planned = plan_count_all(plan);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct section *sections;
    size_t n = sections_list(plan, &arena, &sections), drifted = drift_sections(plan, o, out);
    if (drifted && plan_has_changes(plan)) {
        style_add(out, o->color, STYLE_BOLD, "weir would:");
        buf_addz(out, "\n\n");
    }
    change_sections(sections, n, o, &arena, out);
    render_data_loss(plan, o, out);
    if (plan->output_count && !plan->destroy) /* a destroy removes all outputs, so they are not listed */
        output_section(plan, o, out);
    types_section(sections, n, o, out);
    render_rules(plan, o, !plan->workspace, out); /* with a stack they were reported as errors */
    if (actions_planned)
        render_summary(plan, o, out);
    else
        nothing_to_do(plan, drifted > 0, out);
    render_unread(plan, out);
    refresh_line(plan, o, out);
}
