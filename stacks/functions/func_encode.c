/* JSON, YAML, CSV, encodings and digests of strings. */
#include "base/csv.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/map.h"
#include "stacks/expressions/func.h"

#include <yaml.h>

/* ---- digests of strings, and UUIDs made from them ---- */

static const struct value *hex_value(struct call *call, const unsigned char *bytes, size_t n)
{
    return value_string_ref(call->arena, hex_encode(call->arena, bytes, n));
}

const struct value *func_md5(struct call *call)
{
    unsigned char digest[MD5_SIZE];
    hash_md5(arg_text(call, 0), digest);
    return hex_value(call, digest, sizeof digest);
}

const struct value *func_sha1(struct call *call)
{
    unsigned char digest[SHA1_SIZE];
    hash_sha1(arg_text(call, 0), digest);
    return hex_value(call, digest, sizeof digest);
}

const struct value *func_sha256(struct call *call)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(arg_text(call, 0), digest);
    return hex_value(call, digest, sizeof digest);
}

const struct value *func_base64sha256(struct call *call)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(arg_text(call, 0), digest);
    return value_string_ref(
        call->arena, base64_encode(call->arena, str_n((const char *)digest, sizeof digest)));
}

/* Returns the 16 bytes of a namespace: one of the four names of RFC 9562, or a UUID. */
static bool uuid_namespace(struct arena *arena, struct str name, struct str *out)
{
    static const struct {
        const char *name, *rest;
    } known[] = {{"dns", "0"}, {"url", "1"}, {"oid", "2"}, {"x500", "4"}};
    char digits[33];
    size_t n = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eqz(name, known[i].name))
            name = arena_printf(arena, "6ba7b81%s-9dad-11d1-80b4-00c04fd430c8", known[i].rest);
    if (name.n != 36)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (name.p[i] == '-'))
            return false;
        if (!dash)
            digits[n++] = name.p[i];
    }
    return hex_decode(arena, str_n(digits, n), out);
}

const struct value *func_uuidv5(struct call *call)
{
    struct str space;
    if (!uuid_namespace(call->arena, arg_text(call, 0), &space))
        return call_fail(call, 0, "%s is not a UUID, nor dns, url, oid or x500", call_quote(call, 0).p);
    struct str parts[] = {space, arg_text(call, 1)};
    unsigned char id[SHA1_SIZE];
    hash_sha1(arena_concat(call->arena, parts, 2), id);
    id[6] = (unsigned char)((id[6] & 0x0f) | 0x50);
    id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
    const char *hex = hex_encode(call->arena, id, 16).p;
    return value_string_ref(call->arena,
        arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20));
}

/* ---- JSON ---- */

const struct value *func_jsonencode(struct call *call)
{
    bool pretty = call->n > 1 && call->args[1]->boolean;
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    json_write(&out, call->args[0], pretty ? JSON_PRETTY : JSON_PLAIN);
    return call_text(call, &out);
}

const struct value *func_jsondecode(struct call *call)
{
    const struct value *v;
    struct err err = ERR_INIT;
    struct str text = arg_text(call, 0);
    if (!scan_json_owned(call->arena, arena_strz(call->arena, text), text.n, &v, ERR_IGNORED) ||
        !json_parse(call->arena, text, &v, &err)) /* gives a message with the position of the error */
        return v;
    if (value_is_sensitive(call->args[0]))
        return call_fail(call, 0, "the text is not valid JSON");
    return call_fail(call, 0, "%s", err.message);
}

/* ---- YAML ---- */

const struct value *func_yamldecode(struct call *call)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("yaml"), .text = arg_text(call, 0)};
    struct node *node = yaml_parse(call->arena, &source, &diags);
    if (node && !diags.errors)
        return node_value(call->arena, node);
    const struct diag *d = &diags.items[0];
    if (value_is_sensitive(call->args[0]))
        return call_fail(call, 0, "the text is not valid YAML");
    return call_fail(call, 0, "not valid YAML at line %u, column %u: %.*s", d->span.line, d->span.column,
        STR_ARG(d->message));
}

