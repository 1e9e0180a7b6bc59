/*
 * Answers. The client side says where it looks for each attribute; the same paths, read the other way, say
 * where to put them.
 */
#include "sandbox/control/control_document.h"

#include "base/json.h"
#include "base/mem.h"
#include "provider/spec/act.h"

#include <stdlib.h>
#include <string.h>

/* ---- what an object's answer holds ---- */

/* Shapes follow from values: what is shown besides attributes has none in the spec. */
static const struct shape *shape_of(const struct value *template, const struct value *v)
{
    static const struct shape shapes[] = {[VALUE_NULL] = {.kind = SHAPE_ANY},
        [VALUE_BOOL] = {.kind = SHAPE_BOOL},
        [VALUE_INT] = {.kind = SHAPE_INT},
        [VALUE_FLOAT] = {.kind = SHAPE_FLOAT},
        [VALUE_STRING] = {.kind = SHAPE_STRING},
        [VALUE_LIST] = {.kind = SHAPE_LIST, .elem = &shapes[VALUE_NULL]},
        [VALUE_MAP] = {.kind = SHAPE_ANY}};
    static const struct shape time = {.kind = SHAPE_TIMESTAMP};
    struct str text = value_text(template, STR_EMPTY);
    bool is_time = str_eqz(text, "${created}") || str_eqz(text, "${changed}") || str_eqz(text, "${now}");
    return is_time ? &time : &shapes[v->kind];
}

/* What the service's answers have beyond the attributes: the spec's `shows`, path by path. */
static void place_shown(struct making *m, struct part_node *node, const struct spec_type *type,
    const struct value *shown, const struct value *attrs)
{
    for (uint32_t i = 0; shown && shown->kind == VALUE_MAP && i < shown->count; i++) {
        const struct value *v = fill_value(m->call, type, shown->entries[i].value, attrs);
        if (!value_is_null(v))
            document_place(m, node, shown->entries[i].key, shape_of(shown->entries[i].value, v), v);
    }
}

/* An entry that leads to what is not there any more does nothing. */
static void place_whether_broken(struct making *m, struct part_node *element, const struct spec_type *type,
    const struct spec_entries *e, struct str key, const struct value *entry)
{
    const struct control_type *own = type_own(m->call->control, type);
    if (!own->broken || !e->broken.path.n)
        return;
    bool broken =
        !check_is_fixed(type, e->attr->attr->name, key, entry) && own->broken(m->call->control, entry);
    document_place(m, element, e->broken.path, &document_text,
        broken ? e->broken.values->items[0] : value_stringz(m->arena, "active"));
}

/* `entry_shows: {routes: [[{Origin: CreateRouteTable}, {gateway_id: local}], [{Origin: CreateRoute}]]}`: the
 * first whose conditions the entry meets. */
static void place_entry_extras(struct making *m, struct part_node *element, const struct spec_type *type,
    const struct spec_entries *e, const struct value *entry)
{
    const struct value *cases = value_get(value_getz(type->sandbox, "entry_shows"), e->attr->attr->name);
    for (uint32_t i = 0; cases && i < cases->count; i++) {
        const struct value *one = cases->items[i];
        if (one->count > 1 && !fill_looks(entry, one->items[1]))
            continue;
        place_shown(m, element, type, one->items[0], &value_empty_map);
        return;
    }
}

static bool has_fields(const struct shape *shape, const struct value *fields)
{
    bool any = false;
    for (size_t i = 0; i < shape->member_count && !any; i++) {
        const struct shape_member *member = &shape->members[i];
        any = member->group ? has_fields(member->shape, fields) : value_get(fields, member->name) != NULL;
    }
    return any;
}

/* An object's fields as members of the node, some of them in structures that only the wire has. */
static void place_fields(
    struct making *m, struct part_node *node, const struct shape *shape, const struct value *fields)
{
    for (size_t i = 0; shape->kind == SHAPE_STRUCT && i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        const struct value *v = value_get(fields, member->name);
        if (member->group && has_fields(member->shape, fields))
            place_fields(m, document_child(m, node, member->wire, false), member->shape, fields);
        else if (v)
            document_place(m, node, member->wire, member->shape, v);
    }
}

