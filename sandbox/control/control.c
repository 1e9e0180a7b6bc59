/* Which operation a request is, and what part it plays for which type. */
#include "sandbox/control/control_internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the index: every step of every spec, by operation ---- */

static struct served_service *service_of(struct control *control, const struct spec_service *spec)
{
    for (size_t i = 0; i < control->service_count; i++)
        if (control->services[i].spec == spec)
            return &control->services[i];
    control->services =
        mem_realloc_array(control->services, control->service_count + 1, sizeof *control->services);
    control->services[control->service_count] = (struct served_service){.spec = spec};
    return &control->services[control->service_count++];
}

static struct served *served_of(struct served_service *service, const struct spec_operation *op)
{
    for (size_t i = 0; i < service->op_count; i++)
        if (str_eq(service->ops[i].op->wire.name, op->wire.name))
            return &service->ops[i];
    MEM_GROW(service->ops, service->op_cap, service->op_count + 1);
    service->ops[service->op_count] = (struct served){.op = op};
    return &service->ops[service->op_count++];
}

struct indexing {
    struct served_service *service;
    const struct spec_type *type;
};

static bool is_also(const struct spec_type *type, const struct spec_step *step)
{
    for (size_t i = 0; i < type->also_count; i++)
        if (type->also[i].step == step)
            return true;
    return false;
}

static void index_add(struct indexing *index, enum part part, const struct spec_step *step,
    const struct spec_attr *attr, const void *owner)
{
    if (!step || !step->op)
        return;
    struct served *served = served_of(index->service, step->op);
    for (size_t i = 0; i < served->role_count; i++) {
        const struct role *known = &served->roles[i];
        /* What "also" says of a call goes before what weir makes of it; and no type is listed twice. */
        if (known->type == index->type && known->part == part &&
            (part == PART_LIST || is_also(index->type, known->step)))
            return;
    }
    MEM_GROW(served->roles, served->role_cap, served->role_count + 1);
    served->roles[served->role_count++] =
        (struct role){.part = part, .type = index->type, .step = step, .attr = attr, .owner = owner};
}

static struct str last_call(const struct spec_steps *steps)
{
    const struct spec_operation *op = steps->items[steps->count - 1].op;
    return op ? op->wire.name : STR_EMPTY;
}

/* A rule goes in or out: two calls of which one `if`, the other `unless` an attribute says so. */
static bool are_alternatives(
    const struct spec_type *type, const struct spec_step *first, const struct spec_step *other)
{
    for (size_t i = 0; i < first->unless.count; i++)
        for (size_t k = 0; k < other->only.count; k++) {
            struct str name = first->unless.items[i].name;
            const struct spec_attr *attr = spec_attr_find(type, name);
            if (attr && attr->attr->settable && str_eq(name, other->only.items[k].name))
                return true;
        }
    return false;
}

static void add_steps(struct indexing *index, enum part part, const struct spec_steps *steps)
{
    const struct spec_step *creates = NULL; /* a call that creates may have several forms */
    for (size_t i = 0; i < steps->count; i++) {
        const struct spec_step *step = &steps->items[i];
        bool main = !step->list.each && !step->must_be_absent && !step->look && step->op;
        if (main && !creates)
            creates = step;
        /* Of several deleting steps the last deletes; of several creating ones the first creates. */
        if (part == PART_DELETE && i + 1 < steps->count)
            main = main && str_eq(step->op->wire.name, last_call(steps));
        enum part own = part;
        if (part == PART_READ && step->match_path.n)
            own = PART_LIST; /* weir picks one of the items */
        if (step->list.of || step->list.gather.n)
            own = PART_SIDE; /* other types, or `also`, say what it answers */
        if (main && part == PART_CREATE && !str_eq(step->op->wire.name, creates->op->wire.name) &&
            !are_alternatives(index->type, creates, step))
            own = PART_UPDATE;
        index_add(index, main ? own : PART_SIDE, step, NULL, NULL);
        index_add(index, PART_SIDE, step->list.each, NULL, NULL);
        index_add(index, PART_SIDE, step->again.users, NULL, NULL);
        index_add(index, PART_SIDE, step->again.meanwhile, NULL, NULL);
    }
}

