/*
 * How a lost answer is settled (struct spec_recover). Mostly it follows from what the spec says anyway: an id
 * that is known beforehand, a mark that the create call takes and a way to look for it, attributes to
 * compare.
 */
#include "provider/spec/load.h"

enum {
    AT_WORK_MS = 5 * 1000,       /* so long a service may be at work on a request that nobody waits for */
    SHOWN_WITHIN_MS = 10 * 1000, /* listings of the service itself are behind by seconds */
    TAGGED_WITHIN_MS = 30 * 1000 /* the tagging API by more */
};

static const char *const ways[] = {"name", "mark", "content", "token", "never"};
static const char *const for_people[] = {"found by its name", "found by its ownership tags",
    "found by its attributes", "the request is sent again with the same token",
    "not created again until \"weir state\" imports or removes it"};

const char *recover_way_name(enum recover_way way)
{
    return ways[way];
}

/* ---- what follows from the rest ---- */

/* Is `${word` anywhere in it? */
static bool has_template(const struct value *v, const char *word)
{
    bool any = v->kind == VALUE_STRING && str_find(v->string, str_z(word), 0) >= 0;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        any = any || has_template(v->items[i], word);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        any = any || has_template(v->entries[i].value, word);
    return any;
}

static bool looks_for_token(const struct spec_step *step)
{
    for (size_t i = 0; i < step->call.request.extra_count; i++)
        if (!step->call.request.extras[i].from_item &&
            has_template(step->call.request.extras[i].value, "${token"))
            return true;
    for (size_t i = 0; i < step->reply.match_count; i++)
        if (str_eqz(step->reply.matches[i].attr, "token"))
            return true;
    return false;
}

static bool is_known(const struct spec_type *type, struct str name, int depth);

/* Are all attributes of the template known? What is no attribute is of the surroundings. */
static bool template_is_known(const struct spec_type *type, struct str rest, int depth)
{
    struct str before, inner, filter;
    while (str_take_name(&rest, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        if (spec_attr_find(type, name) && !is_known(type, name, depth + 1))
            return false;
    }
    return true;
}

static bool is_known(const struct spec_type *type, struct str name, int depth)
{
    enum { DEPTH_MAX = 8 };
    const struct spec_attr *attr = spec_attr_find(type, name);
    if (!attr || depth > DEPTH_MAX)
        return false;
    if (attr->template.n)
        return template_is_known(type, attr->template, depth);
    return !attr->attr->computed;
}

/* Is its id known before it is made? */
static bool load_id_is_known(const struct spec_type *type)
{
    return is_known(type, type->schema.id, 0);
}

static enum recover_way derived(const struct spec_type *type)
{
    const struct spec_tags *tags = type->tags;
    bool marked = tags && tags->mark && tags->with_create;
    if (load_id_is_known(type) || (type->native && type->native->find))
        return RECOVER_NAME;
    if (type->find_by.count)
        return RECOVER_CONTENT;
    if (type->find)
        return !looks_for_token(type->find) ? RECOVER_NAME : marked ? RECOVER_MARK : RECOVER_NEVER;
    return marked && tags->bulk.n ? RECOVER_MARK : type->recover.token ? RECOVER_TOKEN : RECOVER_NEVER;
}

static int64_t usual_ms(const struct spec_type *type)
{
    switch (type->recover.way) {
    case RECOVER_MARK: return type->find ? SHOWN_WITHIN_MS : TAGGED_WITHIN_MS;
    case RECOVER_CONTENT: return SHOWN_WITHIN_MS;
    case RECOVER_NAME:
    case RECOVER_TOKEN:
    case RECOVER_NEVER: break;
    }
    return AT_WORK_MS;
}

/* ---- what is said ---- */

/* Can it be carried out with what the type has? */
static const char *unsupported(const struct spec_type *type, enum recover_way way)
{
    if (type->native && type->native->find)
        return NULL;
    const struct spec_tags *tags = type->tags;
    bool marked = tags && tags->mark && tags->with_create;
    switch (way) {
    case RECOVER_NAME:
        return load_id_is_known(type) || type->find || (type->find_by.count && type->list.count)
                   ? NULL
                   : "an id that is known beforehand, or \"find\"";
    case RECOVER_MARK: /* what `find` brings is compared with it */
        return !marked                      ? "tags that the create call takes"
               : type->find || tags->bulk.n ? NULL
                                            : "\"find\", or tags with \"bulk\"";
    case RECOVER_CONTENT: return type->find_by.count ? NULL : "\"find\" with \"by\"";
    case RECOVER_TOKEN: return type->recover.token ? NULL : "a \"token\" in the create call";
    case RECOVER_NEVER: break;
    }
    return NULL;
}

static bool takes_token(const struct node *create)
{
    for (uint32_t i = 0; create && create->kind == NODE_LIST && i < create->count; i++)
        if (node_get(create->items[i], "token"))
            return true;
    return create && create->kind == NODE_MAP && node_get(create, "token");
}

static void load_said(struct type_loader *t, const struct node *node)
{
    struct spec_recover *recover = &t->type->recover;
    struct str word = node_text(node);
    if (node->kind != NODE_STRING) {
        if (!load_keys(t->l, node, "recover", "by within"))
            return;
        word = load_text(t->l, node, "by");
        recover->within_ms = load_ms(t->l, node, "within", recover->within_ms);
    }
    for (size_t i = 0; word.n && i < sizeof ways / sizeof *ways; i++) {
        if (!str_eqz(word, ways[i]))
            continue;
        recover->way = (enum recover_way)i;
        recover->said = true;
        const char *needs = unsupported(t->type, recover->way);
        if (needs)
            load_error(t->l, node, "recover: %s needs %s", ways[i], needs);
        return;
    }
    if (word.n)
        load_error(t->l, node, "recover is name, mark, content, token or never");
}

void load_recover(struct type_loader *t)
{
    struct spec_recover *recover = &t->type->recover;
    const struct node *said = node_get(t->node, "recover");
    recover->token = takes_token(node_get(t->node, "create"));
    recover->way = derived(t->type);
    if (said)
        load_said(t, said);
    if (!recover->within_ms)
        recover->within_ms = usual_ms(t->type);
    t->type->schema.lost = str_z(for_people[recover->way]);
    t->type->schema.shows_ms = recover->within_ms;
    t->type->schema.named = recover->way == RECOVER_NAME;
    t->type->schema.unknowable = recover->way == RECOVER_NEVER;
}
