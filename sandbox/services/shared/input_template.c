/* Templates of inputs: see input_template.h. */
#include "sandbox/services/shared/input_template.h"

#include "base/json.h"

/* The members of an event in AWS's order; of anything else as they are. */
static void add_event(struct buf *out, const struct value *v)
{
    static const char *const members[] = {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"};
    enum { N = sizeof members / sizeof *members };
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += value_getz(v, members[i]) != NULL;
    if (n < N - 1 || n != v->count) {
        json_write(out, v, JSON_PLAIN);
        return;
    }
    for (size_t i = 0; i < N; i++) {
        const struct value *member = value_getz(v, members[i]);
        if (!member)
            continue;
        buf_addf(out, "%c\"%s\":", i ? ',' : '{', members[i]);
        json_write(out, member, JSON_PLAIN);
    }
    buf_add_char(out, '}');
}

struct str input_event(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_event(&out, v);
    return arena_str(arena, buf_str(&out));
}

/* In quotes a text stands as it is, elsewhere with quotes of its own; of other values in a text the quotes
 * are left out. */
static void add_variable(struct buf *out, const struct value *v, bool quoted, bool text)
{
    AUTO_BUF struct buf json = BUF_INIT;
    add_event(&json, v);
    struct str written = buf_str(&json);
    if (quoted && v->kind == VALUE_STRING)
        written = str_slice(written, 1, written.n - 1);
    else if (quoted && text)
        for (struct str rest = written; rest.p; written = rest)
            buf_add_str(out, str_cut(rest, '"', &rest));
    buf_add_str(out, written);
}

struct str input_template(
    struct arena *arena, struct str template, bool text, input_variable *variable, const void *ctx)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false, escaped = false;
    for (size_t i = 0; i < template.n; i++) {
        char c = template.p[i];
        ptrdiff_t end = c == '<' ? str_find_char(template, '>', i) : -1;
        if (end > 0) {
            const struct value *v = variable(ctx, arena, str_slice(template, i + 1, (size_t)end));
            if (v)
                add_variable(&out, v, quoted, text);
            i = (size_t)end;
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        buf_add_char(&out, c);
    }
    return arena_str(arena, buf_str(&out));
}