static void add_owned(struct indexing *index)
{
    const struct spec_type *type = index->type;
    for (size_t i = 0; i < type->facet_count; i++) {
        const struct spec_facet *f = &type->facets[i];
        index_add(index, PART_FACET_PUT, f->put, f->attr, f);
        index_add(index, PART_FACET_GET, f->get, f->attr, f);
        index_add(index, PART_FACET_REMOVE, f->remove, f->attr, f);
        index_add(index, PART_FACET_REMOVE, f->reset, f->attr, f);
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *m = &type->members[i];
        index_add(index, PART_MEMBERS_LIST, m->list, m->attr, m);
        index_add(index, PART_MEMBERS_ADD, m->add, m->attr, m);
        index_add(index, PART_MEMBERS_REMOVE, m->remove, m->attr, m);
        index_add(index, PART_MEMBERS_MODIFY, m->modify, m->attr, m);
    }
    for (size_t i = 0; i < type->entries_count; i++) {
        const struct spec_entries *e = &type->entries[i];
        index_add(index, PART_ENTRIES_LIST, e->list, e->attr, e);
        index_add(index, PART_ENTRIES_GET, e->get, e->attr, e);
        index_add(index, PART_ENTRIES_PUT, e->put, e->attr, e);
        index_add(index, PART_ENTRIES_PUT, e->replace, e->attr, e);
        index_add(index, PART_ENTRIES_REMOVE, e->remove, e->attr, e);
    }
    const struct spec_tags *t = type->tags;
    if (!t)
        return;
    index_add(index, PART_TAGS_LIST, t->list, t->attr, t);
    index_add(index, PART_TAGS_ADD, t->add, t->attr, t);
    index_add(index, PART_TAGS_REMOVE, t->remove, t->attr, t);
    index_add(index, PART_TAGS_PUT, t->put, t->attr, t);
    index_add(index, PART_TAGS_CLEAR, t->clear, t->attr, t);
}

static void add_also(struct indexing *index)
{
    static const struct {
        const char *as;
        enum part part;
    } parts[] = {{"create", PART_CREATE}, {"read", PART_READ}, {"list", PART_LIST}, {"update", PART_UPDATE},
        {"delete", PART_DELETE}, {"tags", PART_TAGS_LIST}};
    const struct spec_type *type = index->type;
    for (size_t i = 0; i < type->also_count; i++)
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (str_eqz(type->also[i].as, parts[k].as))
                index_add(index, parts[k].part, type->also[i].step,
                    parts[k].part == PART_TAGS_LIST && type->tags ? type->tags->attr : NULL, type->tags);
}

static void index_type(struct control *control, const struct spec_type *type)
{
    struct indexing index = {.service = service_of(control, type->service), .type = type};
    MEM_GROW(index.service->types, index.service->type_cap, index.service->type_count + 1);
    index.service->types[index.service->type_count++] = type;
    add_also(&index);
    add_steps(&index, PART_CREATE, &type->create);
    add_steps(&index, PART_UPDATE, &type->update);
    add_steps(&index, PART_DELETE, &type->delete);
    add_steps(&index, PART_READ, &type->read);
    add_steps(&index, PART_LIST, &type->list);
    for (size_t i = 0; i < type->teardown_count; i++)
        index_add(&index, PART_SIDE, type->teardown[i].count, NULL, NULL);
    index_add(&index, type->find && type->find->list.each ? PART_SIDE : PART_LIST, type->find, NULL, NULL);
    add_owned(&index);
}

/* Does the operation make things of another type? */
static bool makes_others(const struct served *served, const struct spec_type *type)
{
    for (size_t i = 0; i < served->role_count; i++)
        if (served->roles[i].part == PART_CREATE && served->roles[i].type != type)
            return true;
    return false;
}

