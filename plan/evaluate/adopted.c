/* What was there before the stack took it over. */
#include "plan/evaluate/adopted.h"

enum { ADOPTED_SHOWN = 8 };

bool adopted_keeps(const struct planner *p, const struct record *record)
{
    return record->adopted && !p->options->delete_adopted;
}

bool adopted_forbids(struct planner *p, const struct record *record, struct span span, const char *what)
{
    if (!adopted_keeps(p, record))
        return false;
    struct diag *d =
        diag_error(p->diags, span, "%.*s would be %s, but it existed before this stack imported it",
            STR_ARG(record->subject.address), what);
    diag_hint(p->diags, d,
        "--delete-adopted agrees to that; `removed: [{address: %.*s, destroy: false}]` forgets it instead",
        STR_ARG(record->subject.address));
    return true;
}

void adopted_tell(struct planner *p, const struct str *addresses, size_t n)
{
    AUTO_BUF struct buf names = BUF_INIT;
    if (n > 1)
        buf_addf(&names, "%zu resources (", n);
    for (size_t i = 0; i < n && i < ADOPTED_SHOWN; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(addresses[i]));
    if (n > ADOPTED_SHOWN)
        buf_addf(&names, " and %zu more", n - ADOPTED_SHOWN);
    if (n > 1)
        buf_addz(&names, ")");
    struct diag *d = diag_error(p->diags, (struct span){0},
        n == 1 ? "%.*s would be destroyed, but it existed before this stack imported it"
               : "%.*s would be destroyed, but they existed before this stack imported them",
        STR_ARG(buf_str(&names)));
    diag_hint(p->diags, d,
        "--delete-adopted agrees to that; `weir state rm ADDRESS...` forgets what is to stay, and deletes "
        "nothing");
}

static bool was_there(const struct record *record, const struct decl *decl)
{
    return record->adopted || (decl && decl->kind == DECL_RESOURCE && decl->adopt == ADOPT_EXISTING);
}

void adopted_owner(struct owner *owner, const struct record *record, const struct decl *decl)
{
    owner->unmarked = was_there(record, decl);
    owner->recorded = record->attrs;
    owner->written = record->recent;
}
