/* Subcommands of `weir state` about the location of the state and imports into it: see state_change.h. */
#include "cmd/state/state_change.h"

#include "base/json.h"
#include "plan/state/doctor.h"
#include "plan/state/migrate.h"
#include "plan/state/secret.h"

/* Runs a function without opening the state, which may be damaged or locked. */
static int with_backend(
    struct invocation *inv, int (*run)(struct invocation *, const struct workspace *, struct backend *))
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct backend *backend;
    struct err err = ERR_INIT;
    int status =
        invocation_open(inv, &(struct workspace_options){.no_stack = true, .no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    if (workspace_backend(&workspace, &backend, &err))
        return invocation_fail(inv, &err);
    status = run(inv, &workspace, backend);
    backend_free(backend);
    return status;
}

/* ---- import ---- */

static int run_import(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct err err = ERR_INIT;
    struct str address = inv->args.items[0], id = inv->args.items[1];
    int rc = plan_import(&workspace, address, id, inv->settings->lock_timeout_ms, &inv->diags, &err);
    status = invocation_diags(inv);
    if (rc < 0 && err.class != ERR_NONE)
        status = invocation_fail(inv, &err);
    else if (rc < 0 && status == EXIT_DONE)
        status = EXIT_FAILED;
    else if (rc == 0)
        invocation_note(inv,
            "%.*s is managed by this stack now; nothing was changed. \"weir plan\" shows what differs.",
            STR_ARG(address));
    return status;
}

/* ---- pull ---- */

/* Prints the whole state as one JSON document, with secrets as they are recorded. */
static int run_pull(struct invocation *inv)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    int status = invocation_open_state(inv, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct state *state = workspace.state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder list = VALUE_BUILDER(&arena);
    size_t n;
    const struct record *const *records = state_records(state, &n);
    for (size_t i = 0; i < n; i++) {
        const struct record *r = records[i];
        struct value_entry entries[] = {{STR("address"), value_string(&arena, r->subject.address)},
            {STR("type"), value_string(&arena, r->subject.type)},
            {STR("provider"), value_string(&arena, r->subject.provider)},
            {STR("id"), value_string(&arena, r->subject.id)}, {STR("attrs"), r->attrs}, {STR("set"), r->set},
            {STR("deps"), r->deps}, {STR("place"), r->location}, {STR("tainted"), value_bool(r->tainted)},
            {STR("adopted"), value_bool(r->adopted)}};
        value_builder_add(&list, value_map(&arena, entries, sizeof entries / sizeof *entries));
    }
    struct value_entry whole[] = {{STR("lineage"), value_string(&arena, state_lineage(state))},
        {STR("seq"), value_int(&arena, (int64_t)state_seq(state))},
        {STR("stack"), value_string(&arena, workspace.stack->name)},
        {STR("env"), value_string(&arena, workspace.stack->env)}, {STR("outputs"), state_outputs(state)},
        {STR("resources"), value_builder_list(&list)}};
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, value_map(&arena, whole, sizeof whole / sizeof *whole),
        JSON_REDACT | (inv->settings->json ? 0 : JSON_PRETTY));
    buf_add_char(&out, '\n');
    return invocation_write(inv, buf_str(&out));
}

/* ---- migrate ---- */

/* Returns the location given as a `state:` map in JSON, e.g. {"backend":"s3","bucket":"b"}. */
static int location_given(struct invocation *inv, const struct workspace *workspace, struct backend **out)
{
    struct err err = ERR_INIT;
    const struct value *config;
    if (json_parse(&inv->arena, inv->args.items[0], &config, &err) || config->kind != VALUE_MAP)
        return invocation_usage(inv,
            "it is what will stand under `state:`, as JSON: '{\"backend\": \"s3\", \"bucket\": \"…\"}'",
            "\"%.*s\" is not a state setting", STR_ARG(inv->args.items[0]));
    const struct stack *stack = workspace->stack;
    struct backend_options options = {
        .config = config, .dir = stack->dir, .stack = stack->name, .env = stack->env};
    return backend_new(&options, out, &err) ? invocation_fail(inv, &err) : EXIT_DONE;
}

static int migrate(struct invocation *inv, struct backend *from, struct backend *to, bool configured)
{
    struct err err = ERR_INIT;
    struct migrate_result result = {0};
    if (state_migrate(from, to, inv->settings->lock_timeout_ms, &result, &err))
        return invocation_fail(inv, &err);
    invocation_note(inv, "%llu records moved from %.*s to %.*s and compared.%s%.*s",
        (unsigned long long)result.records, STR_ARG(from->description), STR_ARG(to->description),
        configured ? "" : " Now put this into the stack:\nstate: ",
        configured ? 0 : (int)inv->args.items[0].n, configured ? "" : inv->args.items[0].p);
    return EXIT_DONE;
}