/* Whose members these roles are about; those that another type's calls make are things of that type, which
 * serves them (a security group's rules). */
static bool are_things(const struct served_service *service, const struct role *role)
{
    bool members = role->part >= PART_MEMBERS_LIST && role->part <= PART_MEMBERS_MODIFY;
    const struct spec_members *m = members ? role->owner : NULL;
    for (size_t i = 0; m && m->add && i < service->op_count; i++)
        if (service->ops[i].op == m->add->op)
            return makes_others(&service->ops[i], role->type);
    return false;
}

static void drop_members_that_are_things(struct served_service *service)
{
    for (size_t i = 0; i < service->op_count; i++) {
        struct served *served = &service->ops[i];
        size_t kept = 0;
        for (size_t k = 0; k < served->role_count; k++)
            if (!are_things(service, &served->roles[k]))
                served->roles[kept++] = served->roles[k];
        served->role_count = kept;
    }
}

/* Does the operation speak of resources? */
static bool speaks_of_things(const struct served *served)
{
    for (size_t i = 0; i < served->role_count; i++)
        if (!served->roles[i].type->schema.is_data && served->roles[i].part != PART_SIDE)
            return true;
    return false;
}

/* A data source asks for what the resources of its service are: they answer, whoever asks. Only what none of
 * them says, or what its own `sandbox:` says, is a data source's. */
static void leave_data_to_things(struct served_service *service)
{
    for (size_t i = 0; i < service->op_count; i++) {
        struct served *served = &service->ops[i];
        bool things = speaks_of_things(served);
        for (size_t k = 0; k < served->role_count && things; k++)
            if (served->roles[k].type->schema.is_data && !served->roles[k].type->sandbox)
                served->roles[k].part = PART_SIDE;
    }
}

static int index_all(struct control *control, struct err *err)
{
    for (int data = 0; data < 2; data++) {
        size_t n;
        const struct str *names = catalog_names(control->options.catalog, data, &n);
        for (size_t i = 0; i < n; i++) {
            const struct schema *schema = catalog_find(control->options.catalog, names[i], data, err);
            if (!schema)
                return -1;
            if (schema->ops == &spec_ops && schema->service) /* of AWS */
                index_type(control, schema->impl);
        }
    }
    for (size_t i = 0; i < control->service_count; i++) {
        drop_members_that_are_things(&control->services[i]);
        leave_data_to_things(&control->services[i]);
    }
    return 0;
}

int control_new(const struct control_options *options, struct control **out, struct err *err)
{
    struct control *control = mem_zalloc(sizeof *control);
    control->options = *options;
    if (!control->options.account.n)
        control->options.account = STR("000000000000");
    pthread_mutex_init(&control->lock, NULL);
    if (index_all(control, err) || store_load(control, err)) {
        control_free(control);
        return -1;
    }
    *out = control;
    return 0;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    store_release(control);
    map_release(&control->numbers);
    for (size_t i = 0; i < control->service_count; i++) {
        for (size_t k = 0; k < control->services[i].op_count; k++)
            free(control->services[i].ops[k].roles);
        free(control->services[i].ops);
        free(control->services[i].types);
    }
    free(control->services);
    arena_release(&control->arena);
    pthread_mutex_destroy(&control->lock);
    free(control);
}

/* ---- dispatch ---- */

static bool is_rest(enum wire_protocol protocol)
{
    return protocol == WIRE_REST_JSON || protocol == WIRE_REST_XML;
}

struct wire_operation call_operation(const struct call *call, const struct spec_operation *op)
{
    struct wire_operation own = op->wire;
    own.protocol = call->protocol;
    return own;
}

static const struct served *find_served(const struct call *call, const struct served_service *service)
{
    const struct served *best = NULL;
    int best_score = -1;
    struct str name =
        is_rest(call->protocol) ? STR_EMPTY : wire_request_name(call->arena, call->protocol, call->request);
    for (size_t i = 0; i < service->op_count; i++) {
        const struct wire_operation *op = &service->ops[i].op->wire;
        int score = is_rest(call->protocol) ? wire_match(op, call->request) : str_eq(op->name, name) ? 0 : -1;
        if (score > best_score) {
            best_score = score;
            best = &service->ops[i];
        }
    }
    return best;
}

