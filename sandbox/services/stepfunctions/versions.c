/*
 * Versions of state machines. An ARN means the current machine, with a number a published version, with a
 * name an alias. The control plane has the machine; versions and aliases are in a note beside it.
 */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"

/* ---- the note of a machine ---- */

const struct value *machine_note(const struct service_call *call, const struct control_record *machine)
{
    return service_note_read(call, "machines", machine);
}

const struct value *machine_note_list(const struct value *note, const char *member)
{
    return value_as_list(value_getz(note, member));
}

int machine_note_change(const struct service_call *call, const struct control_record *machine,
    const struct value *note, const char *member, const struct value *list, struct err *err)
{
    note = value_with(call->arena, note, str_z(member), list);
    return service_note_write(call, "machines", machine, note, err);
}

/* ---- finding the definition of an ARN ---- */

struct str machine_part(struct str arn, struct str *rest)
{
    ptrdiff_t at = str_find(arn, STR(":stateMachine:"), 0);
    ptrdiff_t colon = at < 0 ? -1 : str_find_char(arn, ':', (size_t)at + 14);
    *rest = colon < 0 ? STR_EMPTY : str_slice(arn, (size_t)colon + 1, arn.n);
    return colon < 0 ? arn : str_slice(arn, 0, (size_t)colon);
}

int machine_of(const struct service_call *call, struct str arn, struct control_record *out, struct str *rest,
    struct err *err)
{
    struct str machine = machine_part(arn, rest);
    if (executions_arn(arn, err))
        return -1;
    if (service_find(call, STR("aws.stepfunctions.state_machine"), machine, out))
        return 0;
    return service_refuse(
        err, 400, "StateMachineDoesNotExist", "State Machine Does Not Exist: '%.*s'", STR_ARG(arn));
}

int machine_find(const struct service_call *call, struct str arn, struct machine *out, struct err *err)
{
    struct str rest;
    *out = (struct machine){.version = STR_EMPTY, .alias = STR_EMPTY};
    if (machine_of(call, arn, &out->record, &rest, err))
        return -1;
    if (!rest.n)
        return 0;
    const struct value *note = machine_note(call, &out->record);
    const struct value *alias = value_list_find(machine_note_list(note, "aliases"), "name", rest);
    out->version = alias ? alias_choose(alias) : arn;
    out->alias = alias ? arn : STR_EMPTY;
    const struct value *version = value_list_find(machine_note_list(note, "versions"), "arn", out->version);
    if (!version)
        return service_refuse(
            err, 400, "StateMachineDoesNotExist", "State Machine Does Not Exist: '%.*s'", STR_ARG(arn));
    out->record.attrs = value_getz(version, "attrs");
    return 0;
}

/* ---- publishing ---- */

/* Reads the machine as the control plane shows it. */
static int shown_by_control(const struct service_call *call, const struct control_record *machine,
    const struct value **out, struct err *err)
{
    struct value_entry input = {STR("stateMachineArn"), value_string(call->arena, machine->id)};
    return service_control(call, "DescribeStateMachine", value_map(call->arena, &input, 1), out, err);
}

static const struct value *version_of(const struct service_call *call, const struct control_record *machine,
    int64_t number, struct str description, const struct value *shown)
{
    struct arena *arena = call->arena;
    const struct value *arn =
        value_string(arena, arena_printf(arena, "%.*s:%lld", STR_ARG(machine->id), (long long)number));
    int64_t now = clock_wall_ms();
    shown = value_with(arena, shown, STR("stateMachineArn"), arn);
    shown = value_with(arena, shown, STR("creationDate"), service_time(call, now));
    if (description.n)
        shown = value_with(arena, shown, STR("description"), value_string(arena, description));
    return VALUE_MAP(arena, {STR("arn"), arn}, {STR("created_ms"), value_int(arena, now)},
        {STR("attrs"), machine->attrs}, {STR("shown"), shown});
}

/* If nothing changed since the last version, that version is returned. */
static const struct value *publish_locked(const struct service_call *call,
    const struct control_record *machine, struct str description, struct err *err)
{
    const struct value *note = machine_note(call, machine), *shown;
    const struct value *versions = machine_note_list(note, "versions");
    const struct value *last = versions->count ? versions->items[versions->count - 1] : NULL;
    if (last && value_equal(value_getz(value_getz(last, "attrs"), "revision_id"),
                    value_getz(machine->attrs, "revision_id")))
        return last;
    int64_t number = service_int(note, "last", 0) + 1;
    if (shown_by_control(call, machine, &shown, err))
        return NULL;
    const struct value *version = version_of(call, machine, number, description, shown);
    note = value_with(call->arena, note, STR("last"), value_int(call->arena, number));
    versions = value_list_with(call->arena, versions, version);
    return machine_note_change(call, machine, note, "versions", versions, err) ? NULL : version;
}

static const struct value *executions_versions_publish(const struct service_call *call, struct str arn,
    struct str revision, struct str description, struct err *err)
{
    struct control_record machine;
    struct str rest;
    const struct value *version = NULL;
    if (!machine_of(call, arn, &machine, &rest, err)) {
        struct str now = value_text(value_getz(machine.attrs, "revision_id"), STR("INITIAL"));
        if (rest.n)
            service_refuse(err, 400, "ValidationException",
                "Publishing takes the ARN of a state machine, not of a version or an alias");
        else if (revision.n && !str_eq(revision, now))
            service_refuse(err, 400, "ConflictException",
                "Failed to publish the State Machine version for revision %.*s. The current State Machine "
                "revision is %.*s.",
                STR_ARG(revision), STR_ARG(now));
        else
            version = publish_locked(call, &machine, description, err);
    }
    return version;
}

