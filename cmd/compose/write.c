/* Resources as somebody would write them: short lists and maps in one line, long ones in several. */
#include "cmd/compose/compose.h"

#include "base/json.h"
#include "base/yaml.h"

#include <assert.h>

enum { LINE_MAX_BYTES = 120 };

void attr_add(struct attr_list *list, const char *key, const struct value *v)
{
    if (value_is_empty(v))
        return;
    assert(list->n < sizeof list->items / sizeof *list->items);
    list->items[list->n].key = key;
    list->items[list->n++].value = v;
}

void attr_add_text(struct attr_list *list, const char *key, struct str text)
{
    attr_add(list, key, value_string(list->arena, text));
}

/* ---- scalars ---- */

void write_scalar(struct buf *out, const struct value *v, bool flow)
{
    if (v->kind != VALUE_STRING)
        json_write(out, v, JSON_PLAIN);
    else
        yaml_write_text(out, v->string, flow);
}

/* ---- collections ---- */

/* What people begin with; the rest follows as it is. */
static const char *const first[] = {
    "type", "name", "test", "subnet", "source", "target", "container", "host"};
enum { FIRST = sizeof first / sizeof *first };

static size_t rank(struct str key)
{
    size_t i = 0;
    while (i < FIRST && !str_eqz(key, first[i]))
        i++;
    return i;
}

static void write_flow(struct buf *out, const struct value *v);

static void write_flow_map(struct buf *out, const struct value *v)
{
    bool any = false;
    buf_add_char(out, '{');
    for (size_t turn = 0; turn <= FIRST; turn++)
        for (uint32_t i = 0; i < v->count; i++) {
            if (rank(v->entries[i].key) != turn)
                continue;
            buf_addz(out, any ? ", " : "");
            any = true;
            yaml_write_text(out, v->entries[i].key, true);
            buf_addz(out, ": ");
            write_flow(out, v->entries[i].value);
        }
    buf_add_char(out, '}');
}

static void write_flow(struct buf *out, const struct value *v)
{
    if (v->kind == VALUE_MAP) {
        write_flow_map(out, v);
        return;
    }
    if (v->kind != VALUE_LIST) {
        write_scalar(out, v, true);
        return;
    }
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < v->count; i++) {
        buf_addz(out, i ? ", " : "");
        write_flow(out, v->items[i]);
    }
    buf_add_char(out, ']');
}

static void write_value(struct buf *out, const struct value *v, int indent)
{
    AUTO_BUF struct buf line = BUF_INIT;
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP) {
        buf_add_char(out, ' ');
        write_scalar(out, v, false);
        buf_add_char(out, '\n');
        return;
    }
    write_flow(&line, v);
    if (line.n + (size_t)indent <= LINE_MAX_BYTES) {
        buf_addf(out, " %s\n", line.p);
        return;
    }
    buf_add_char(out, '\n');
    for (uint32_t i = 0; i < v->count; i++) {
        buf_addf(out, "%*s", indent, "");
        if (v->kind == VALUE_LIST) {
            buf_addz(out, "- ");
            write_flow(out, v->items[i]);
            buf_add_char(out, '\n');
        } else {
            yaml_write_text(out, v->entries[i].key, true);
            buf_add_char(out, ':');
            write_value(out, v->entries[i].value, indent + 2);
        }
    }
}

void write_resource(struct buf *out, struct str name, const char *type, const struct attr_list *attrs)
{
    buf_addf(out, "  %.*s:\n    type: %s\n", STR_ARG(name), type);
    for (size_t i = 0; i < attrs->n; i++) {
        buf_addf(out, "    %s:", attrs->items[i].key);
        write_value(out, attrs->items[i].value, 6);
    }
    buf_add_char(out, '\n');
}
