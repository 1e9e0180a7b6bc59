/*
 * The plans of several stacks in one file, by the names that these have for whoever saved them:
 *
 *     {"repository":1,"weir":"1.0","destroy":false,"plans":{"net":"{…}","shop":"{…}"},"sha256":"…"}
 *
 * Each is a saved plan as a text, with a seal of its own; the digest around them tells that none is missing.
 */
#include "plan/plan.h"

#include "base/file.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "plan/saved/saved_seal.h"

#include <stdlib.h>

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
    const struct value *destroy = value_getz(content, "destroy");
    many->destroy = destroy && destroy->kind == VALUE_BOOL && destroy->boolean;
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
