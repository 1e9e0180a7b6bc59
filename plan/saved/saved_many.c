/*
 * The plans of several stacks in one file,
 * {"repository":1,"weir":"1.0","destroy":false,"plans":{"net":"{…}"},"sha256":"…"}: each a saved plan as a
 * text, with a seal of its own; the digest around them tells that none is missing.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "plan/plan.h"
#include "plan/saved/saved.h"

#include <stdlib.h>

/* ---- The end of a saved plan, by which it is known that the rest is as it was written ---- */

static const char before_mac[] = ",\"mac\":\"", before_digest[] = ",\"sha256\":\"", end[] = "\"}\n";

void saved_seal(struct buf *text, const struct state *state)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    text->n--;
    struct str mac = state ? state_mac(state, &scratch, buf_str(text)) : STR_EMPTY;
    if (mac.n)
        buf_addf(text, "%s%.*s\"", before_mac, STR_ARG(mac));
    struct str digest = sha256_hex(&scratch, buf_str(text));
    buf_addf(text, "%s%.*s%s", before_digest, STR_ARG(digest), end);
}

/* Nothing within a text of JSON looks so: a quotation mark has a backslash there. */
static bool cut_mac(struct str text, struct str *signed_text, struct str *mac)
{
    enum { MAC = 8 + 1 + 2 * SHA256_SIZE };
    size_t size = MAC + sizeof before_mac;
    struct str tail = text.n < size ? STR_EMPTY : str_slice(text, text.n - size, text.n);
    if (!str_starts(tail, str_z(before_mac)) || !str_ends(tail, STR("\"")))
        return false;
    *mac = str_slice(tail, sizeof before_mac - 1, tail.n - 1);
    *signed_text = str_slice(text, 0, text.n - size);
    return true;
}

bool saved_seal_holds(struct str file, struct str *signed_text, struct str *mac)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf expected = BUF_INIT;
    size_t size = sizeof before_digest - 1 + 2 * SHA256_SIZE + sizeof end - 1;
    if (file.n < size)
        return false;
    struct str text = str_slice(file, 0, file.n - size);
    struct str digest = sha256_hex(&scratch, text);
    buf_addf(&expected, "%s%.*s%s", before_digest, STR_ARG(digest), end);
    *signed_text = text;
    *mac = STR_EMPTY;
    cut_mac(text, signed_text, mac);
    return str_eq(str_slice(file, text.n, file.n), buf_str(&expected));
}

/* ---- several plans ---- */

enum { MANY_FORMAT = 1, MANY_MAX_SIZE = 1 << 30 };
static const char begins[] = "{\"repository\":";

struct saved_plans {
    struct arena arena;
    struct saved_one *items;
    size_t n;
    bool destroy;
};

int saved_plans_write(const char *path, const struct str *names, const struct plan *const *plans, size_t n,
    bool destroy, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addf(&text, "%s%d,\"weir\":", begins, MANY_FORMAT);
    json_write_string(&text, str_z(WEIR_VERSION));
    buf_addf(&text, ",\"destroy\":%s,\"plans\":{", destroy ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        AUTO_BUF struct buf one = BUF_INIT;
        plan_write(plans[i], &one);
        buf_addz(&text, i ? "," : "");
        json_write_string(&text, names[i]);
        buf_add_char(&text, ':');
        json_write_string(&text, buf_str(&one));
    }
    buf_addz(&text, "}}");
    saved_seal(&text, NULL);
    return file_write_named(path, buf_str(&text), 0600, err);
}

static int check_whole(struct str text, const struct value *content, const char *path, struct err *err)
{
    struct str signed_text, mac;
    const struct value *format = value_getz(content, "repository");
    if (format && (format->kind != VALUE_INT || format->integer != MANY_FORMAT)) {
        err_set(err, ERR_INVALID, "%s was saved by another version of weir (%.*s)", path,
            STR_ARG(value_text(value_getz(content, "weir"), STR("unknown"))));
        return err_hint(err, "that one applies it; or plan again with this one, %s", WEIR_VERSION);
    }
    if (format && saved_seal_holds(text, &signed_text, &mac))
        return 0;
    err_set(err, ERR_DAMAGED, "%s is not as it was saved", path);
    return err_hint(err, "it was changed or cut off since: `weir plan --all -o FILE` makes another");
}

static int read_each(struct saved_plans *many, const struct value *plans, const char *path, struct err *err)
{
    many->items = ARENA_ARRAY(&many->arena, struct saved_one, plans->count + 1);
    for (uint32_t i = 0; i < plans->count; i++) {
        const struct value_entry *entry = &plans->entries[i];
        struct saved_plan *saved;
        if (saved_plan_parse(value_text(entry->value, STR_EMPTY), path, &saved, err))
            return err_context(err, "%.*s", STR_ARG(entry->key));
        many->items[many->n++] = (struct saved_one){arena_str(&many->arena, entry->key), saved};
    }
    return 0;
}

int saved_plans_read(const char *path, struct saved_plans **out, struct err *err)
{
    struct saved_plans *many = mem_zalloc(sizeof *many);
    const struct value *content = NULL;
    struct str text;
    *out = NULL;
    if (file_read(&many->arena, path, MANY_MAX_SIZE, &text, err))
        goto fail;
    if (!str_starts(text, str_z(begins))) { /* of one stack */
        saved_plans_free(many);
        return 0;
    }
    if (scan_json(&many->arena, text, &content, ERR_IGNORED))
        content = NULL;
    if (check_whole(text, content, path, err) ||
        read_each(many, value_as_map(value_getz(content, "plans")), path, err))
        goto fail;
    many->destroy = value_getb(content, "destroy");
    *out = many;
    return 0;
fail:
    saved_plans_free(many);
    return -1;
}

const struct saved_one *saved_plans_items(const struct saved_plans *many, size_t *n, bool *destroy)
{
    *n = many->n;
    *destroy = many->destroy;
    return many->items;
}

void saved_plans_free(struct saved_plans *many)
{
    if (!many)
        return;
    for (size_t i = 0; i < many->n; i++)
        saved_plan_free(many->items[i].plan);
    arena_release(&many->arena);
    free(many);
}