static bool unify(
    struct arena *arena, const struct value *template, const struct value *sent, const struct value **input);

/* The first item of what was sent that the template may have made. */
static bool unify_item(
    struct arena *arena, const struct value *template, const struct value *sent, const struct value **input)
{
    for (uint32_t i = 0; i < sent->count; i++)
        if (unify(arena, template, sent->items[i], input))
            return true;
    return false;
}

/*
 * Reads a template backwards: [{Name: group-id, Value: ["${group_id}"]}] and what was sent give group_id.
 * False where a constant in it is not what was sent.
 */
static bool unify(
    struct arena *arena, const struct value *template, const struct value *sent, const struct value **input)
{
    if (value_is_null(sent))
        return true;
    struct str text = value_text(template, STR_EMPTY);
    if (str_starts(text, STR("${")) && str_ends(text, STR("}")) && str_find(text, STR("${"), 2) < 0) {
        *input = value_with(arena, *input, str_slice(text, 2, text.n - 1), sent);
        return true;
    }
    if (template->kind == VALUE_LIST && sent->kind == VALUE_LIST) {
        bool any = false;
        for (uint32_t i = 0; i < template->count; i++)
            any = unify_item(arena, template->items[i], sent, input) || any;
        return any || template->count != 1; /* of several the client leaves out what has no value */
    }
    if (template->kind != VALUE_MAP || sent->kind != VALUE_MAP)
        return value_equal(template, sent) || template->kind == VALUE_INT;
    const struct value *found = *input;
    for (uint32_t i = 0; i < template->count; i++)
        if (!unify(arena, template->entries[i].value, value_get(sent, template->entries[i].key), &found))
            return false;
    *input = found;
    return true;
}

/* The members of this turn's part of the request, by the role's shape; NULL where it cannot be read. It is
 * read once, for a request may name a thousand things. */
static const struct value *read_members(struct call *call, const struct role *role)
{
    const struct shape *shape = &role->step->request.shape;
    struct wire_operation op = call_operation(call, role->step->op);
    struct decoded *known = &call->decoded[role - call->served->roles];
    if (!known->raw && wire_decode_request(call->arena, &op, shape, call->request, &known->raw, call->err))
        return NULL;
    call->raw = turn_part(call, role->type, known->raw);
    if (call->raw == known->raw && known->input)
        return known->input;
    const struct value *input = wire_coerce(call->arena, shape, call->raw);
    input = input ? input : &value_empty_map;
    known->input = call->raw == known->raw ? input : NULL;
    return input;
}

/* What the request gives this role. NULL where it cannot be read. */
static const struct value *decode(struct call *call, const struct role *role)
{
    const struct value *input = read_members(call, role);
    if (!input)
        return NULL;
    /* What the client fills in from one attribute names that attribute. */
    for (size_t i = 0; i < role->step->request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->request.extras[i];
        if (!extra->from_item)
            unify(call->arena, extra->value, turn_name(call, extra->value, value_get(input, extra->key)),
                &input);
    }
    return input;
}

struct choice {
    const struct role *role;
    const struct value *input;
    struct thing *thing;
    int rank;
};

/*
 * How well a role fits what the request names and what there is. An operation may create a thing or change it
 * (PutRule), describe one or list all (DescribeDBInstances), and tag things of several types.
 */
static int rank_of(enum part part, bool found, bool named)
{
    switch (part) {
    case PART_CREATE: return found ? 2 : 5;
    case PART_LIST: return named ? 1 : 4;
    case PART_SIDE: return 0;
    case PART_UPDATE: return found ? 5 : named ? 3 : 1; /* tags and the like have calls of their own */
    default: return found ? 6 : named ? 3 : 1;
    }
}

