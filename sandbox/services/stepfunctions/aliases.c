/* Aliases of state machines, and variable references of definitions. */
#include "base/clock.h"
#include "base/hash.h"
#include "provider/notation/asl_check.h"
#include "sandbox/services/stepfunctions/executions.h"

#include <ctype.h>

/* ---- Variables that each state refers to, as DescribeStateMachine shows them: {State: [variable …]}. */

struct references {
    struct arena *arena;
    struct value_builder states;
    struct value_builder names; /* of one state: a map with true, so that names are sorted and unique */
};

static bool is_in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Adds each $name outside of quotes, except $$, $. and $[, and names that JSONata calls or binds. */
static void references_in_text(struct references *r, struct str text)
{
    char quote = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (quote || c == '\'' || c == '"') {
            quote = !quote ? c : c == quote ? 0 : quote;
            continue;
        }
        if (c != '$')
            continue;
        size_t end = i + 1;
        while (end < text.n && is_in_name(text.p[end]))
            end++;
        struct str name = str_slice(text, i + 1, end), after = str_slice(text, end, text.n);
        while (after.n && isspace((unsigned char)after.p[0]))
            after = str_slice(after, 1, after.n);
        bool context = i && text.p[i - 1] == '$';
        if (!context && asl_is_variable(name) && !str_starts(after, STR("(")) &&
            !str_starts(after, STR(":=")))
            value_builder_set(&r->names, name, &value_true);
        i = end - 1;
    }
}

static void references_in_machine(struct references *r, const struct value *machine, bool jsonata);

