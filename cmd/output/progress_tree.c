/*
 * The tree on a terminal: resources in progress, grouped by module if there are modules, with the steps that
 * wait for them, their other dependencies, and the overall progress.
 */
#include "cmd/output/progress.h"

#include "base/mask.h"
#include "cmd/output/render.h"
#include "provider/aws/client.h"

/*
 * Only the tree is redrawn. It is never higher than the window, and each line fits into one row, so that the
 * next frame can move back over it. The cursor is never hidden and stays below the tree, so a killed process
 * leaves a usable terminal.
 */

enum {
    KEPT_ROWS = 4, /* rows of the window left for finished resources and the cursor */
    LEAST_ADDRESS = 8,
    MOST_WAITING = 3, /* steps shown that wait for one step; the others are counted */
    MOST_DEPTH = 4,
    MOST_BLOCKERS = 2
};

/* A line that is cut to the width of one row. */
struct row {
    struct buf *out;
    bool color;
    size_t left, used;
};

/* A line of the tree: a resource in progress, or a step that waits for the parent's step. */
struct twig {
    const struct flight *flight;
    uint32_t step;
    size_t depth, parent, first, next; /* indices of twigs, counted from 1 */
    size_t waiting;
    bool more; /* there are more waiting steps than were counted */
};

struct tree {
    struct progress *p;
    struct twig twigs[TREE_ROOM + 1];
    size_t n, room;
    bool headed; /* each module has a heading */
};

/* ---- rows ---- */

static void row_add(struct row *row, enum style style, struct str text)
{
    struct str part = str_slice(text, 0, cells_prefix(text, row->left));
    size_t cells = cells_width(part);
    if (!part.n)
        return;
    style_add_str(row->out, row->color, style, part);
    row->left -= cells;
    row->used += cells;
}

static void row_addz(struct row *row, enum style style, const char *text)
{
    row_add(row, style, str_z(text));
}

/* Masks secrets before the text is cut, since a part of a secret would not be recognised and would be
 * shown. */
static void add_shown(struct buf *out, struct str text)
{
    AUTO_BUF struct buf masked = BUF_INIT;
    mask_text(&masked, text);
    text_add_safe(out, buf_str(&masked), false);
}

static void row_add_safe(struct row *row, enum style style, struct str text)
{
    AUTO_BUF struct buf safe = BUF_INIT;
    add_shown(&safe, text);
    row_add(row, style, buf_str(&safe));
}

static struct row row_begin(struct progress *p, struct buf *out)
{
    buf_addz(out, "\033[K");
    return (struct row){
        .out = out, .color = p->term.color, .left = p->term.width > 4 ? (size_t)p->term.width - 1 : 3};
}

static void row_end(struct progress *p, struct row *row)
{
    buf_add_char(row->out, '\n');
    p->drawn[p->drawn_count++] = (uint16_t)row->used;
}

/* Returns the end of the text that fits into `cells` columns. */
static struct str tail_of(struct str text, size_t cells)
{
    size_t size, width = cells_width(text);
    while (width > cells) {
        width -= cells_of(cells_decode(text, 0, &size));
        text = str_slice(text, size, text.n);
    }
    return text;
}

/* Both ends of an address distinguish it from others, so a long address is shortened in the middle. */
static void row_add_address(
    struct progress *p, struct row *row, struct str address, enum style style, size_t kept)
{
    AUTO_BUF struct buf safe = BUF_INIT;
    const char *gap = p->term.utf8 ? "…" : "..";
    size_t room = row->left > kept + LEAST_ADDRESS ? row->left - kept : LEAST_ADDRESS;
    add_shown(&safe, address);
    struct str text = buf_str(&safe);
    if (cells_width(text) <= room) {
        row_add(row, style, text);
        return;
    }
    size_t ends = room - cells_width(str_z(gap));
    row_add(row, style, str_slice(text, 0, cells_prefix(text, ends / 2)));
    row_addz(row, STYLE_DIM, gap);
    row_add(row, style, tail_of(text, ends - ends / 2));
}

