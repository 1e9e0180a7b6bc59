/*
 * Changes that a service takes as a list of what is to be done at which place (API Gateway's PATCH):
 *
 *     [{op: replace, path: /description, value: "…"}, {op: remove, path: /variables/level}]
 *
 * Both sides are documents under wire names, as the body of a call that made the resource would be. The
 * client says what leads from one to the other, the sandbox does what such a list says; how places are spelt
 * is written once, with the operation (docs/specs.md, Operations). Nothing here calls anybody.
 */
#pragma once

#include "provider/wire/wire.h"

/* How the items of a list are named in paths. */
enum patch_items {
    PATCH_BY_PATH,  /* add and remove /list/item */
    PATCH_BY_VALUE, /* add and remove /list, with the item as the value */
    PATCH_BY_OLD,   /* replace /list/OLD by the new one; there is one */
    PATCH_BY_PARTS, /* structures: /list with "a:b", made of these members of theirs; the rest lies below */
};

/* What is so at one place of the document: "methodSettings[].metricsEnabled". */
struct patch_rule {
    struct str place, at; /* at: what stands for the last part of the place; "": nothing at all */
    enum patch_items items;
    struct str parts; /* "apiId:stage" */
    int64_t segments; /* of a map: so many segments of the path are the key, as they stand; 0: one, escaped */
    bool gone_by_null;  /* taken away by replacing it with nothing ... */
    struct str gone_by; /* ... or with this text; NULL: neither */
    bool whole;         /* a structure: removed and put again where one of its members is taken away */
};

struct patch_spelling {
    struct str member; /* of the request, which has the list */
    bool replaces;     /* what is new is replaced, too, not added */
    const struct patch_rule *rules;
    size_t count;
};

/* The list that makes `to` of `from`, both of this shape: what `from` alone has is taken away. */
const struct value *patch_between(struct arena *arena, const struct patch_spelling *spelling,
    const struct shape *shape, const struct value *from, const struct value *to);
/* The document as it is when the list was carried out. False: *unknown is a path that leads nowhere. */
bool patch_apply(struct arena *arena, const struct patch_spelling *spelling, const struct shape *shape,
    const struct value *document, const struct value *list, const struct value **out, struct str *unknown);