static void place_entries(struct making *m, struct part_node *node, struct str path,
    const struct spec_entries *e, bool names_only, const struct value *entries)
{
    struct str list_path = path;
    if (str_ends(list_path, STR("[]")))
        list_path = str_slice(list_path, 0, list_path.n - 2);
    struct part_node *list = node;
    struct str rest = list_path;
    bool below_name = false;
    while (rest.n) {
        below_name = list != node;
        list = document_child(m, list, wire_path_cut(&rest).name, false);
    }
    list->is_list = true;
    list->flat = m->xml && below_name;
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        struct part_node *element = document_child(m, list, STR_EMPTY, true);
        const struct value *key = value_string(m->arena, entries->entries[i].key);
        if (!e->key.n || names_only) {
            document_place(m, element, STR_EMPTY, &document_text, key);
            continue;
        }
        if (e->value.n) {
            document_place(m, element, e->value, e->attr->answer->elem, entries->entries[i].value);
        } else { /* the whole item, with the key in it */
            place_fields(m, element, e->attr->answer->elem, entries->entries[i].value);
        }
        document_place(m, element, e->key, &document_text, key);
        place_whether_broken(
            m, element, m->call->role->type, e, entries->entries[i].key, entries->entries[i].value);
        place_entry_extras(m, element, m->call->role->type, e, entries->entries[i].value);
    }
}

static const struct spec_entries *entries_of(const struct spec_type *type, const struct spec_attr *attr)
{
    for (size_t i = 0; i < type->entries_count; i++)
        if (type->entries[i].attr == attr)
            return &type->entries[i];
    return NULL;
}

/* Where objects stand in the answer: the node that `at` leads to, and whether it is a list. */
static struct part_node *object_node(struct making *m, struct part_node *root, struct str at, bool *list)
{
    struct part_node *node = root;
    bool below_name = false;
    *list = false;
    while (at.n && !str_eqz(at, "@")) {
        struct wire_segment segment = wire_path_cut(&at);
        node = document_descend(m, node, &segment, below_name);
        if (node->is_list && at.n) { /* Reservations[].Instances[]: one element around the inner list */
            node = node->first ? node->first : document_child(m, node, STR_EMPTY, true);
            below_name = false;
        } else {
            below_name = true;
        }
        *list = node->is_list;
    }
    return node;
}

/* Write-only values come back where the spec says that this very answer has them (GetSecretValue). */
static bool is_kept_back(const struct role *role, const struct spec_attr *attr)
{
    bool shown = !attr->attr->write_only;
    for (size_t i = 0; i < role->step->answer_count && !shown; i++)
        shown = str_eq(role->step->answers[i].attr, attr->attr->name);
    return !shown;
}

/* `item_shows`: what the items of a member set have in lists besides the member itself. */
static void place_item_extras(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *members)
{
    const struct value *shown = value_get(value_getz(type->sandbox, "item_shows"), attr->attr->name);
    ptrdiff_t end = str_find(path, STR("[]"), 0);
    if (!shown || end < 0 || members->kind != VALUE_LIST)
        return;
    bool is_list;
    struct part_node *list = object_node(m, node, str_slice(path, 0, (size_t)end + 2), &is_list);
    uint32_t i = 0;
    for (struct part_node *item = list->first; item && i < members->count; item = item->next, i++) {
        m->call->item = members->items[i];
        place_shown(m, item, type, shown, &value_empty_map);
    }
}

static void place_pending(
    struct making *m, struct part_node *node, const struct role *role, const struct value *waiting)
{
    if (!role->type->pending_at.n || role->step->sparse)
        return;
    document_child(m, node, role->type->pending_at, false); /* empty is there too */
    for (uint32_t i = 0; waiting && i < waiting->count; i++) {
        const struct spec_attr *attr = spec_attr_find(role->type, waiting->entries[i].key);
        struct str path = arena_printf(
            m->arena, "%.*s.%.*s", STR_ARG(role->type->pending_at), STR_ARG(act_pending_name(attr)));
        document_place(m, node, path, attr->answer, waiting->entries[i].value);
    }
}