/* ---- selecting the lines ---- */

static uint32_t module_at(const struct tree *tree, const struct flight *f)
{
    const struct exec_graph_state *c = &tree->p->exec_graph;
    return f->step < c->n ? c->module_of[f->step] : UINT32_MAX;
}

static size_t twig_add(struct tree *tree, const struct flight *flight, uint32_t step, size_t parent)
{
    if (tree->n >= tree->room)
        return 0;
    struct twig *twig = &tree->twigs[++tree->n];
    size_t depth = parent ? tree->twigs[parent].depth + 1 : 0;
    *twig = (struct twig){.flight = flight, .step = step, .depth = depth, .parent = parent};
    if (step < tree->p->exec_graph.n)
        tree->p->exec_graph.shown[step] = tree->p->exec_graph.frame;
    return tree->n;
}

/* Adds the steps that wait for the twig's step and are not shown yet, as a list. */
static void twig_grow(struct tree *tree, size_t at)
{
    struct exec_graph_state *c = &tree->p->exec_graph;
    uint32_t waiting[MOST_WAITING * 4];
    size_t most = sizeof waiting / sizeof *waiting, last = 0, grown = 0;
    struct twig *twig = &tree->twigs[at];
    twig->waiting = exec_graph_waiting(c, twig->step, waiting, most, &twig->more);
    for (size_t i = 0; i < twig->waiting && i < most && grown < MOST_WAITING; i++) {
        if (c->shown[waiting[i]] == c->frame || c->states[waiting[i]] != STEP_WAITING)
            continue;
        size_t next = twig->depth < MOST_DEPTH ? twig_add(tree, NULL, waiting[i], at) : 0;
        if (!next)
            return;
        *(last ? &tree->twigs[last].next : &twig->first) = next;
        last = next;
        grown++;
    }
}

/* Selects the lines: resources in progress first, then the steps that wait for them, and so on while there is
 * room. */
static size_t tree_plant(struct tree *tree)
{
    struct progress *p = tree->p;
    size_t planted = 0, modules = 0;
    uint32_t last = UINT32_MAX - 1;
    p->exec_graph.frame++;
    for (const struct flight *f = p->first; f; f = f->next) {
        modules += module_at(tree, f) != last; /* an upper limit of the headings */
        last = module_at(tree, f);
    }
    tree->headed = p->exec_graph.module_count > 1 && p->in_flight + modules <= tree->room;
    tree->room -= tree->headed ? modules : 0;
    for (const struct flight *f = p->first; f && planted < tree->room; f = f->next)
        planted += twig_add(tree, f, f->step, 0) > 0;
    for (size_t i = 1; i <= tree->n; i++)
        twig_grow(tree, i);
    return planted;
}

/* ---- drawing ---- */

static void add_elapsed(struct buf *out, int64_t ms)
{
    text_add_duration(out, ms < 0 ? 0 : ms);
}

static void draw_flight(struct tree *tree, const struct twig *twig, int64_t now, struct buf *out)
{
    const struct flight *f = twig->flight;
    AUTO_BUF struct buf elapsed = BUF_INIT, waiting = BUF_INIT;
    struct str address = str_z(f->address);
    uint32_t module = module_at(tree, f);
    size_t path = tree->headed && module != UINT32_MAX ? tree->p->exec_graph.modules[module].path.n : 0;
    add_elapsed(&elapsed, now - f->since_ms);
    if (twig->waiting)
        buf_addf(
            &waiting, " (%zu%s wait%s)", twig->waiting, twig->more ? "+" : "", twig->waiting == 1 ? "s" : "");
    struct row row = row_begin(tree->p, out);
    row_addz(&row, STYLE_PLAIN, tree->headed ? "    " : "  ");
    row_addz(&row, STYLE_PLAIN, action_present(f->action));
    row_addz(&row, STYLE_PLAIN, " ");
    row_add_address(tree->p, &row, path ? str_slice(address, path + 1, address.n) : address, STYLE_BOLD,
        elapsed.n + waiting.n + 1);
    row_addz(&row, STYLE_PLAIN, " ");
    row_add(&row, STYLE_PLAIN, buf_str(&elapsed));
    row_add(&row, STYLE_DIM, buf_str(&waiting));
    row_addz(&row, STYLE_PLAIN, f->text[0] ? "  " : "");
    row_add_safe(&row, STYLE_DIM, str_z(f->text));
    row_end(tree->p, &row);
}