/* The stack already has the new location: moves the state from its location without `state:`. */
static int migrate_here(struct invocation *inv, const struct workspace *workspace, struct backend *here)
{
    struct err err = ERR_INIT;
    struct backend *former;
    if (workspace_former_backend(workspace, &former, &err))
        return invocation_fail(inv, &err);
    int status;
    if (str_eq(former->description, here->description)) {
        err_set(&err, ERR_USAGE, "the state is kept in %.*s already", STR_ARG(here->description));
        err_hint(&err, "give the new place as JSON: '{\"backend\": \"s3\", \"bucket\": \"…\"}'");
        status = invocation_fail(inv, &err);
    } else {
        status = migrate(inv, former, here, true);
    }
    backend_free(former);
    return status;
}

static int migrate_from(struct invocation *inv, const struct workspace *workspace, struct backend *now)
{
    struct backend *to = NULL;
    int status = inv->args.n ? location_given(inv, workspace, &to) : EXIT_DONE;
    if (status == EXIT_DONE && (!to || str_eq(to->description, now->description)))
        status = migrate_here(inv, workspace, now);
    else if (status == EXIT_DONE)
        status = migrate(inv, now, to, false);
    backend_free(to);
    return status;
}

static int run_migrate(struct invocation *inv)
{
    return with_backend(inv, migrate_from);
}

/* ---- doctor ---- */

static void doctor_line(void *ctx, enum probe_finding finding, const char *name, const char *text)
{
    static const struct {
        enum style style;
        const char *word;
    } shown[] = {[PROBE_FAILS] = {STYLE_RED, "FAIL  "},
        [PROBE_OK] = {STYLE_GREEN, "ok    "},
        [PROBE_WARNS] = {STYLE_YELLOW, "warn  "}};
    struct invocation *inv = ctx;
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        buf_addf(&out, "{\"event\":\"check\",\"ok\":%s%s", finding == PROBE_OK ? "true" : "false",
            finding == PROBE_WARNS ? ",\"warning\":true" : "");
        json_write_member(&out, "name", str_z(name));
        json_write_member(&out, "text", str_z(text));
        buf_addz(&out, "}\n");
    } else {
        style_add(&out, inv->out.color, shown[finding].style, shown[finding].word);
        text_addf(&out, "%s: %s\n", name, text);
    }
    invocation_write(inv, buf_str(&out));
}

/* Reports the services of a provider: all of AWS's, or those of an S3-compatible store. */
static void doctor_provider(struct invocation *inv, struct str name, struct provider *provider)
{
    if (!provider_aws(provider) || !provider_is_store(provider, NULL))
        return;
    struct str text = arena_printf(&inv->arena,
        "%.*s has an endpoint for S3 alone: ownership tags are looked up on buckets, and no other service is "
        "called",
        STR_ARG(name));
    doctor_line(inv, PROBE_OK, "services", text.p);
}

/* Checks that the recorded resources are at the locations of the stack's providers, if the stack can be
 * loaded. */
static int doctor_locations(struct invocation *inv)
{
    struct workspace workspace;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct err err = ERR_INIT;
    struct workspace_options options = inv->workspace_options;
    options.no_state = false;
    if (workspace_open(&options, &ignored, &workspace, &err)) {
        workspace_close(&workspace);
        return EXIT_DONE; /* errors in the state were reported; other commands report errors in the stack */
    }
    int rc = state_count(workspace.state) ? plan_check_locations(&workspace, &ignored, &err) : 0;
    int status = EXIT_DONE;
    if (rc && err.class != ERR_NONE) {
        doctor_line(inv, PROBE_FAILS, "places",
            "resources were created at other locations than the providers' settings have");
        status = invocation_fail(inv, &err);
    } else if (!rc && state_count(workspace.state)) {
        doctor_line(inv, PROBE_OK, "places", "all resources are at the locations of the providers' settings");
    }
    for (size_t i = 0; !rc && i < workspace.providers.n; i++)
        doctor_provider(inv, workspace.providers.items[i].key,
            workspace_opened(&workspace, workspace.providers.items[i].key));
    workspace_close(&workspace);
    return status;
}

struct doctor_settings {
    struct settings shared;
    bool accept_loss;
};