/* Of lists the shape is that of any value; XML wants to know how deep they go. */
static const struct shape *shape_of_items(struct making *m, const struct value *v)
{
    static const struct shape any = {.kind = SHAPE_ANY};
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return &any;
    struct shape *shape = ARENA_NEW(m->arena, struct shape);
    if (v->kind == VALUE_LIST) {
        *shape = (struct shape){.kind = SHAPE_LIST, .elem = v->count ? shape_of_items(m, v->items[0]) : &any};
        return shape;
    }
    struct shape_member *members = ARENA_ARRAY(m->arena, struct shape_member, v->count + 1);
    *shape = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = v->count};
    for (uint32_t i = 0; i < v->count; i++)
        members[i] = (struct shape_member){.name = v->entries[i].key,
            .wire = v->entries[i].key,
            .shape = shape_of_items(m, v->entries[i].value)};
    return shape;
}

/* Into an attribute that is a structure, which has a member more then. False: it is none. */
static bool place_within(
    struct making *m, const struct part_node *node, struct str path, const struct value *v)
{
    struct str member, name = str_cut(path, '.', &member);
    struct part_node *at = node->first;
    while (at && !str_eq(at->name, name))
        at = at->next;
    if (!at || !member.n || !at->value || at->value->kind != VALUE_MAP || at->shape->kind != SHAPE_STRUCT)
        return false;
    struct shape *shape = ARENA_NEW(m->arena, struct shape);
    struct shape_member *members = ARENA_ARRAY(m->arena, struct shape_member, at->shape->member_count + 1);
    memcpy(members, at->shape->members, at->shape->member_count * sizeof *members);
    members[at->shape->member_count] =
        (struct shape_member){.name = member, .wire = member, .shape = shape_of_items(m, v)};
    *shape = *at->shape;
    shape->members = members;
    shape->member_count++;
    at->shape = shape;
    at->value = value_with(m->arena, at->value, member, v);
    return true;
}

/* What requests gave that no attribute is: `keeps`. */
static void place_kept(struct making *m, struct part_node *node, const struct value *kept)
{
    for (uint32_t i = 0; kept && i < kept->count; i++) {
        struct str path = kept->entries[i].key;
        const struct value *v = kept->entries[i].value;
        if (!place_within(m, node, path, v))
            document_place(m, node, path, shape_of_items(m, v), v);
    }
}

/* `empty: [AssociationSet]`: lists that answers have also where nothing is in them. */
static void place_empty(struct making *m, struct part_node *node, const struct value *names)
{
    for (uint32_t i = 0; names && i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        struct part_node *at = node->first;
        while (at && !str_eq(at->name, name))
            at = at->next;
        if (!at)
            document_child(m, node, name, false)->is_list = true;
    }
}

/* A listing of nothing but names: answers: {name: "@"}. */
static bool is_bare(const struct spec_step *step)
{
    for (size_t i = 0; i < step->answer_count; i++)
        if (str_eqz(step->answers[i].path, "@"))
            return true;
    return false;
}

static void place_object(
    struct making *m, struct part_node *node, const struct role *role, const struct value *attrs)
{
    const struct spec_type *type = role->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str path;
        const struct value *v = value_get(attrs, attr->attr->name);
        if (value_is_null(v) || is_kept_back(role, attr) || !act_provides(type, role->step, attr, &path))
            continue;
        if (attr->owner == OWNER_ENTRIES)
            place_entries(m, node, path, entries_of(type, attr), false, v);
        else
            document_place(m, node, path, attr->answer, v);
        place_item_extras(m, node, path, type, attr, v);
    }
    if (is_bare(role->step))
        return;
    place_pending(m, node, role, value_getz(attrs, PENDING_KEY));
    const struct value *maps = value_getz(type->sandbox, "text_maps");
    for (struct part_node *at = node->first; at; at = at->next)
        for (uint32_t i = 0; maps && i < maps->count; i++)
            at->is_map = at->is_map || str_eq(at->name, value_text(maps->items[i], STR_EMPTY));
    const struct value *one = value_get(value_getz(type->sandbox, "shows_in"), role->step->op->wire.name);
    if (!one && !role->step->sparse && !role->step->wanted.count)
        one = value_getz(type->sandbox, "shows");
    place_shown(m, node, type, one, attrs);
    if (!role->step->sparse && !role->step->wanted.count)
        place_kept(m, node, value_getz(attrs, KEPT_KEY));
    if (!role->step->sparse && !role->step->wanted.count && !role->step->list.covers.count)
        place_empty(m, node, value_getz(type->sandbox, "empty"));
}

