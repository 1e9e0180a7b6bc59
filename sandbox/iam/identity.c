/* Whose policies count for a caller. They are read when he first calls, and again when something in IAM has
 * changed. */
#include "sandbox/iam/internal.h"

#include "base/embed.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- managed policies: the account's own, and AWS's as far as they are known here ---- */

static const struct str begin = STR_INIT("arn:aws:iam::aws:policy/");

/* A line is its path and name, a space, and the document. */
static const struct value *aws_document(struct arena *arena, struct str name)
{
    struct str document = embedded_line("sandbox/names/managed_documents.txt", name);
    const struct value *parsed;
    return document.n && !json_parse(arena, document, &parsed, ERR_IGNORED) ? parsed : NULL;
}

const struct value *gate_aws_policy(struct arena *arena, struct str arn)
{
    return str_starts(arn, begin) ? aws_document(arena, str_slice(arn, begin.n, arn.n)) : NULL;
}

/* NULL: it is not known, or not one that can be read. */
static const struct value *managed_document(struct gate *gate, struct arena *arena, struct str arn)
{
    struct control_record policy;
    if (str_starts(arn, begin))
        return gate_aws_policy(arena, arn);
    bool found = control_find(gate->control, arena, STR("aws.iam.policy"), STR_EMPTY, arn, &policy);
    return found ? value_getz(policy.attrs, "policy") : NULL;
}

/* ---- all that count ---- */

struct gathering {
    struct gate *gate;
    struct identity *identity;
    struct iam_attached *items;
    size_t n, cap;
};

static void gather(struct gathering *g, enum iam_kind kind, const struct value *document, struct str name)
{
    struct err err = ERR_INIT;
    const struct iam_policy *policy;
    if (iam_policy_read(&g->identity->arena, document, name, &policy, &err)) {
        fprintf(stderr, "sandbox: policy %.*s of %.*s counts for nothing: %s\n", STR_ARG(name),
            STR_ARG(g->identity->arn), err.message);
        return;
    }
    MEM_GROW(g->items, g->cap, g->n + 1);
    g->items[g->n++] = (struct iam_attached){kind, policy};
}

/* A policy that limits and is not known limits nothing. */
static void gather_managed(struct gathering *g, enum iam_kind kind, struct str arn)
{
    const struct value *document = managed_document(g->gate, &g->identity->arena, arn);
    if (document)
        gather(g, kind, document, arn);
    else
        g->identity->unknown = arena_str(&g->identity->arena, arn);
}

static void gather_record(struct gathering *g, const struct control_record *record)
{
    const struct value *managed = value_getz(record->attrs, "managed_policies");
    const struct value *inlined = value_getz(record->attrs, "policies");
    for (uint32_t i = 0; managed && managed->kind == VALUE_LIST && i < managed->count; i++)
        gather_managed(g, IAM_IDENTITY, value_text(managed->items[i], STR_EMPTY));
    for (uint32_t i = 0; inlined && inlined->kind == VALUE_MAP && i < inlined->count; i++)
        gather(g, IAM_IDENTITY, inlined->entries[i].value, inlined->entries[i].key);
    struct str boundary = value_gets(record->attrs, "permissions_boundary");
    if (boundary.n)
        gather_managed(g, IAM_BOUNDARY, boundary);
}

static void gather_groups(struct gathering *g, const struct control_record *user)
{
    const struct value *groups = value_getz(user->attrs, "groups");
    struct control_record group;
    for (uint32_t i = 0; groups && groups->kind == VALUE_LIST && i < groups->count; i++)
        if (control_find(g->gate->control, &g->identity->arena, STR("aws.iam.group"), STR_EMPTY,
                value_text(groups->items[i], STR_EMPTY), &group))
            gather_record(g, &group);
}

/* Of the session alone: what AssumeRole was given. */
static void gather_session(struct gathering *g, const struct session *session)
{
    struct str arns = session->policy_arns;
    if (session->policy.n)
        gather(g, IAM_SESSION, value_string(&g->identity->arena, session->policy), session->name);
    while (arns.n)
        gather_managed(g, IAM_SESSION, arena_str(&g->identity->arena, str_cut(arns, ',', &arns)));
}

static struct identity *identity_new(struct gate *gate, const struct session *session, const char *key)
{
    struct identity *identity = mem_zalloc(sizeof *identity);
    struct gathering g = {.gate = gate, .identity = identity};
    struct control_record record;
    bool user = !session->role.n;
    atomic_init(&identity->references, 1);
    identity->key = mem_strdup(key);
    identity->exists =
        control_find(gate->control, &identity->arena, user ? STR("aws.iam.user") : STR("aws.iam.role"),
            STR_EMPTY, user ? session->user : session->role, &record);
    identity->arn =
        arena_printf(&identity->arena, "arn:aws:iam::%.*s:%s/%.*s", STR_ARG(sandbox_account(gate->sandbox)),
            user ? "user" : "role", STR_ARG(user ? session->user : session->role));
    if (identity->exists) {
        identity->arn = value_gets(record.attrs, "arn");
        identity->unique_id = value_gets(record.attrs, "unique_id");
        identity->tags = value_getz(record.attrs, "tags");
        gather_record(&g, &record);
        if (user)
            gather_groups(&g, &record);
    }
    gather_session(&g, session);
    struct iam_attached *kept = ARENA_ARRAY(&identity->arena, struct iam_attached, g.n + 1);
    if (g.n)
        memcpy(kept, g.items, g.n * sizeof *kept);
    free(g.items);
    identity->attached = kept;
    identity->n = g.n;
    return identity;
}

void identity_release(const struct identity *identity)
{
    struct identity *own = (struct identity *)identity;
    if (!own || atomic_fetch_sub(&own->references, 1) > 1)
        return;
    arena_release(&own->arena);
    free(own->key);
    free(own);
}

void identity_forget_all(struct gate *gate)
{
    for (size_t i = 0; i < gate->identities.n; i++)
        identity_release(gate->identities.items[i].ptr);
    map_release(&gate->identities);
    gate->identities = (struct map)MAP_INIT;
}

enum { MOST_KEPT = 1000 }; /* sessions with policies of their own may be many */

const struct identity *identity_of(struct gate *gate, const struct session *session)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str key = arena_printf(&arena, "%.*s/%.*s/%.*s/%.*s", STR_ARG(session->role),
        STR_ARG(session->user), STR_ARG(session->policy), STR_ARG(session->policy_arns));
    uint64_t now = control_changes(gate->control, STR("iam"));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&gate->lock);
    if (now != gate->iam_changes || gate->identities.n > MOST_KEPT)
        identity_forget_all(gate);
    gate->iam_changes = now;
    struct identity *identity = map_get(&gate->identities, key);
    if (!identity) {
        identity = identity_new(gate, session, key.p);
        map_set(&gate->identities, str_z(identity->key), identity);
    }
    atomic_fetch_add(&identity->references, 1);
    return identity;
}
