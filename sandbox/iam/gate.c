/* The gate: see gate.h. */
#include "sandbox/iam/internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct gate *gate_new(struct sandbox *sandbox, struct control *control, enum sandbox_iam mode)
{
    struct gate *gate = mem_zalloc(sizeof *gate);
    gate->sandbox = sandbox;
    gate->control = control;
    gate->mode = mode;
    pthread_mutex_init(&gate->lock, NULL);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    identity_forget_all(gate);
    resource_forget_all(gate);
    map_release(&gate->warned);
    arena_release(&gate->warned_texts);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

bool gate_is_open(const struct gate *gate)
{
    return !gate || gate->mode == SANDBOX_IAM_OFF;
}

/* Prints each warning once. */
static void warn(struct gate *gate, struct str text)
{
    enum { MOST = 10000 };
    pthread_mutex_lock(&gate->lock);
    if (gate->warned.n >= MOST) {
        map_release(&gate->warned);
        arena_release(&gate->warned_texts);
        gate->warned = (struct map)MAP_INIT;
        gate->warned_texts = (struct arena)ARENA_INIT;
    }
    bool first = !map_get(&gate->warned, text);
    if (first) {
        struct str kept = arena_str(&gate->warned_texts, text);
        map_set(&gate->warned, kept, gate);
    }
    pthread_mutex_unlock(&gate->lock);
    if (first)
        fprintf(stderr, "sandbox: %.*s\n", STR_ARG(text));
}

/* ---- error responses ---- */

int service_refuse(struct err *err, int status, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(err, ERR_SERVICE, format, args);
    va_end(args);
    if (err) {
        err->http_status = status;
        snprintf(err->code, sizeof err->code, "%s", code);
    }
    return -1;
}

/* Refuses a request with the service's access denied error; most JSON services use AccessDeniedException with
 * status 400. */
static int deny(struct err *err, struct str service, struct str message)
{
    bool ec2 = str_eqz(service, "ec2"), sns = str_eqz(service, "sns"),
         xml = str_is_any(service, "s3 iam sts rds redshift monitoring sqs"),
         rest = str_is_any(
             service, "lambda batch airflow kafka scheduler emr-serverless s3tables lakeformation");
    const char *code = ec2   ? "UnauthorizedOperation"
                       : sns ? "AuthorizationError"
                       : xml ? "AccessDenied"
                             : "AccessDeniedException";
    const char *before = ec2 ? "You are not authorized to perform this operation. " : "";
    return service_refuse(
        err, ec2 || sns || xml || rest ? 403 : 400, code, "%s%.*s", before, STR_ARG(message));
}

/* ---- decision ---- */

struct asking {
    struct gate *gate;
    struct arena *arena;
    const struct gate_caller *who;
    const struct identity *identity; /* NULL: a service principal */
    struct str service, region;
    const struct value *context;
};

static struct iam_principal principal_of(const struct asking *a)
{
    struct str account = sandbox_account(a->gate->sandbox);
    if (!a->identity)
        return (struct iam_principal){.service = a->who->service};
    if (a->who->session->role.n)
        return (struct iam_principal){.arn = session_arn(a->arena, account, a->who->session),
            .role_arn = a->identity->arn,
            .account = account};
    return (struct iam_principal){.arn = a->identity->arn, .account = account};
}

static struct iam_decision gate_decide(const struct asking *a, const struct iam_request *request)
{
    size_t n = a->identity ? a->identity->n : 0;
    struct resource_policy resource =
        resource_policy_of(a->gate, a->arena, a->service, a->region, request->resource);
    struct iam_attached *all = ARENA_ARRAY(a->arena, struct iam_attached, n + 1);
    if (n)
        memcpy(all, a->identity->attached, n * sizeof *all);
    if (resource.policy)
        all[n++] = (struct iam_attached){IAM_RESOURCE, resource.policy};
    return iam_decide(request, all, n, resource.rule);
}

/* True if an attached AWS managed policy is unknown and might allow the action. */
static bool may_be_allowed(const struct asking *a, const struct iam_decision *decision, struct str action)
{
    if (decision->explicit || !a->identity || !a->identity->unknown.n || decision->kind != IAM_IDENTITY)
        return false;
    warn(a->gate,
        arena_printf(a->arena,
            "%.*s has %.*s, whose document the sandbox does not know: %.*s is let through, AWS may deny it",
            STR_ARG(a->identity->arn), STR_ARG(a->identity->unknown), STR_ARG(action)));
    return true;
}

static int gate_evaluate(const struct asking *a, struct str action, struct str resource, struct err *err)
{
    struct iam_request request = {.who = principal_of(a),
        .action = action,
        .resource = resource,
        .open = str_find_char(resource, '*', 0) >= 0 && resource.n > 1,
        .context = context_of_resource(a->gate, a->arena, resource, a->context)};
    struct iam_decision decision = gate_decide(a, &request);
    if (decision.allowed || may_be_allowed(a, &decision, action))
        return 0;
    struct str message = iam_denial(a->arena, &request, &decision, str_eqz(a->service, "s3"));
    if (a->gate->mode == SANDBOX_IAM_ON)
        return deny(err, a->service, message);
    warn(a->gate, arena_printf(a->arena, "would be denied: %.*s", STR_ARG(message)));
    return 0;
}

/* Returns false if no check is needed. */
static bool start_check(struct asking *a, struct gate *gate, struct arena *arena,
    const struct gate_caller *who, struct str service, struct str region)
{
    bool limited = session_is_limited(who->session);
    if (gate_is_open(gate) || (!limited && !who->service.n))
        return false;
    *a = (struct asking){.gate = gate, .arena = arena, .who = who, .service = service, .region = region};
    if (limited)
        a->identity = identity_of(gate, who->session);
    a->context = context_of(gate, arena, who, a->identity, region);
    return true;
}

static int check_passed_roles(const struct asking *a, const struct gate_request *request, struct err *err)
{
    size_t n;
    struct str to;
    const struct str *roles = passed_roles(a->gate, a->arena, request, &n, &to);
    struct asking passing = *a;
    for (size_t i = 0; a->identity && i < n; i++) {
        passing.context =
            value_with(a->arena, a->context, STR("iam:passedtoservice"), value_string(a->arena, to));
        if (gate_evaluate(&passing, STR("iam:PassRole"), roles[i], err))
            return -1;
    }
    return 0;
}

/* Operations that need no permission. */
static bool is_free(const struct gate_request *request)
{
    return str_eqz(request->service, "sts") && (str_eqz(request->operation, "GetCallerIdentity") ||
                                                   str_eqz(request->operation, "GetSessionToken"));
}

int gate_check(struct gate *gate, struct arena *arena, const struct gate_request *request, struct err *err)
{
    struct asking a;
    size_t n;
    if (gate_is_open(gate) || is_free(request))
        return 0;
    if (!start_check(&a, gate, arena, &request->who, request->service, request->region))
        return prechecks_of(gate, arena, request, err);
    a.context = context_of_request(arena, request, a.context);
    const struct need *needs = needs_of(gate, arena, request, &n);
    int status = 0;
    for (size_t i = 0; i < n && !status; i++)
        status = gate_evaluate(&a, needs[i].action, needs[i].resource, err);
    if (!status)
        status = check_passed_roles(&a, request, err) || keys_check(gate, arena, request, err) ||
                         prechecks_of(gate, arena, request, err)
                     ? -1
                     : 0;
    identity_release(a.identity);
    return status;
}

int gate_check_action(
    struct gate *gate, struct arena *arena, const struct gate_action *action, struct err *err)
{
    struct asking a;
    if (!start_check(&a, gate, arena, &action->who, action->service, action->region))
        return 0;
    a.context = value_merge(arena, a.context, action->context);
    int status = gate_evaluate(&a, action->action, action->resource, err);
    identity_release(a.identity);
    return status;
}

enum gate_verdict gate_simulate(struct gate *gate, struct arena *arena, const struct gate_action *action)
{
    struct asking a = {.gate = gate, .arena = arena, .who = &action->who, .region = action->region};
    a.identity = identity_of(gate, action->who.session);
    a.context = value_merge(
        arena, context_of(gate, arena, &action->who, a.identity, action->region), action->context);
    const struct iam_request request = {.who = principal_of(&a),
        .action = action->action,
        .resource = action->resource,
        .context = context_of_resource(gate, arena, action->resource, a.context)};
    struct iam_decision decision = iam_decide(&request, a.identity->attached, a.identity->n, IAM_EITHER);
    identity_release(a.identity);
    return decision.allowed ? GATE_ALLOWED : decision.explicit ? GATE_DENIED : GATE_NOT_ALLOWED;
}

bool gate_trusts(
    struct gate *gate, struct arena *arena, struct str role, struct str service, struct str source_arn)
{
    struct gate_caller who = {.service = service, .source_arn = source_arn};
    struct control_record record;
    struct asking a;
    if (!start_check(&a, gate, arena, &who, STR("sts"), STR_EMPTY))
        return true;
    if (!control_find(
            gate->control, arena, STR("aws.iam.role"), STR_EMPTY, str_last_part(role, "/"), &record))
        return gate->mode != SANDBOX_IAM_ON;
    const struct iam_request request = {.who = principal_of(&a),
        .action = STR("sts:AssumeRole"),
        .resource = value_gets(record.attrs, "arn"),
        .context = a.context};
    if (gate_decide(&a, &request).allowed)
        return true;
    warn(gate, arena_printf(arena, "%.*s may not take on %.*s: its trust policy does not name it",
                   STR_ARG(service), STR_ARG(request.resource)));
    return gate->mode != SANDBOX_IAM_ON;
}
