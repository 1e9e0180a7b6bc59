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

/* In quotes a text stands as it is, elsewhere with quotes of its own. */
static void add_variable(struct buf *out, const struct value *v, bool quoted)
{
    AUTO_BUF struct buf json = BUF_INIT;
    add_event(&json, v);
    struct str text = buf_str(&json);
    bool strip = quoted && v->kind == VALUE_STRING;
    buf_add_str(out, strip ? str_slice(text, 1, text.n - 1) : text);
}

struct str input_template(struct arena *arena, struct str template, input_variable *variable, const void *ctx)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false;
    for (size_t i = 0; i < template.n; i++) {
        char c = template.p[i];
        ptrdiff_t end = c == '<' ? str_find_char(template, '>', i) : -1;
        if (end > 0) {
            const struct value *v = variable(ctx, arena, str_slice(template, i + 1, (size_t)end));
            if (v)
                add_variable(&out, v, quoted);
            i = (size_t)end;
            continue;
        }
        quoted = c == '"' && !(i && template.p[i - 1] == '\\') ? !quoted : quoted;
        buf_add_char(&out, c);
    }
    return arena_str(arena, buf_str(&out));
}
