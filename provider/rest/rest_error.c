/* Refusals of REST APIs: everybody words them otherwise, and all say a status. */
#include "base/buf.h"
#include "base/json.h"
#include "provider/rest/rest.h"

#include <stdio.h>

enum { SHOWN_MAX = 300 };

static void add_said(struct arena *arena, struct buf *out, const struct value *v);

/* {field: what is wrong with it}, [{loc: [body, field], msg: …}] */
static void add_parts(struct arena *arena, struct buf *out, const struct value *v)
{
    for (uint32_t i = 0; i < v->count && out->n < SHOWN_MAX; i++) {
        bool map = v->kind == VALUE_MAP;
        if (i)
            buf_addz(out, "; ");
        if (map)
            buf_addf(out, "%.*s: ", STR_ARG(v->entries[i].key));
        add_said(arena, out, map ? v->entries[i].value : v->items[i]);
    }
}

/* The last word of where something is wrong. */
static struct str place_said(struct arena *arena, const struct value *said)
{
    const struct value *places = value_getz(said, "loc");
    return places && places->kind == VALUE_LIST && places->count
               ? value_scalar_text(arena, places->items[places->count - 1])
               : STR_EMPTY;
}

static void add_said(struct arena *arena, struct buf *out, const struct value *v)
{
    static const char *const names[] = {
        "detail", "message", "msg", "error", "errors", "specific-errors", "reason", "title"};
    if (v->kind == VALUE_LIST) {
        add_parts(arena, out, v);
        return;
    }
    if (v->kind != VALUE_MAP) {
        buf_add_str(out, value_scalar_text(arena, v));
        return;
    }
    struct str place = place_said(arena, v);
    if (place.n)
        buf_addf(out, "%.*s: ", STR_ARG(place));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *said = value_getz(v, names[i]);
        bool nothing = value_is_null(said) || (said->kind == VALUE_STRING && !said->string.n) ||
                       ((said->kind == VALUE_MAP || said->kind == VALUE_LIST) && !said->count);
        if (!nothing) {
            add_said(arena, out, said);
            return;
        }
    }
    add_parts(arena, out, v);
}

static enum err_class class_of(int status)
{
    switch (status) {
    case 401:
    case 403: return ERR_AUTH;
    case 404:
    case 410: return ERR_ABSENT;
    case 409: return ERR_EXISTS;
    case 429: return ERR_THROTTLED;
    default: return ERR_SERVICE;
    }
}

void rest_decode_error(struct arena *arena, const struct wire_message *response, struct err *err)
{
    AUTO_BUF struct buf said = BUF_INIT;
    const struct value *document;
    struct str body = str_trim(response->body);
    if (body.n && (body.p[0] == '{' || body.p[0] == '[' || body.p[0] == '"') &&
        !json_parse(arena, body, &document, ERR_IGNORED))
        add_said(arena, &said, document);
    else if (body.n && body.p[0] != '<') /* a page for people says nothing */
        buf_add_str(&said, body);
    for (size_t i = 0; i < said.n; i++)
        if ((unsigned char)said.p[i] < ' ')
            said.p[i] = ' ';
    int shown = said.n < SHOWN_MAX ? (int)said.n : SHOWN_MAX;
    *err = (struct err)ERR_INIT;
    err_set(err, class_of(response->status), "HTTP %d%s%.*s", response->status, shown ? ": " : "", shown,
        said.p ? said.p : "");
    snprintf(err->code, sizeof err->code, "%d", response->status);
    err->http_status = response->status;
    err->retryable = response->status == 429;
    bool down = response->status == 502 || response->status == 503 || response->status == 504;
    err->lost = down || response->status == 500;
}