static int write_buf(void *out, unsigned char *bytes, size_t n)
{
    struct buf *buf = out;
    buf_add(buf, bytes, n);
    return !buf->overflow;
}

/* Returns whether the string is still a string when it is written without quotes. */
static bool plain_text(struct str text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    if (!text.n || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/", text.p[0]))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_ieq(text, str_z(words[i])))
            return false;
    return true; /* libyaml handles the other cases */
}

static bool emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
    return yaml_emitter_emit(emitter, event);
}

static bool emit_text(yaml_emitter_t *emitter, struct str text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    return yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)(uintptr_t)text.p, (int)text.n, 1,
               1, style) && /* the parameter is const from libyaml 0.2.5 on */
           emit(emitter, &event);
}

/* Returns whether the text has line breaks of YAML 1.1 and libyaml that YAML 1.2 does not have. */
static bool has_old_breaks(struct str text)
{
    return str_find(text, STR("\xc2\x85"), 0) >= 0 || str_find(text, STR("\u2028"), 0) >= 0 ||
           str_find(text, STR("\u2029"), 0) >= 0;
}

static bool emit_string(yaml_emitter_t *emitter, struct str text)
{
    bool quoted = has_old_breaks(text), lines = str_find_char(text, '\n', 0) >= 0;
    return emit_text(emitter, text,
        lines && !quoted              ? YAML_LITERAL_SCALAR_STYLE
        : !quoted && plain_text(text) ? YAML_PLAIN_SCALAR_STYLE
                                      : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool emit_value(yaml_emitter_t *emitter, struct arena *arena, const struct value *v);

static bool emit_list(yaml_emitter_t *emitter, struct arena *arena, const struct value *v)
{
    yaml_event_t event;
    yaml_sequence_style_t style = v->count ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
    bool ok = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style) && emit(emitter, &event);
    for (uint32_t i = 0; ok && i < v->count; i++)
        ok = emit_value(emitter, arena, v->items[i]);
    return ok && yaml_sequence_end_event_initialize(&event) && emit(emitter, &event);
}

static bool emit_map(yaml_emitter_t *emitter, struct arena *arena, const struct value *v)
{
    yaml_event_t event;
    yaml_mapping_style_t style = v->count ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
    bool ok = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style) && emit(emitter, &event);
    for (uint32_t i = 0; ok && i < v->count; i++)
        ok = emit_string(emitter, v->entries[i].key) && emit_value(emitter, arena, v->entries[i].value);
    return ok && yaml_mapping_end_event_initialize(&event) && emit(emitter, &event);
}

static bool emit_value(yaml_emitter_t *emitter, struct arena *arena, const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_STRING: return emit_string(emitter, v->string);
    case VALUE_LIST: return emit_list(emitter, arena, v);
    case VALUE_MAP: return emit_map(emitter, arena, v);
    case VALUE_FLOAT: {
        AUTO_BUF struct buf text = BUF_INIT;
        json_write(&text, v, JSON_PLAIN);
        return emit_text(emitter, buf_str(&text), YAML_PLAIN_SCALAR_STYLE);
    }
    case VALUE_BOOL:
    case VALUE_INT: return emit_text(emitter, value_scalar_text(arena, v), YAML_PLAIN_SCALAR_STYLE);
    case VALUE_NULL:
    case VALUE_UNKNOWN: break;
    }
    return emit_text(emitter, STR("null"), YAML_PLAIN_SCALAR_STYLE);
}

static bool emit_document(yaml_emitter_t *emitter, struct arena *arena, const struct value *v)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && emit(emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) && emit(emitter, &event) &&
           emit_value(emitter, arena, v) && yaml_document_end_event_initialize(&event, 1) &&
           emit(emitter, &event) && yaml_stream_end_event_initialize(&event) && emit(emitter, &event);
}