/* Does the request add something to these members, or take something away? */
static bool sends_members(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->request.extras[i];
        if (extra->from_item && !value_is_null(value_get(input, extra->key)))
            return true;
    }
    return false;
}

/* Does the request put or delete entries of the kind that the role is about? */
static bool names_entries(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        if (!extra->from_item || !str_eqz(value_text(extra->value, STR_EMPTY), "items"))
            continue;
        bool any = false;
        for (uint32_t k = 0; sent && sent->kind == VALUE_LIST && k < sent->count && !any; k++)
            any = value_getz(sent->items[k], "key");
        if (!any)
            return false;
    }
    return true;
}

/* Of several facets behind one call it is the one whose constants or attribute are in the request, of several
 * sets of members the one that something is sent for. */
static bool fits(const struct role *role, const struct value *input)
{
    if (role->part == PART_MEMBERS_MODIFY && !sends_members(role, input))
        return false;
    for (size_t i = 0; i < role->step->request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        if (!extra->dynamic && !extra->from_item && extra->value->kind == VALUE_STRING && sent &&
            !value_equal(extra->value, sent))
            return false;
    }
    return role->part != PART_FACET_PUT || value_get(input, role->attr->attr->name);
}

/* A flag tells two forms of one call apart: PutParameter makes a parameter, with Overwrite it changes one.
 * Nothing is switched off by silence. */
static bool flags_fit(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        bool silent = !sent && role->part == PART_FACET_REMOVE;
        if (extra->value->kind == VALUE_BOOL &&
            (silent || extra->value->boolean != value_equal(sent, &value_true)))
            return false;
    }
    return true;
}

static bool has_all(const struct value *have, const struct value *wanted)
{
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (!have || !value_list_has(have, value_text(wanted->items[i], STR_EMPTY)))
            return false;
    return true;
}

/* One call takes members away and deletes (RevokePermissions): it deletes when none is left. */
static bool leaves_some(
    const struct call *call, const struct role *role, const struct value *input, const struct thing *thing)
{
    for (size_t i = 0; role->part == PART_DELETE && thing && i < call->served->role_count; i++) {
        const struct role *other = &call->served->roles[i];
        if (other->type == role->type && other->part == PART_MEMBERS_REMOVE &&
            !has_all(
                value_get(input, other->attr->attr->name), value_get(thing->attrs, other->attr->attr->name)))
            return true;
    }
    return false;
}

static bool choose(struct call *call, struct choice *best)
{
    struct choice absent = {.rank = -1}; /* one that is named, but is not there */
    *best = (struct choice){.rank = -1};
    for (size_t i = 0; i < call->served->role_count; i++) {
        const struct role *role = &call->served->roles[i];
        const struct value *input = decode(call, role);
        if (!input)
            return false;
        bool named = false;
        struct thing *thing = find_named(call, role, input, &named);
        int rank = 2 * rank_of(role->part, thing != NULL, named) + fits(role, input);
        bool fitting =
            flags_fit(role, input) && names_entries(role, input) && !leaves_some(call, role, input, thing);
        rank = fitting ? rank : rank / 4;
        bool knows_more = rank == best->rank && input->count > best->input->count;
        if (rank > best->rank || knows_more)
            *best = (struct choice){role, input, thing, rank};
        if (role->part == PART_READ && named && !thing)
            absent = (struct choice){role, input, NULL, rank};
    }
    if (best->role && best->role->part == PART_LIST && absent.role)
        *best = absent;
    return best->role != NULL;
}

static void encode_refusal(
    struct call *call, const struct wire_operation *op, struct str request_id, struct wire_message *answer)
{
    const struct err *err = call->err;
    struct str code = err->code[0] ? str_z(err->code) : STR("ValidationException");
    wire_encode_error(call->arena, op, err->http_status ? err->http_status : 400, code, str_z(err->message),
        request_id, answer);
    if (wire_header_get(call->request, STR("x-amzn-query-mode")).n)
        wire_header_add(call->arena, answer, STR("x-amzn-query-error"),
            arena_printf(call->arena, "%.*s;Sender", STR_ARG(code)));
}