/* Adds the references of a state, without the machines nested in it. */
static void references_in_value(struct references *r, struct str key, const struct value *v, bool jsonata)
{
    static const char *const machines[] = {"Branches", "ItemProcessor", "Iterator"};
    bool path = str_ends(key, STR(".$")) || str_ends(key, STR("Path")) || str_eqz(key, "Variable");
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (str_eqz(key, machines[i]))
            return;
    if (v->kind == VALUE_STRING && (jsonata ? asl_is_jsonata(v) : path))
        references_in_text(r, v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        references_in_value(r, key, v->items[i], jsonata);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        references_in_value(r, v->entries[i].key, v->entries[i].value, jsonata);
}

static void references_in_state(
    struct references *r, struct str name, const struct value *state, bool jsonata)
{
    const struct value *branches = value_getz(state, "Branches"), *processor = asl_processor(state);
    jsonata = asl_speaks_jsonata(state, jsonata);
    r->names = (struct value_builder)VALUE_BUILDER(r->arena);
    references_in_value(r, STR_EMPTY, state, jsonata);
    const struct value *names = value_builder_map(&r->names);
    value_builder_release(&r->names);
    if (names->count)
        value_builder_set(&r->states, name, value_keys(r->arena, names));
    for (uint32_t i = 0; branches && branches->kind == VALUE_LIST && i < branches->count; i++)
        references_in_machine(r, branches->items[i], jsonata);
    references_in_machine(r, processor, jsonata);
}

static void references_in_machine(struct references *r, const struct value *machine, bool jsonata)
{
    const struct value *states = value_getz(machine, "States");
    jsonata = asl_speaks_jsonata(machine, jsonata);
    for (uint32_t i = 0; states && states->kind == VALUE_MAP && i < states->count; i++)
        references_in_state(r, states->entries[i].key, states->entries[i].value, jsonata);
}

const struct value *machine_references(struct arena *arena, const struct value *definition)
{
    struct references r = {.arena = arena, .states = VALUE_BUILDER(arena)};
    references_in_machine(&r, definition, false);
    const struct value *found = r.states.n ? value_builder_map(&r.states) : NULL;
    value_builder_release(&r.states);
    return found;
}

enum { ALL_OF_THEM = 100 };

/* ---- routing ---- */

static const struct value *routing_of(const struct value *alias)
{
    return machine_note_list(alias, "routing");
}

bool alias_uses(const struct value *alias, struct str version)
{
    return value_list_find(routing_of(alias), "stateMachineVersionArn", version) != NULL;
}

struct str alias_choose(const struct value *alias)
{
    const struct value *routing = routing_of(alias);
    uint64_t dice;
    hash_random(&dice, sizeof dice);
    int64_t left = (int64_t)(dice % ALL_OF_THEM);
    for (uint32_t i = 0; i < routing->count; i++) {
        left -= service_int(routing->items[i], "weight", 0);
        if (left < 0)
            return value_gets(routing->items[i], "stateMachineVersionArn");
    }
    return STR_EMPTY;
}

/* Refuses with the message and the given values: "… Received: [70, 29]". */
static int refuse_routing(const struct value *routing, const char *member, const char *why, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf given = BUF_INIT;
    for (uint32_t i = 0; i < routing->count; i++)
        buf_addf(&given, "%s%.*s", i ? ", " : "",
            STR_ARG(value_scalar_text(&arena, value_getz(routing->items[i], member))));
    return service_refuse(
        err, 400, "ValidationException", "%s Received: [%.*s]", why, STR_ARG(buf_str(&given)));
}

/* Checks that the versions exist, are of one machine, and have weights with the sum 100. */
static int check_routing(const struct value *routing, const struct control_record *machine,
    const struct value *note, struct err *err)
{
    static const char member[] = "stateMachineVersionArn";
    int64_t sum = 0;
    for (uint32_t i = 0; i < routing->count; i++) {
        struct str rest, arn = value_gets(routing->items[i], member);
        struct str its = machine_part(arn, &rest);
        sum += service_int(routing->items[i], "weight", 0);
        if (!rest.n)
            return refuse_routing(
                routing, member, "Routing configuration must contain state machine version ARNs.", err);
        if (!str_eq(its, machine->id))
            return refuse_routing(routing, member,
                "Routing configuration must contain versions of the same state machine.", err);
        if (i && str_eq(arn, value_gets(routing->items[0], member)))
            return refuse_routing(routing, member,
                "Routing configuration must contain distinct state machine version ARNs.", err);
    }
    if (sum != ALL_OF_THEM)
        return refuse_routing(routing, "weight", "Sum of routing configuration weights must equal 100.", err);
    for (uint32_t i = 0; i < routing->count; i++) {
        struct str arn = value_gets(routing->items[i], member);
        if (!value_list_find(machine_note_list(note, "versions"), "arn", arn))
            return service_refuse(err, 400, "ResourceNotFound", "Resource not found: '%.*s'", STR_ARG(arn));
    }
    return 0;
}

static struct str arn_of(
    const struct service_call *call, const struct control_record *machine, const struct value *alias)
{
    return arena_printf(call->arena, "%.*s:%.*s", STR_ARG(machine->id), STR_ARG(value_gets(alias, "name")));
}

static int create_alias(struct service_call *call, const struct control_record *machine,
    const struct value *routing, struct str name, struct err *err)
{
    struct arena *arena = call->arena;
    const struct value *note = machine_note(call, machine), *aliases = machine_note_list(note, "aliases");
    const struct value *old = value_list_find(aliases, "name", name);
    struct str description = value_gets(call->input, "description");
    int64_t now = clock_wall_ms();
    if (check_routing(routing, machine, note, err))
        return -1;
    if (old &&
        (!value_equal(routing_of(old), routing) || !str_eq(value_gets(old, "description"), description)))
        return service_refuse(err, 400, "ConflictException",
            "Failed to create alias because an alias with the same name and a different routing "
            "configuration already exists.");
    struct value_entry entries[] = {{STR("name"), value_string(arena, name)}, {STR("routing"), routing},
        {STR("created_ms"), value_int(arena, now)}, {STR("changed_ms"), value_int(arena, now)},
        {STR("description"), value_string(arena, description)}};
    const struct value *alias = old ? old : value_map(arena, entries, description.n ? 5 : 4);
    service_answer(call, "stateMachineAliasArn", value_string(arena, arn_of(call, machine, alias)));
    service_answer(call, "creationDate", service_time(call, service_int(alias, "created_ms", 0)));
    return old ? 0
               : machine_note_change(
                     call, machine, note, "aliases", value_list_with(arena, aliases, alias), err);
}

int do_create_alias(struct service_call *call, struct err *err)
{
    struct str rest;
    const struct value *routing = value_as_list(value_getz(call->input, "routingConfiguration"));
    struct control_record machine;
    if (!routing->count)
        return service_refuse(
            err, 400, "ValidationException", "routingConfiguration is a list of 1 or 2 routes.");
    if (machine_of(call, value_gets(routing->items[0], "stateMachineVersionArn"), &machine, &rest, err))
        return -1;
    return create_alias(call, &machine, routing, value_gets(call->input, "name"), err);
}

/* The alias that the call names by ARN. */
struct found {
    struct control_record machine;
    struct str arn;
    const struct value *note, *aliases, *alias;
};

static int find_alias(const struct service_call *call, struct found *out, struct err *err)
{
    struct str rest;
    *out = (struct found){.arn = STR_EMPTY};
    if (service_required(call, "stateMachineAliasArn", &out->arn, err) ||
        machine_of(call, out->arn, &out->machine, &rest, err))
        return -1;
    out->note = machine_note(call, &out->machine);
    out->aliases = machine_note_list(out->note, "aliases");
    out->alias = value_list_find(out->aliases, "name", rest);
    return out->alias ? 0
                      : service_refuse(
                            err, 400, "ResourceNotFound", "Resource not found: '%.*s'", STR_ARG(out->arn));
}

int do_update_alias(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct found found;
    const struct value *description = value_getz(call->input, "description"),
                       *routing = value_getz(call->input, "routingConfiguration");
    routing = routing ? value_as_list(routing) : NULL;
    if (find_alias(call, &found, err))
        return found.machine.id.n ? service_refuse(err, 400, "ResourceNotFound",
                                        "Request references a resource that does not exist.")
                                  : -1;
    if (!description && !routing)
        return service_refuse(err, 400, "ValidationException",
            "You must provide at least one of routingConfiguration or description");
    if (routing && check_routing(routing, &found.machine, found.note, err))
        return -1;
    int64_t now = clock_wall_ms();
    const struct value *alias = value_with(arena, found.alias, STR("changed_ms"), value_int(arena, now));
    if (routing)
        alias = value_with(arena, alias, STR("routing"), routing);
    if (description)
        alias = value_with(arena, alias, STR("description"), description);
    service_answer(call, "updateDate", service_time(call, now));
    return machine_note_change(call, &found.machine, found.note, "aliases",
        value_list_with(arena, value_list_except(arena, found.aliases, found.alias), alias), err);
}

int do_delete_alias(struct service_call *call, struct err *err)
{
    struct found found;
    return find_alias(call, &found, err)
               ? found.machine.id.n ? 0 : -1 /* deleting an absent alias succeeds */
               : machine_note_change(call, &found.machine, found.note, "aliases",
                     value_list_except(call->arena, found.aliases, found.alias), err);
}

/* ---- describing ---- */

int do_describe_alias(struct service_call *call, struct err *err)
{
    struct found found;
    if (find_alias(call, &found, err))
        return -1;
    struct str description = value_gets(found.alias, "description");
    service_answer_text(call, "stateMachineAliasArn", found.arn);
    service_answer(call, "name", value_getz(found.alias, "name"));
    if (description.n)
        service_answer_text(call, "description", description);
    service_answer(call, "routingConfiguration", routing_of(found.alias));
    service_answer(call, "creationDate", service_time(call, service_int(found.alias, "created_ms", 0)));
    service_answer(call, "updateDate", service_time(call, service_int(found.alias, "changed_ms", 0)));
    return 0;
}

/* Lists the aliases of a machine or of a version, oldest first. */
int do_list_aliases(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "stateMachineArn"), rest;
    struct control_record machine;
    if (machine_of(call, arn, &machine, &rest, err))
        return -1;
    const struct value *aliases = machine_note_list(machine_note(call, &machine), "aliases");
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < aliases->count; i++) {
        const struct value *alias = aliases->items[i];
        struct value_entry entries[] = {
            {STR("stateMachineAliasArn"), value_string(call->arena, arn_of(call, &machine, alias))},
            {STR("creationDate"), service_time(call, service_int(alias, "created_ms", 0))}};
        if (!rest.n || alias_uses(alias, arn))
            value_builder_add(&all, value_map(call->arena, entries, 2));
    }
    return executions_answer_page(call, "stateMachineAliases", value_builder_list(&all), err);
}