static int accept_loss(struct invocation *inv, struct backend *backend)
{
    struct err err = ERR_INIT;
    uint64_t had, has;
    if (state_accept_loss(backend, inv->settings->lock_timeout_ms, &had, &has, &err))
        return invocation_fail(inv, &err);
    if (has >= had)
        invocation_note(inv, "Nothing is missing at the end of %.*s.", STR_ARG(backend->description));
    else
        invocation_note(inv,
            "%.*s goes on at record %llu; the %llu records after it are lost. \"weir history\" shows the "
            "rest.",
            STR_ARG(backend->description), (unsigned long long)has, (unsigned long long)(had - has));
    return EXIT_DONE;
}

static int examine(struct invocation *inv, const struct workspace *workspace UNUSED, struct backend *backend)
{
    const struct doctor_settings *own = inv->own;
    struct err err = ERR_INIT;
    struct probe_report report = {.line = doctor_line, .ctx = inv};
    int status = own->accept_loss ? accept_loss(inv, backend) : EXIT_DONE;
    return status == EXIT_DONE && state_doctor(backend, &report, &err) ? invocation_fail(inv, &err) : status;
}

static int run_doctor(struct invocation *inv)
{
    int status = with_backend(inv, examine);
    return status == EXIT_DONE ? doctor_locations(inv) : status;
}

/* ---- unlock ---- */

static int unlock(struct invocation *inv, const struct workspace *workspace UNUSED, struct backend *backend)
{
    struct err err = ERR_INIT;
    struct lock_info holder;
    bool held;
    if (backend->ops->holder(backend, &inv->arena, &holder, &held, &err))
        return invocation_fail(inv, &err);
    if (!held) {
        invocation_note(inv, "The state is not locked.");
        return EXIT_DONE;
    }
    if (backend->ops->force_unlock(backend, &err))
        return invocation_fail(inv, &err);
    if (holder.owner.n)
        invocation_note(
            inv, "The lock of %.*s (%.*s) is removed.", STR_ARG(holder.owner), STR_ARG(holder.command));
    else
        invocation_note(inv, "The lock, whose holder was unknown, is removed.");
    return EXIT_DONE;
}

static int run_unlock(struct invocation *inv)
{
    return with_backend(inv, unlock);
}

/* ---- key ---- */

static int print_key(struct invocation *inv, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        buf_addz(&out, "{\"key\":");
        json_write_string(&out, text);
        buf_addz(&out, "}\n");
    } else {
        buf_addf(&out, "%.*s\n", STR_ARG(text));
    }
    return invocation_write(inv, buf_str(&out));
}

/* Prints a new key: 32 bytes in hexadecimal, or with KMS the encrypted form for the stack. */
static int run_key(struct invocation *inv)
{
    struct workspace workspace;
    if (!inv->args.n) {
        unsigned char bytes[KMS_KEY_SIZE];
        hash_random(bytes, sizeof bytes);
        return print_key(inv, hex_encode(&inv->arena, bytes, sizeof bytes));
    }
    int status =
        invocation_open(inv, &(struct workspace_options){.no_stack = true, .no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct err err = ERR_INIT;
    struct str blob;
    int rc = kms_key_new(workspace.stack->state, inv->args.items[0], &inv->arena, &blob, &err);
    workspace_close(&workspace);
    return rc < 0 ? invocation_fail(inv, &err)
                  : print_key(inv, arena_printf(&inv->arena, "kms:%.*s", STR_ARG(blob)));
}

/* ---- tables ---- */

const struct command state_import = {
    .name = "import",
    .args = "ADDRESS ID",
    .sets = {&options_lock, &options_json, &options_stack},
    .min_args = 2,
    .max_args = 2,
    .run = run_import,
};
const struct command state_pull = {
    .name = "pull",
    .sets = {&options_json, &options_stack},
    .run = run_pull,
};
const struct command state_migrate_command = {
    .name = "migrate",
    .args = "[STATE]",
    .sets = {&options_lock, &options_json, &options_stack},
    .max_args = 1,
    .run = run_migrate,
};
static const struct option doctor_options[] = {
    {0, "accept-loss", .offset = offsetof(struct doctor_settings, accept_loss)},
};

const struct command state_doctor_command = {
    .name = "doctor",
    .sets = {OWN_OPTIONS(doctor_options), &options_lock, &options_json, &options_stack},
    .settings_size = sizeof(struct doctor_settings),
    .run = run_doctor,
};
const struct command state_unlock_command = {
    .name = "unlock",
    .sets = {&options_json, &options_stack},
    .run = run_unlock,
};
const struct command state_key_command = {
    .name = "key",
    .args = "[KMS-KEY]",
    .sets = {&options_json, &options_stack},
    .max_args = 1,
    .run = run_key,
};