/* ---- pages ---- */

static int64_t as_size(const struct value *v)
{
    int64_t size = 0;
    if (v && v->kind == VALUE_INT)
        return v->integer;
    return v && v->kind == VALUE_STRING && str_to_int(v->string, &size) ? size : 0;
}

/* One parameter of a query string; members that weir does not send are in no shape. */
static int64_t query_size(struct str query, const char *name)
{
    while (query.n) {
        struct str value, pair = str_cut(query, '&', &query);
        int64_t size;
        if (str_eqz(str_cut(pair, '=', &value), name) && str_to_int(value, &size))
            return size;
    }
    return 0;
}

/* The page size that the request asks for, by any of the names that services have for it; 0: none. */
static int64_t page_size(const struct call *call)
{
    static const char *const names[] = {"MaxItems", "MaxResults", "MaxRecords", "Limit", "PageSize",
        "maxResults", "limit", "pageSize", "ResourcesPerPage", "maxBuckets", "maxNamespaces", "maxTables"};
    int64_t size = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && size <= 0; i++) {
        size = as_size(value_getz(call->raw, names[i]));
        size = size > 0 ? size : query_size(call->request->query, names[i]);
    }
    return size;
}

/* Clients hold some tokens to be names, and want them long enough. */
#define PAGE_MARK "page-"

/* The attribute that the last item is known by, which a client has to name for the next page. */
static const struct value *page_key(const struct role *role, const struct thing *thing)
{
    for (size_t i = 0; i < role->type->attr_count; i++) {
        struct str path;
        if (act_provides(role->type, role->step, &role->type->attrs[i], &path) &&
            (str_eq(path, role->step->list.page.last) ||
                (str_eqz(path, "@") && str_eqz(role->step->list.page.last, "."))))
            return value_get(thing->attrs, role->type->attrs[i].attr->name);
    }
    return value_get(thing->attrs, role->type->schema.id);
}

struct keyed {
    const struct value *key;
    struct thing *thing;
};

static int by_key(const void *a, const void *b)
{
    return value_compare(((const struct keyed *)a)->key, ((const struct keyed *)b)->key);
}

/* Pages that begin after a key: things are in its order, whatever comes and goes between two pages. */
static size_t page_after(
    struct making *m, struct part_node *root, struct thing *const **things, size_t n, size_t *first)
{
    const struct role *role = m->call->role;
    const struct value *after = value_get(m->call->input, role->step->list.page.in_key);
    struct keyed *keyed = ARENA_ARRAY(m->arena, struct keyed, n);
    struct thing **ordered = ARENA_ARRAY(m->arena, struct thing *, n);
    for (size_t i = 0; i < n; i++)
        keyed[i] = (struct keyed){page_key(role, (*things)[i]), (*things)[i]};
    if (n)
        qsort(keyed, n, sizeof *keyed, by_key);
    *first = 0;
    for (size_t i = 0; i < n; i++) {
        ordered[i] = keyed[i].thing;
        *first += !value_is_null(after) && value_compare(keyed[i].key, after) <= 0;
    }
    *things = ordered;
    int64_t size = page_size(m->call);
    bool more = size > 0 && *first + (size_t)size < n;
    document_place(m, root, role->step->list.page.more, &document_flag, value_bool(more));
    return more ? *first + (size_t)size : n;
}

/* The things of this page: from *first up to what is returned. A token names the last thing shown, for others
 * may come and go between pages. */
