/* The pages of one listing: see pages.h. */
#include "provider/wire/pages.h"

#include "base/buf.h"
#include "base/json.h"

enum { PAGES_MAX = 1000 * 1000 };

void pages_release(struct pages *pages)
{
    map_release(&pages->seen);
    arena_release(&pages->arena);
}

int pages_next(struct pages *pages, struct str operation, struct str token, struct err *err)
{
    bool again = map_get(&pages->seen, token) != NULL;
    if (!again && pages->seen.n < PAGES_MAX) {
        map_set(&pages->seen, arena_str(&pages->arena, token), pages);
        return 0;
    }
    err_set(err, ERR_PROTOCOL, "%.*s %s", STR_ARG(operation),
        again ? "gives the same page again and again" : "gives more than a million pages");
    return err_hint(
        err, "its listing never ends, and what is not in a whole listing is not known to be gone");
}

int pages_next_value(struct pages *pages, struct str operation, const struct value *token, struct err *err)
{
    if (token->kind == VALUE_STRING)
        return pages_next(pages, operation, token->string, err);
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, token, JSON_PLAIN);
    return pages_next(pages, operation, buf_str(&text), err);
}
