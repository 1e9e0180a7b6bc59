/* The page of a plan: see page.h. What it shows of values is what the text of a plan shows, masks included.
 */
#include "cmd/page/page.h"

#include "base/embed.h"
#include "cmd/output/render_section.h"
#include "cmd/page/page_cost.h"

static void add_file(const char *path, struct buf *out)
{
    const struct embedded_file *file = embedded_find(str_z(path));
    buf_add_str(out, file ? embedded_text(file) : STR_EMPTY);
}

/* Only this script may run, and only what stands in the page is shown. */
static void add_policy(struct str script, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    unsigned char digest[SHA256_SIZE];
    hash_sha256(script, digest);
    struct str sum = base64_encode(&arena, str_n((char *)digest, sizeof digest));
    buf_addf(out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; "
        "script-src 'sha256-%.*s'\">\n",
        STR_ARG(sum));
}

/* ---- one change ---- */

/* Lines of a text with marked signs, each in the colour of its sign. */
static void add_lines(struct str text, struct buf *out)
{
    for (struct str rest = text; rest.n;) {
        struct str line = str_cut(rest, '\n', &rest);
        ptrdiff_t mark = str_find_char(line, RENDER_MARK, 0);
        char sign = mark >= 0 && (size_t)mark + 1 < line.n ? line.p[mark + 1] : ' ';
        const char *kind = sign == '+' ? "new" : sign == '-' ? "old" : sign == '~' ? "changed" : NULL;
        if (kind)
            buf_addf(out, "<span class=\"%s\">", kind);
        picture_add_xml(out, str_slice(line, 0, mark >= 0 ? (size_t)mark : line.n));
        if (mark >= 0)
            picture_add_xml(out, str_slice(line, (size_t)mark + 1, line.n));
        buf_addz(out, kind ? "</span>\n" : "\n");
    }
}

static const char *change_class(const struct change *change)
{
    return change->decision.action == ACTION_NOOP ? "move" : action_name(change->decision.action);
}

static void add_change(const struct section *section, struct page_cost *cost, struct buf *out)
{
    const struct change *change = section->change;
    const struct render_options options = {.everything = true, .marked = true};
    AUTO_BUF struct buf text = BUF_INIT;
    section_attrs(change->attrs, change->attr_count, &options, &text);
    buf_addf(out, "<details class=\"change %s\" data-of=\"", change_class(change));
    picture_add_xml(out, section->declared);
    buf_addf(out, "\"><summary><b>%s</b> <code>", action_verb(change->decision.action));
    picture_add_xml(out, change->subject.address);
    buf_addz(out, "</code> <small>");
    picture_add_xml(out, change->subject.type);
    buf_addz(out, "</small></summary>\n");
    if (change->reason.n) {
        buf_addz(out, "<p>");
        picture_add_xml(out, change->reason);
        buf_addz(out, "</p>\n");
    }
    buf_addz(out, "<pre>");
    add_lines(buf_str(&text), out);
    buf_addz(out, "</pre>\n");
    if (cost)
        page_cost_of(cost, change->subject.address, out);
    buf_addz(out, "</details>\n");
}

/* ---- all of them ---- */

/* What was recorded, and what there is. */
static void add_drifted(const struct change *change, struct buf *out)
{
    const struct render_options options = {.everything = true, .marked = true};
    struct str address = change->subject.address;
    ptrdiff_t key = address_key_at(address);
    AUTO_BUF struct buf text = BUF_INIT;
    section_attrs(change->drift, change->drift_count, &options, &text);
    buf_addz(out, "<details class=\"change drifted\" data-of=\"");
    picture_add_xml(out, key > 0 ? str_slice(address, 0, (size_t)key) : address);
    buf_addz(out, "\"><summary><code>");
    picture_add_xml(out, address);
    buf_addf(out, "</code> <small>%s</small></summary>\n<pre>", change->gone ? "is gone" : "");
    add_lines(buf_str(&text), out);
    buf_addz(out, "</pre>\n</details>\n");
}

static void add_drift(const struct plan *plan, struct buf *out)
{
    if (!plan->drifted)
        return;
    buf_addz(out, "<details class=\"drift module\" open><summary>Changed outside weir</summary>\n");
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i].gone || plan->changes[i].drift_count)
            add_drifted(&plan->changes[i], out);
    buf_addz(out, "</details>\n");
}

static void add_erased(const struct plan *plan, struct buf *out)
{
    const struct render_options options = {.everything = true};
    AUTO_BUF struct buf text = BUF_INIT;
    render_erases(plan, &options, &text);
    if (!text.n)
        return;
    buf_addz(out, "<section class=\"erases\" role=\"alert\"><pre>");
    picture_add_xml(out, buf_str(&text));
    buf_addz(out, "</pre></section>\n");
}

static void add_unread(const struct plan *plan, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    render_unread(plan, &text);
    if (!text.n)
        return;
    buf_addz(out, "<section class=\"unread\" role=\"alert\"><pre>");
    picture_add_xml(out, buf_str(&text));
    buf_addz(out, "</pre></section>\n");
}