static size_t page(
    struct making *m, struct part_node *root, struct thing *const **sorted, size_t n, size_t *first)
{
    const struct spec_page *rule = &m->call->role->step->list.page;
    if (rule->by == PAGE_LAST_ITEM)
        return page_after(m, root, sorted, n, first);
    struct thing *const *things = *sorted;
    int64_t after = 0, size = page_size(m->call);
    struct str token = value_text(value_get(m->call->input, rule->in_key), STR_EMPTY), mark = STR(PAGE_MARK);
    if (str_starts(token, mark))
        str_to_int(str_slice(token, mark.n, token.n), &after);
    for (*first = 0; *first < n && things[*first]->serial <= after;)
        ++*first;
    if (size <= 0 || !rule->out.n || *first + (size_t)size >= n)
        return n;
    size_t end = *first + (size_t)size;
    int64_t last = things[end - 1]->serial;
    /* Where several types are listed at once, the next page begins with what was shown of all. */
    if (!m->call->page_end || last < m->call->page_end)
        m->call->page_end = last;
    document_place(m, root, rule->out, &document_text,
        value_string(m->arena, arena_printf(m->arena, PAGE_MARK "%lld", (long long)m->call->page_end)));
    return end;
}

/* ---- each part's answer ---- */

/* A listing without items has its list all the same. */
static void place_empty_list(struct making *m, struct part_node *root, struct str at)
{
    ptrdiff_t end = str_find(at, STR("[]"), 0);
    bool list;
    if (end >= 0)
        object_node(m, root, str_slice(at, 0, (size_t)end + 2), &list);
}

static void place_owned(struct making *m, struct part_node *root, const struct thing *thing)
{
    const struct role *role = m->call->role;
    const struct value *v = value_get(thing->attrs, role->attr->attr->name);
    const struct shape *shape = role->part == PART_TAGS_LIST ? role->type->tags->answer : role->attr->answer;
    struct str at = role->step->at;
    if (role->step->list.page.more.n) /* all that a thing has comes in one page */
        document_place(m, root, role->step->list.page.more, &document_flag, &value_false);
    switch (role->part) {
    case PART_FACET_GET: {
        bool list;
        struct part_node *node = object_node(m, root, at, &list);
        if (!value_is_null(v))
            document_place(m, node, act_answer_path(role->step, role->attr), shape, v);
        break;
    }
    case PART_TAGS_LIST: document_place(m, root, at, shape, v ? v : &value_empty_map); break;
    case PART_MEMBERS_LIST:
        if (v && v->count)
            document_place(m, root, at, shape, v);
        else
            place_empty_list(m, root, at);
        if (v)
            place_item_extras(m, root, at, role->type, role->attr, v);
        break;
    case PART_ENTRIES_LIST:
        place_entries(m, root, at, role->owner, ((const struct spec_entries *)role->owner)->get != NULL, v);
        break;
    default: break;
    }
}

static void place_entry(struct making *m, struct part_node *root, const struct thing *thing)
{
    const struct role *role = m->call->role;
    const struct spec_entries *e = role->owner;
    struct str key = STR_EMPTY;
    for (size_t i = 0; i < role->step->request.extra_count; i++)
        if (role->step->request.extras[i].from_item)
            key = value_text(value_get(m->call->input, role->step->request.extras[i].key), STR_EMPTY);
    const struct value *v = value_get(value_get(thing->attrs, role->attr->attr->name), key);
    bool list;
    struct part_node *node = object_node(m, root, role->step->at, &list);
    /* What named it comes back with it. */
    for (size_t i = 0; i < role->step->request.shape.member_count; i++) {
        const struct shape_member *member = &role->step->request.shape.members[i];
        const struct value *sent = value_get(m->call->input, member->name);
        if (member->wire.n && sent && !member->group)
            document_place(m, node, member->wire, member->shape, sent);
    }
    if (v)
        document_place(m, node, e->answer, e->attr->answer->elem, v);
}

static bool gives_objects(const struct role *role)
{
    return role->part == PART_CREATE || role->part == PART_READ || role->part == PART_LIST ||
           role->part == PART_UPDATE ||
           (role->part == PART_DELETE && (role->step->at.n || role->step->answer_count));
}