const struct value *func_yamlencode(struct call *call)
{
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter))
        return call_fail(call, call->n, "out of memory");
    yaml_emitter_set_output(&emitter, write_buf, &out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    bool ok = emit_document(&emitter, call->arena, call->args[0]);
    yaml_emitter_delete(&emitter);
    if (!ok && !out.overflow)
        return call_fail(call, 0, "this cannot be written as YAML");
    return call_text(call, &out);
}

/* ---- CSV ---- */

const struct value *func_csvdecode(struct call *call)
{
    struct str separator = call->n > 1 ? arg_text(call, 1) : STR(",");
    struct csv csv = {.text = arg_text(call, 0)};
    if (separator.n != 1 || strchr("\"\r\n", separator.p[0]))
        return call_fail(call, 1, "the separator of csvdecode() is one character");
    csv.separator = separator.p[0];
    AUTO_BUILDER struct value_builder head = VALUE_BUILDER(call->arena);
    AUTO_BUILDER struct value_builder row = VALUE_BUILDER(call->arena);
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(call->arena);
    if (csv.text.n && !csv_row(&csv, call->arena, &head))
        return call_fail(call, 0, "a quote in the first line of the CSV text has no end");
    AUTO_MAP struct map names = MAP_INIT;
    for (size_t i = 0; i < head.n; i++)
        if (map_set(&names, head.entries[i].value->string, call))
            return call_fail(call, 0, "the column \"%.*s\" occurs twice in the CSV text",
                STR_ARG(head.entries[i].value->string));
    while (csv.at < csv.text.n) {
        if (!csv_row(&csv, call->arena, &row))
            return call_fail(call, 0, "a quote in record %zu of the CSV text has no end", rows.n + 1);
        if (csv_row_is_empty(&row))
            continue;
        if (row.n != head.n)
            return call_fail(call, 0, "record %zu of the CSV text has %zu fields, but its head %zu",
                rows.n + 1, row.n, head.n);
        if (!call_take_items(call, row.n))
            return NULL;
        for (size_t i = 0; i < row.n; i++)
            row.entries[i].key = head.entries[i].value->string;
        value_builder_add(&rows, value_map(call->arena, row.entries, row.n));
    }
    return value_builder_list(&rows);
}

/* ---- encodings of strings ---- */

const struct value *func_base64encode(struct call *call)
{
    return value_string_ref(call->arena, base64_encode(call->arena, arg_text(call, 0)));
}

static const struct value *decoded_text(struct call *call, struct str text)
{
    if (!str_is_utf8(text))
        return call_fail(call, 0, "what it decodes to is not a UTF-8 text");
    return value_string_ref(call->arena, text);
}

const struct value *func_base64decode(struct call *call)
{
    struct str text;
    if (!base64_decode(call->arena, arg_text(call, 0), &text))
        return call_fail(call, 0, "%s is not base64", call_quote(call, 0).p);
    return decoded_text(call, text);
}

const struct value *func_hexencode(struct call *call)
{
    struct str text = arg_text(call, 0);
    return value_string_ref(call->arena, hex_encode(call->arena, text.p, text.n));
}

const struct value *func_hexdecode(struct call *call)
{
    struct str text;
    if (!hex_decode(call->arena, arg_text(call, 0), &text))
        return call_fail(call, 0, "%s is not hexadecimal", call_quote(call, 0).p);
    return decoded_text(call, text);
}

const struct value *func_urlencode(struct call *call)
{
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    url_encode(&out, arg_text(call, 0), false);
    return call_text(call, &out);
}

const struct value *func_urldecode(struct call *call)
{
    struct str text;
    if (!url_decode(call->arena, arg_text(call, 0), false, &text))
        return call_fail(call, 0, "%s has a broken %% escape", call_quote(call, 0).p);
    return decoded_text(call, text);
}