/* Appends further dependencies of the step; the parent is shown by the tree. */
static void add_others(struct tree *tree, const struct twig *twig, struct buf *out)
{
    struct exec_graph_state *c = &tree->p->exec_graph;
    uint32_t blockers[MOST_BLOCKERS + 1];
    bool more;
    size_t n = exec_graph_blockers(c, twig->step, blockers, MOST_BLOCKERS + 1, &more), shown = 0;
    for (size_t i = 0; n > 1 && i < n && i < MOST_BLOCKERS + 1 && shown < MOST_BLOCKERS; i++) {
        if (blockers[i] == tree->twigs[twig->parent].step)
            continue;
        buf_addz(out, shown++ ? ", " : "  waits also for ");
        add_shown(out, c->steps[blockers[i]].address);
    }
    if (n > shown + 1)
        buf_addf(out, " and %zu%s more", n - 1 - shown, more ? "+" : "");
}

static void draw_waiting(struct tree *tree, const struct twig *twig, struct buf *out)
{
    const struct exec_graph_step *step = &tree->p->exec_graph.steps[twig->step];
    AUTO_BUF struct buf others = BUF_INIT;
    struct row row = row_begin(tree->p, out);
    for (size_t i = 0; i < twig->depth + tree->headed; i++)
        row_addz(&row, STYLE_PLAIN, "  ");
    row_addz(&row, STYLE_DIM,
        tree->p->term.utf8 ? (twig->next ? "  ├ " : "  └ ") : (twig->next ? "  |-" : "  `-"));
    row_addz(&row, STYLE_DIM, "to ");
    row_addz(&row, STYLE_DIM, action_verb(step->action));
    row_addz(&row, STYLE_DIM, " ");
    add_others(tree, twig, &others);
    row_add_address(tree->p, &row, step->address, STYLE_PLAIN, others.n ? row.left / 2 : 0);
    row_add(&row, STYLE_DIM, buf_str(&others));
    row_end(tree->p, &row);
}

static void draw_twig(struct tree *tree, size_t at, int64_t now, struct buf *out)
{
    const struct twig *twig = &tree->twigs[at];
    if (twig->flight)
        draw_flight(tree, twig, now, out);
    else
        draw_waiting(tree, twig, out);
    for (size_t next = twig->first; next; next = tree->twigs[next].next)
        draw_twig(tree, next, now, out);
}

static void draw_head(struct tree *tree, uint32_t module, struct buf *out)
{
    const struct exec_graph_module *m = &tree->p->exec_graph.modules[module];
    char count[64];
    struct row row = row_begin(tree->p, out);
    row_addz(&row, STYLE_PLAIN, "  ");
    row_add_safe(&row, STYLE_CYAN, m->path.n ? m->path : STR("the stack itself"));
    snprintf(count, sizeof count, "  %zu of %zu done", m->done, m->total);
    row_addz(&row, STYLE_DIM, count);
    row_end(tree->p, &row);
}

/* With headings, draws module by module in the order of their first resources in progress. */
static void draw_twigs(struct tree *tree, int64_t now, struct buf *out)
{
    for (size_t i = 1; i <= tree->n && tree->twigs[i].flight; i++) {
        uint32_t module = module_at(tree, tree->twigs[i].flight);
        bool before = false;
        for (size_t k = 1; k < i && tree->headed && !before; k++)
            before = module_at(tree, tree->twigs[k].flight) == module;
        if (before)
            continue;
        if (tree->headed && module != UINT32_MAX)
            draw_head(tree, module, out);
        for (size_t k = i; k <= tree->n && tree->twigs[k].flight; k++)
            if (k == i || (tree->headed ? module_at(tree, tree->twigs[k].flight) == module : false))
                draw_twig(tree, k, now, out);
    }
}