/* `shows_in` of calls that do not answer with the object. */
static void place_shown_in(struct making *m, struct part_node *root, const struct thing *thing)
{
    const struct role *role = m->call->role;
    m->call->subject = thing;
    place_shown(m, root, role->type,
        value_get(value_getz(role->type->sandbox, "shows_in"), role->step->op->wire.name),
        fill_now(m->call, thing));
}

/* "Reservations[].Instances[]": where the outer list is. */
static struct str outer_path(struct str at)
{
    return str_slice(at, 0, (size_t)str_find(at, STR("[]"), 0) + 2);
}

static bool is_inside(struct str at)
{
    return str_find(at, STR("[]."), 0) >= 0;
}

/* Does this element of the outer list have one of the thing's attributes, under the same name? */
static bool is_parent(const struct part_node *element, const struct thing *thing)
{
    for (const struct part_node *at = element->first; at; at = at->next)
        for (size_t i = 0; i < thing->type->attr_count; i++) {
            const struct spec_attr *attr = &thing->type->attrs[i];
            if (str_eq(attr->read, at->name) && attr->attr->required && at->value &&
                value_equal(at->value, value_get(thing->attrs, attr->attr->name)))
                return true;
        }
    return false;
}

/* The inner list that the thing belongs to. Where nothing is around it (an instance's reservation), an
 * element of the outer list is made for it; where there are others only, it is not asked for: NULL. */
static struct part_node *parent_of(struct making *m, struct part_node *root, const struct thing *thing)
{
    struct str at = m->call->role->step->at, outer = outer_path(at);
    bool list, alone = true;
    struct part_node *elements = object_node(m, root, outer, &list), *home = NULL;
    for (size_t i = 0; i < m->call->served->role_count; i++) {
        const struct role *other = &m->call->served->roles[i];
        alone = alone && !(other->part == PART_LIST && str_eq(other->step->at, outer));
    }
    for (struct part_node *e = elements->first; e && !home; e = e->next)
        home = is_parent(e, thing) ? e : NULL;
    if (!home && alone)
        home = document_child(m, elements, STR_EMPTY, true);
    return home ? object_node(m, home, str_slice(at, outer.n + 1, at.n), &list) : NULL;
}

static void place_collected(struct making *m, struct part_node *node, const struct value *collected)
{
    for (uint32_t i = 0; i < collected->count; i++) {
        const struct value *list = collected->entries[i].value;
        struct part_node *at = document_child(m, node, collected->entries[i].key, false);
        at->is_list = true;
        for (uint32_t k = 0; k < list->count; k++)
            document_place(m, document_child(m, at, STR_EMPTY, true), STR_EMPTY,
                shape_of_items(m, list->items[k]), list->items[k]);
    }
}

static void place_things(struct making *m, struct part_node *root, struct thing *const *things, size_t n)
{
    const struct role *role = m->call->role;
    bool list;
    struct part_node *node = is_inside(role->step->at) && role->part == PART_LIST
                                 ? object_node(m, root, outer_path(role->step->at), &list)
                                 : object_node(m, root, role->step->at, &list);
    size_t first = 0, end = role->part == PART_LIST ? page(m, root, &things, n, &first) : n;
    /* Services that page by markers say besides whether that was all. */
    bool marks = str_eqz(role->step->list.page.out, "Marker"),
         next = str_eqz(role->step->list.page.out, "NextMarker");
    if (role->part == PART_LIST && (marks || next))
        document_place(
            m, root, marks ? STR("IsTruncated") : STR("Truncated"), &document_flag, value_bool(end < n));
    bool nested = role->part == PART_LIST && str_find(role->step->at, STR("[]."), 0) >= 0;
    for (size_t i = first; i < end; i++) {
        struct part_node *home = nested ? parent_of(m, root, things[i]) : node;
        if (!home)
            continue;
        struct part_node *at = list ? document_child(m, home, STR_EMPTY, true) : node;
        m->call->subject = things[i];
        place_object(m, at, role, fill_now(m->call, things[i]));
        if (!role->step->sparse)
            place_collected(m, at, collect(m->call, things[i]));
    }
    if (!n && role->type->schema.is_data && !value_getz(role->type->sandbox, "standing"))
        place_object(m, list ? document_child(m, node, STR_EMPTY, true) : node, role,
            fill_new(m->call, role->type, m->call->input));
}