/* Constants by which one operation serves several types ({Filter: [Role]}): those sent are the type's own. */
static bool means_type(const struct role *role, const struct value *input)
{
    for (size_t i = 0; i < role->step->request.extra_count; i++) {
        const struct spec_extra *extra = &role->step->request.extras[i];
        const struct value *sent = value_get(input, extra->key);
        bool listed = extra->value->kind == VALUE_LIST;
        if (extra->from_item || extra->dynamic || value_is_null(sent) || !listed)
            continue;
        bool any = false;
        for (uint32_t k = 0; k < extra->value->count && sent->kind == VALUE_LIST; k++)
            for (uint32_t j = 0; j < sent->count; j++)
                any = any || value_equal(extra->value->items[k], sent->items[j]);
        if (!any)
            return false;
    }
    return true;
}

/* A listing shows every type that the operation lists; a read what lies inside of what it reads. */
static bool goes_along(const struct role *chosen, const struct role *role)
{
    struct str at = chosen->step->at;
    bool inside = role->step->at.n > at.n && at.n && str_starts(role->step->at, at);
    if (role->part == PART_LIST)
        return chosen->part == PART_LIST || (chosen->part == PART_READ && inside);
    if (role->type != chosen->type)
        return false;
    /* What one call has for several attributes: its tags beside its settings, members beside others. */
    bool changes = chosen->part == PART_MEMBERS_MODIFY || chosen->part == PART_UPDATE;
    bool owned = chosen->part == PART_FACET_PUT || chosen->part == PART_FACET_REMOVE ||
                 chosen->part == PART_ENTRIES_PUT || chosen->part == PART_ENTRIES_REMOVE;
    if (owned && role->part == PART_UPDATE)
        return !role->step->full;
    return (role->part == PART_READ && chosen->part == PART_READ) ||
           (changes && role->part == PART_MEMBERS_MODIFY) ||
           (role->part == PART_UPDATE && chosen->part == PART_MEMBERS_MODIFY);
}

/* One role, and those that go along with it. */
static int answer_roles(struct call *call, const struct choice *choice, struct answer *answer)
{
    for (size_t i = 0; i < call->served->role_count; i++) {
        const struct role *role = &call->served->roles[i];
        bool chosen = role == choice->role;
        if (!chosen && !goes_along(choice->role, role))
            continue;
        call->role = role;
        call->input = chosen ? choice->input : decode(call, role);
        if (!call->input)
            return -1;
        if (role->part == PART_LIST && !means_type(role, call->input))
            continue;
        struct thing **things = NULL;
        size_t n = 0;
        bool same = chosen || (role->type == choice->role->type && role->part != PART_LIST);
        int status = do_call(call, same ? choice->thing : NULL, &things, &n);
        if (!status)
            answer_add(call, answer, things, n);
        free(things);
        if (status)
            return -1;
    }
    return 0;
}

/* EC2's calls can be tried: all is looked at, nothing is done. */
static bool is_dry_run(const struct call *call)
{
    const struct value *given = value_getz(call->decoded[0].raw, "DryRun");
    return call->protocol == WIRE_EC2 && str_ieq(value_text(given, STR_EMPTY), STR("true"));
}

/* One of the things that the request is about. */
static int answer_turn(struct call *call, struct answer *answer)
{
    struct choice choice;
    if (!choose(call, &choice) || unknown_check(call))
        return -1;
    call->dry_run = is_dry_run(call);
    return answer_roles(call, &choice, answer);
}

static void answer_call(struct call *call, struct str request_id, struct wire_message *out)
{
    struct answer answer;
    int status = 0;
    answer_start(call, &answer);
    call->decoded = ARENA_ARRAY(call->arena, struct decoded, call->served->role_count);
    do
        status = answer_turn(call, &answer);
    while (!status && ++call->turn < call->turns);
    if (!status && call->dry_run)
        status = refuse_dry_run(call);
    if (status || answer_encode(call, &answer, request_id, out)) {
        struct wire_operation op = call_operation(call, call->served->op);
        encode_refusal(call, &op, request_id, out);
    }
}