int do_publish(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "stateMachineArn"),
               description = value_gets(call->input, "description");
    const struct value *version =
        executions_versions_publish(call, arn, value_gets(call->input, "revisionId"), description, err);
    if (!version)
        return -1;
    service_answer(call, "stateMachineVersionArn", value_getz(version, "arn"));
    service_answer(call, "creationDate", service_time(call, service_int(version, "created_ms", 0)));
    return 0;
}

/* The control plane creates or changes the machine; with `publish`, a version is published as well. */
static int change_and_publish(struct service_call *call, struct err *err)
{
    struct str description = value_gets(call->input, "versionDescription");
    bool wanted = value_equal(value_getz(call->input, "publish"), &value_true);
    if (!wanted && description.n)
        return service_refuse(
            err, 400, "ValidationException", "Version description can only be set when publish is true");
    call->declined = !wanted;
    if (!wanted)
        return 0;
    if (service_control_same(call, err))
        return -1;
    struct str arn =
        value_text(value_getz(call->output, "stateMachineArn"), value_gets(call->input, "stateMachineArn"));
    const struct value *version = executions_versions_publish(call, arn, STR_EMPTY, description, err);
    service_answer(call, "stateMachineVersionArn", value_getz(version, "arn"));
    return version ? 0 : -1;
}

/* True if a machine of this name has another definition text. The service compares the text, including
 * whitespace. */
static bool has_other_definition(const struct service_call *call, struct str arn)
{
    struct control_record machine;
    const struct value *shown;
    return service_find(call, STR("aws.stepfunctions.state_machine"), arn, &machine) &&
           !shown_by_control(call, &machine, &shown, ERR_IGNORED) &&
           !value_equal(value_getz(shown, "definition"), value_getz(call->input, "definition"));
}

int do_create_machine(struct service_call *call, struct err *err)
{
    struct str arn =
        arena_printf(call->arena, "arn:aws:states:%.*s:%.*s:stateMachine:%.*s", STR_ARG(call->region),
            STR_ARG(services_account(call->services)), STR_ARG(value_gets(call->input, "name")));
    if (has_other_definition(call, arn))
        return service_refuse(
            err, 400, "StateMachineAlreadyExists", "State Machine Already Exists: '%.*s'", STR_ARG(arn));
    return change_and_publish(call, err);
}

int do_update_machine(struct service_call *call, struct err *err)
{
    static const char *const members[] = {
        "definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (value_getz(call->input, members[i]))
            return change_and_publish(call, err);
    return service_refuse(err, 400, "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
        "specified");
}

/* ---- describing, deleting ---- */

/* Answers as the control plane does, which also shows a machine being deleted, and adds variable
 * references. */
static int describe_machine(struct service_call *call, struct str arn, struct err *err)
{
    struct str rest;
    struct control_record machine;
    if (service_control_same(call, err))
        return -1;
    if (!machine_of(call, arn, &machine, &rest, &(struct err)ERR_INIT))
        service_answer(call, "variableReferences",
            machine_references(call->arena, value_getz(machine.attrs, "definition")));
    return 0;
}

/* Describes a version; the control plane describes machines. */
int do_describe_versioned(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "stateMachineArn"), rest;
    struct control_record machine;
    if (!str_starts(arn, STR("arn:")))
        return executions_arn(arn, err);
    machine_part(arn, &rest);
    if (!rest.n)
        return describe_machine(call, arn, err);
    if (machine_of(call, arn, &machine, &rest, err))
        return -1;
    const struct value *versions = machine_note_list(machine_note(call, &machine), "versions");
    call->output = value_getz(value_list_find(versions, "arn", arn), "shown");
    return call->output ? 0
                        : service_refuse(err, 400, "StateMachineDoesNotExist",
                              "State Machine Does Not Exist: '%.*s'", STR_ARG(arn));
}

int do_list_versions(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "stateMachineArn"), rest;
    struct control_record machine;
    const struct value *versions = &value_empty_list;
    if (!machine_of(call, arn, &machine, &rest, &(struct err)ERR_INIT)) /* else an empty list */
        versions = machine_note_list(machine_note(call, &machine), "versions");
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    for (uint32_t i = versions->count; i-- > 0;) { /* newest first */
        const struct value *version = versions->items[i];
        struct value_entry entries[] = {{STR("stateMachineVersionArn"), value_getz(version, "arn")},
            {STR("creationDate"), service_time(call, service_int(version, "created_ms", 0))}};
        value_builder_add(&list, value_map(call->arena, entries, 2));
    }
    return executions_answer_page(call, "stateMachineVersions", value_builder_list(&list), err);
}

static int delete_version(
    struct service_call *call, const struct control_record *machine, struct str arn, struct err *err)
{
    const struct value *note = machine_note(call, machine);
    const struct value *versions = machine_note_list(note, "versions"),
                       *aliases = machine_note_list(note, "aliases");
    const struct value *version = value_list_find(versions, "arn", arn);
    for (uint32_t i = 0; i < aliases->count; i++)
        if (alias_uses(aliases->items[i], arn))
            return service_refuse(err, 400, "ConflictException",
                "Version to be deleted must not be referenced by an alias. Current list of aliases "
                "referencing this version: [%.*s]",
                STR_ARG(value_gets(aliases->items[i], "name")));
    return !version ? 0
                    : machine_note_change(call, machine, note, "versions",
                          value_list_except(call->arena, versions, version), err);
}

int do_delete_version(struct service_call *call, struct err *err)
{
    struct str arn = value_gets(call->input, "stateMachineVersionArn"), rest;
    struct control_record machine;
    if (machine_of(call, arn, &machine, &rest, &(struct err)ERR_INIT))
        return 0; /* deleting a version of an absent machine succeeds */
    return delete_version(call, &machine, arn, err);
}