/* A call that tells who uses a thing: `used_by` names it. */
static void place_users(struct making *m, struct part_node *root)
{
    const struct role *role = m->call->role;
    const struct value *by = value_getz(value_getz(role->type->sandbox, "used_by"), "by");
    bool named, list;
    const struct thing *thing = find_named(m->call, role, m->call->input, &named);
    for (uint32_t r = 0; thing && by && r < by->count; r++) {
        if (!str_eq(value_gets(by->items[r], "call"), role->step->op->wire.name))
            continue;
        struct part_node *node = object_node(m, root, role->step->at, &list);
        for (size_t i = 0; i < m->call->control->thing_count; i++) {
            const struct thing *user = m->call->control->things[i];
            if (check_uses(m->call, by->items[r], user, thing))
                place_shown(m, document_child(m, node, STR_EMPTY, true), user->type,
                    value_getz(by->items[r], "shows"), user->attrs);
        }
    }
}

void answer_start(struct call *call, struct answer *answer)
{
    enum wire_protocol protocol = call->protocol;
    *answer = (struct answer){.root = ARENA_NEW(call->arena, struct part_node),
        .xml = protocol == WIRE_QUERY || protocol == WIRE_EC2 || protocol == WIRE_REST_XML};
}

/* `shows_beside: {Call: {Path: value}}`: what an answer has besides its objects. */
static void place_beside(struct making *m, struct part_node *root)
{
    const struct role *role = m->call->role;
    place_shown(m, root, role->type,
        value_get(value_getz(role->type->sandbox, "shows_beside"), role->step->op->wire.name),
        &value_empty_map);
}

/* Where objects go: into JSON text of its own, where the client finds them in one. */
static struct part_node *content_root(struct call *call, struct answer *answer)
{
    if (!call->role->step->parse.n)
        return answer->root;
    answer->parse = call->role->step->parse;
    if (!answer->parsed)
        answer->parsed = ARENA_NEW(call->arena, struct part_node);
    return answer->parsed;
}

void answer_add(struct call *call, struct answer *answer, struct thing *const *things, size_t n)
{
    struct making m = {.call = call, .arena = call->arena, .xml = answer->xml};
    bool list;
    if (gives_objects(call->role)) {
        struct part_node *root = content_root(call, answer);
        place_things(&m, root, things, n);
        place_beside(&m, root);
        return;
    }
    if (n)
        place_shown_in(&m, answer->root, things[0]);
    else
        place_beside(&m, answer->root);
    if (call->role->part == PART_SIDE)
        place_users(&m, answer->root);
    if (call->role->part == PART_ENTRIES_GET && n)
        place_entry(&m, answer->root, things[0]);
    else if (call->role->attr && n)
        place_owned(&m, answer->root, things[0]);
    else if (call->role->step->at.n)
        object_node(&m, answer->root, call->role->step->at, &list); /* an empty list is still a list */
}

static int place_parsed(struct making *m, const struct answer *answer)
{
    static const struct wire_operation json = {.protocol = WIRE_JSON11};
    const struct shape *shape;
    const struct value *value;
    struct wire_message text = {0};
    document_finish(m, answer->parsed, &shape, &value);
    if (wire_encode_response(m->arena, &json, shape, value, STR_EMPTY, &text, m->call->err))
        return -1;
    document_place(m, answer->root, answer->parse, &document_text, value_string(m->arena, text.body));
    return 0;
}

int answer_encode(
    struct call *call, const struct answer *answer, struct str request_id, struct wire_message *out)
{
    struct making m = {.call = call, .arena = call->arena, .xml = answer->xml};
    const struct shape *shape;
    const struct value *value;
    if (answer->parsed && place_parsed(&m, answer))
        return -1;
    document_finish(&m, answer->root, &shape, &value);
    struct wire_operation op = call_operation(call, call->served->op);
    return wire_encode_response(call->arena, &op, shape, value, request_id, out, call->err);
}