static void add_rules(const struct plan *plan, struct buf *out)
{
    const struct render_options options = {.everything = true};
    AUTO_BUF struct buf text = BUF_INIT;
    render_rules(plan, &options, true, &text);
    if (!text.n)
        return;
    buf_addz(out, "<section class=\"unread rules\" role=\"alert\"><pre>");
    picture_add_xml(out, buf_str(&text));
    buf_addz(out, "</pre></section>\n");
}

static void add_changes(const struct plan *plan, struct page_cost *cost, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct section *sections;
    size_t n = sections_list(plan, &arena, &sections);
    bool modules = sections_in_modules(sections, n);
    for (size_t i = 0; i < n; i++) {
        bool first = !i || !str_eq(sections[i].module, sections[i - 1].module);
        bool last = i + 1 == n || !str_eq(sections[i].module, sections[i + 1].module);
        if (modules && first) {
            buf_addz(out, "<details class=\"module\" data-module=\"");
            picture_add_xml(out, sections[i].module);
            buf_addz(out, "\" open><summary>");
            picture_add_xml(out, sections[i].module.n ? sections[i].module : STR("the stack itself"));
            buf_addz(out, "</summary>\n");
        }
        add_change(&sections[i], cost, out);
        if (modules && last)
            buf_addz(out, "</details>\n");
    }
    if (!n)
        buf_addf(
            out, "<p>Nothing is to be done%s.</p>\n", plan->unread_count ? " where weir could look" : "");
}

/* "3 to create", as boxes that hide and show. */
static void add_filters(const struct plan *plan, struct buf *out)
{
    static const enum action shown[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE,
        ACTION_ADOPT, ACTION_READ, ACTION_FORGET};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        size_t n = plan ? plan_count(plan, shown[i]) : 0;
        if (n)
            buf_addf(out,
                "<label class=\"%s\"><input type=\"checkbox\" value=\"%s\" checked> %zu to %s</label>\n",
                action_name(shown[i]), action_name(shown[i]), n, action_verb(shown[i]));
    }
}

void page_begin(const struct stack *stack, const char *what, const char *script, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    add_file(script, &text);
    buf_addz(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add_policy(buf_str(&text), out);
    buf_addz(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    picture_add_xml(out, stack->name);
    buf_addf(out, ": %s</title>\n<style>\n", what);
    add_file("cmd/page/page.css", out);
    buf_addz(out, "</style>\n</head>\n<body>\n<header>\n<h1>");
    picture_add_xml(out, stack->name);
    if (stack->env.n) {
        buf_addz(out, " <small>");
        picture_add_xml(out, stack->env);
        buf_addz(out, "</small>");
    }
    buf_addz(out, "</h1>\n");
}

void page_end(const char *script, struct buf *out)
{
    buf_addz(out, "<script>");
    add_file(script, out);
    buf_addz(out, "</script>\n</body>\n</html>\n");
}

static void add_head(
    const struct stack *stack, const struct plan *plan, const struct page_cost *cost, struct buf *out)
{
    page_begin(stack, !plan ? "resources" : plan->destroy ? "destroy" : "plan", "cmd/page/page.js", out);
    buf_addz(out, "<div class=\"filters\" role=\"group\" aria-label=\"Filters\">\n");
    add_filters(plan, out);
    buf_addz(out, "</div>\n<input id=\"search\" type=\"search\" placeholder=\"Search ( / )\" "
                  "aria-label=\"Search addresses and types\">\n");
    if (cost)
        page_cost_total(cost, out);
    buf_addz(out, "</header>\n");
}

static void add_picture(struct picture *p, struct buf *out)
{
    layout_run(&p->layout);
    buf_addz(out, "<section id=\"picture\" aria-label=\"Dependencies\">\n<div class=\"tools\">"
                  "<button id=\"in\" aria-label=\"larger\">+</button>"
                  "<button id=\"out\" aria-label=\"smaller\">&minus;</button>"
                  "<button id=\"fit\">fit</button></div>\n");
    picture_svg(p, true, out);
    buf_addz(out, "</section>\n");
}

static void add_list(const struct plan *plan, struct page_cost *cost, struct buf *out)
{
    buf_addz(out, "<section id=\"changes\" aria-label=\"Changes\">\n");
    add_erased(plan, out);
    add_unread(plan, out);
    add_rules(plan, out);
    add_drift(plan, out);
    add_changes(plan, cost, out);
    if (cost)
        page_cost_others(cost, out);
    buf_addz(out, "</section>\n");
}

void page_write(struct picture *p, const struct plan *plan, const struct cost_change *cost, struct buf *out)
{
    struct page_cost priced = {0};
    if (cost)
        page_cost_init(&priced, cost);
    add_head(p->stack, plan, cost ? &priced : NULL, out);
    buf_addf(out, "<main%s>\n", plan ? "" : " class=\"alone\"");
    if (plan)
        add_list(plan, cost ? &priced : NULL, out);
    add_picture(p, out);
    buf_addz(out, "</main>\n");
    page_end("cmd/page/page.js", out);
    page_cost_release(&priced);
}