/* ---- the overall progress ---- */

static void add_counts(struct progress *p, struct buf *line)
{
    struct retry_counts again = retry_counts();
    size_t begun = p->done + p->failed + p->skipped + p->in_flight;
    buf_addf(line, "%zu", p->done);
    if (p->options.total)
        buf_addf(line, " of %zu", p->options.total);
    buf_addf(line, " done, %zu in flight", p->in_flight);
    if (p->failed)
        buf_addf(line, ", %zu failed", p->failed);
    if (p->skipped)
        buf_addf(line, ", %zu skipped", p->skipped);
    if (p->stopping)
        buf_addz(line, ", stopping");
    else if (p->options.total > begun)
        buf_addf(line, ", %zu waiting", p->options.total - begun);
    if (again.throttled)
        buf_addf(line, ", throttled %u time%s", again.throttled, again.throttled == 1 ? "" : "s");
    if (again.failures)
        buf_addf(line, ", %u call%s sent again", again.failures, again.failures == 1 ? "" : "s");
}

static void draw_status(struct progress *p, int64_t now, struct buf *out)
{
    AUTO_BUF struct buf elapsed = BUF_INIT, line = BUF_INIT;
    struct row row = row_begin(p, out);
    add_elapsed(&elapsed, now - p->began_ms);
    row_addz(&row, STYLE_CYAN, term_spinner(&p->term, now));
    row_addz(&row, STYLE_PLAIN, " ");
    row_add(&row, STYLE_PLAIN, buf_str(&elapsed)); /* the first part is never cut */
    row_addz(&row, STYLE_PLAIN, "  ");
    if (p->in_flight || p->done || p->failed || p->skipped)
        add_counts(p, &line);
    else
        add_shown(&line, str_z(p->status[0] ? p->status : "working"));
    row_add(&row, STYLE_PLAIN, buf_str(&line));
    row_end(p, &row);
}

/* ---- frames ---- */

/* Returns the rows of the drawn tree: in a window that has become narrower, lines may wrap. */
static size_t rows_drawn(const struct progress *p)
{
    size_t rows = 0, width = p->term.width > 0 ? (size_t)p->term.width : 1;
    for (size_t i = 0; i < p->drawn_count; i++)
        rows += p->drawn[i] ? (p->drawn[i] + width - 1) / width : 1;
    return rows;
}

static void draw_tree(struct progress *p, int64_t now, struct buf *out)
{
    struct tree tree = {
        .p = p, .room = p->term.height > KEPT_ROWS + 2 ? (size_t)p->term.height - KEPT_ROWS : 2};
    tree.room = tree.room < TREE_ROOM ? tree.room : TREE_ROOM;
    size_t planted = tree_plant(&tree);
    draw_twigs(&tree, now, out);
    if (planted < p->in_flight) {
        char more[48];
        struct row row = row_begin(p, out);
        snprintf(more, sizeof more, "  and %zu more", p->in_flight - planted);
        row_addz(&row, STYLE_DIM, more);
        row_end(p, &row);
    }
    draw_status(p, now, out);
}

void tree_replace(struct progress *p, struct str lines, int64_t now, struct buf *out)
{
    size_t rows = rows_drawn(p), before = p->drawn_count;
    if (!rows && !lines.n && p->stop)
        return;
    p->drawn_count = 0;
    if (rows)
        buf_addf(out, "\033[%zuA\r", rows);
    if (rows && (lines.n || p->stop)) /* new lines may wrap, so the rows of the old tree are cleared first */
        buf_addz(out, "\033[J");
    buf_add_str(out, lines);
    if (!p->stop)
        draw_tree(p, now, out);
    if (rows > p->drawn_count || before > p->drawn_count)
        buf_addz(out, "\033[J");
}