static void drop_gone(struct control *control)
{
    for (size_t i = control->thing_count; i-- > 0;)
        if (fill_is_gone(control, control->things[i]))
            store_remove(control, control->things[i]);
}

static void refuse_unknown(struct call *call, const struct served_service *service, struct str request_id,
    struct wire_message *answer)
{
    struct str name = is_rest(call->protocol)
                          ? arena_printf(call->arena, "%.*s %.*s", STR_ARG(call->request->method),
                                STR_ARG(call->request->path))
                          : wire_request_name(call->arena, call->protocol, call->request);
    bool form = call->protocol == WIRE_QUERY || call->protocol == WIRE_EC2;
    refuse(call, 400, form ? STR("InvalidAction") : STR("UnknownOperationException"),
        "the sandbox serves what weir's specs describe; %.*s is not among it", STR_ARG(name));
    struct wire_operation op = service->spec->operation;
    op.protocol = call->protocol;
    encode_refusal(call, &op, request_id, answer);
}

/* Services that began with the query protocol understand JSON by now (CloudWatch, as boto3 speaks to it). */
static enum wire_protocol protocol_of(const struct spec_service *spec, const struct wire_message *request)
{
    bool json = spec->protocol == WIRE_QUERY && wire_header_get(request, STR("X-Amz-Target")).n;
    return json ? WIRE_JSON10 : spec->protocol;
}

/* Members that do not lie in the body; those of the path follow from it. */
static struct shape placed_shape(struct arena *arena, const struct spec_operation *op)
{
    static const struct shape text = {.kind = SHAPE_STRING};
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, op->place_count + 1);
    for (size_t i = 0; i < op->place_count; i++)
        members[i] = (struct shape_member){.name = op->places[i].member,
            .wire = op->places[i].name,
            .shape = &text,
            .location = op->places[i].location};
    return (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = op->place_count};
}

bool control_reads(const struct control *control, struct arena *arena, struct str service,
    const struct wire_message *request, struct str *operation, const struct value **input)
{
    struct err ignored = ERR_INIT;
    struct call call = {.arena = arena, .request = request, .err = &ignored};
    for (size_t i = 0; i < control->service_count && !call.served; i++) {
        if (!str_eq(control->services[i].spec->aws.signing_name, service))
            continue;
        call.protocol = protocol_of(control->services[i].spec, request);
        call.served = find_served(&call, &control->services[i]);
    }
    if (!call.served)
        return false;
    struct wire_operation op = call_operation(&call, call.served->op);
    struct shape shape = placed_shape(arena, call.served->op);
    *operation = op.name;
    if (wire_decode_request(arena, &op, &shape, request, input, &ignored))
        *input = &value_empty_map;
    return true;
}

bool control_handle(struct control *control, struct arena *arena, struct str service, struct str region,
    const struct wire_message *request, struct str request_id, struct wire_message *answer)
{
    struct err err = ERR_INIT;
    struct call call = {
        .control = control, .arena = arena, .region = region, .request = request, .err = &err};
    const struct served_service *known = NULL;
    pthread_mutex_lock(&control->lock);
    drop_gone(control);
    for (size_t i = 0; i < control->service_count && !call.served; i++) {
        if (!str_eq(control->services[i].spec->aws.signing_name, service))
            continue;
        known = &control->services[i];
        call.service = known;
        call.protocol = protocol_of(known->spec, request);
        call.served = find_served(&call, known);
    }
    if (known)
        store_stand(&call, known);
    if (str_eqz(service, "tagging"))
        tagging_answer(&call, request_id, answer);
    else if (call.served)
        answer_call(&call, request_id, answer);
    else if (known && !tags_describe(&call, request_id, answer))
        refuse_unknown(&call, known, request_id, answer);
    store_settle(control);
    pthread_mutex_unlock(&control->lock);
    return known || str_eqz(service, "tagging");
}
