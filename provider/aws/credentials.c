/*
 * The credentials chain: tries the sources in order, caches the result, refreshes it in time. One thread
 * fetches while the others wait, or use credentials that have not expired yet.
 */
#include "provider/aws/credentials.h"

#include "base/clock.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/value.h"

#include <stdlib.h>

enum {
    REFRESH_BEFORE_MS = 5 * 60 * 1000,
    RETRY_AFTER_MS = 30 * 1000,  /* after a failed refresh while the old credentials are valid */
    TRUSTED_MS = 15 * 60 * 1000, /* validity of fresh credentials that seem to have expired already */
    FAILURE_KEPT_MS = 10 * 1000, /* so that a hundred threads do not repeat the same failing fetch */
};

struct credentials_chain {
    struct arena arena; /* allocates the options */
    struct credentials_options options;

    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t fetched;
    bool fetching;
    unsigned round;     /* number of finished fetches */
    struct arena store; /* allocates `current`; wiped when freed */
    struct credentials current;
    bool stale;            /* refused by a service */
    int64_t not_before_ms; /* monotonic; no new fetch before */
    struct err failure;    /* of the last fetch; class ERR_NONE: it succeeded */
};

static const struct source {
    const char *name, *alias; /* for messages; value of credential_source */
    creds_source *find;
    bool before_profile; /* skipped if the settings name a profile */
} sources[] = {
    {"the environment", "Environment", creds_environment, true},
    {"a web identity token", NULL, creds_web_identity, true},
    {"the profile", NULL, creds_profile, false},
    {"the container", "EcsContainer", creds_container, false},
    {"the instance's metadata", "Ec2InstanceMetadata", creds_imds, false},
};

enum { SOURCES = sizeof sources / sizeof *sources };

int creds_named_source(struct creds_context *ctx, struct str name, struct credentials *out, struct err *err)
{
    for (size_t i = 0; i < SOURCES; i++) {
        if (!sources[i].alias || !str_eqz(name, sources[i].alias))
            continue;
        bool found = false;
        if (sources[i].find(ctx, out, &found, err))
            return -1;
        return found ? 0
                     : err_set(err, ERR_AUTH, "credential_source: %s has no credentials", sources[i].name);
    }
    err_set(err, ERR_AUTH, "credential_source \"%.*s\" is unknown", STR_ARG(name));
    return err_hint(err, "it is one of Environment, EcsContainer, Ec2InstanceMetadata");
}

/* ---- fetching; without holding the lock ---- */

static int none_found(const struct creds_context *ctx, struct err *err)
{
    AUTO_BUF struct buf tried = BUF_INIT;
    for (size_t i = 0; i < SOURCES; i++) {
        if (sources[i].before_profile && ctx->options->profile.n)
            continue;
        buf_addf(&tried, "%s%s", tried.n ? ", " : "", sources[i].name);
        if (sources[i].find == creds_profile)
            buf_addf(&tried, " \"%.*s\"", STR_ARG(ctx->profile));
    }
    err_set(err, ERR_AUTH, "no AWS credentials: tried %s", tried.p);
    return err_hint(err,
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run `aws configure`; "
        "--sandbox needs none");
}

static int try_sources(struct creds_context *ctx, struct credentials *out, struct err *err)
{
    for (size_t i = 0; i < SOURCES; i++) {
        bool found = false;
        if (sources[i].before_profile && ctx->options->profile.n)
            continue;
        if (sources[i].find(ctx, out, &found, err))
            return -1;
        if (found)
            return 0;
    }
    return none_found(ctx, err);
}

static int credentials_fetch(const struct credentials_options *options, struct arena *scratch,
    struct credentials *out, struct err *err)
{
    struct creds_context ctx = {.arena = scratch,
        .options = options,
        .profile = profile_name(options->profile),
        .profile_is_chosen = options->profile.n || creds_variable("AWS_PROFILE").n};
    if (profiles_load(scratch, &ctx.profiles, err))
        return -1;
    struct credentials base = options->fixed;
    if (!base.access_key.n && try_sources(&ctx, &base, err))
        return -1;
    if (!options->assume_role_arn.n) {
        *out = base;
        return 0;
    }
    struct creds_role role = {.arn = options->assume_role_arn,
        .session = options->assume_role_session,
        .external_id = options->assume_role_external_id};
    return creds_assume_role(&ctx, &base, &role, out, err);
}

/* ---- the chain ---- */

static struct credentials credentials_copy(struct arena *arena, const struct credentials *from)
{
    return (struct credentials){.access_key = arena_str(arena, from->access_key),
        .secret_key = arena_str(arena, from->secret_key),
        .session_token = arena_str(arena, from->session_token),
        .source = arena_str(arena, from->source),
        .expires_ms = from->expires_ms};
}

/* True if the credentials expire within `margin_ms`. */
static bool ends_within(const struct credentials *c, int64_t margin_ms)
{
    return c->expires_ms && c->expires_ms <= clock_wall_ms() + margin_ms;
}

static bool is_usable(const struct credentials_chain *chain)
{
    return chain->current.access_key.n && !chain->stale && !ends_within(&chain->current, 0);
}

/* Called with the lock held, which is released during the fetch. */
static void refresh(struct credentials_chain *chain)
{
    chain->fetching = true;
    pthread_mutex_unlock(&chain->lock);
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct credentials fresh;
    struct err failure = ERR_INIT;
    int failed = credentials_fetch(&chain->options, &scratch, &fresh, &failure);
    pthread_mutex_lock(&chain->lock);
    chain->failure = failure;
    if (!failed) {
        arena_wipe(&chain->store);
        mask_add(fresh.secret_key, MASK_LIKELY); /* a sandbox's keys are plain words */
        mask_add(fresh.session_token, MASK_LIKELY);
        chain->current = credentials_copy(&chain->store, &fresh);
        chain->stale = false;
        /* This machine's clock may be ahead: if the credentials have expired, the service refuses them. */
        if (ends_within(&chain->current, 0))
            chain->current.expires_ms = clock_wall_ms() + TRUSTED_MS;
    }
    int64_t pause_ms = failed ? (is_usable(chain) ? RETRY_AFTER_MS : FAILURE_KEPT_MS) : 0;
    /* A source may return credentials that expire soon; an immediate new fetch would not help. */
    if (!failed && ends_within(&chain->current, REFRESH_BEFORE_MS))
        pause_ms = RETRY_AFTER_MS;
    chain->not_before_ms = clock_mono_ms() + pause_ms;
    chain->fetching = false;
    chain->round++;
    pthread_cond_broadcast(&chain->fetched);
}

static int credentials_current(struct credentials_chain *chain, struct err *err)
{
    for (bool asked = false;;) {
        bool usable = is_usable(chain);
        if (usable && (asked || chain->fetching || !ends_within(&chain->current, REFRESH_BEFORE_MS) ||
                          clock_mono_ms() < chain->not_before_ms))
            return 0;
        if (!usable && !chain->fetching && chain->failure.class != ERR_NONE &&
            (asked || clock_mono_ms() < chain->not_before_ms)) {
            if (err)
                *err = chain->failure;
            return -1;
        }
        if (!usable && asked && !chain->fetching) {
            err_set(
                err, ERR_AUTH, "the credentials from the %.*s have expired", STR_ARG(chain->current.source));
            return err_hint(err, "renew them and run again");
        }
        if (chain->fetching) {
            for (unsigned round = chain->round; chain->round == round;)
                pthread_cond_wait(&chain->fetched, &chain->lock);
        } else {
            refresh(chain);
        }
        asked = true;
    }
}

int credentials_get(
    struct credentials_chain *chain, struct arena *arena, struct credentials *out, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&chain->lock);
    int result = credentials_current(chain, err);
    if (!result)
        *out = credentials_copy(arena, &chain->current);
    return result;
}

void credentials_invalidate(struct credentials_chain *chain, const struct credentials *refused)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&chain->lock);
    if (str_eq(chain->current.access_key, refused->access_key) &&
        str_eq(chain->current.session_token, refused->session_token)) {
        chain->stale = true;
        chain->not_before_ms = 0;
    }
}

struct credentials_chain *credentials_chain_new(const struct credentials_options *options)
{
    struct credentials_chain *chain = mem_zalloc(sizeof *chain);
    struct arena *arena = &chain->arena;
    chain->options = (struct credentials_options){.http = options->http,
        .profile = arena_str(arena, options->profile),
        .region = arena_str(arena, options->region),
        .assume_role_arn = arena_str(arena, options->assume_role_arn),
        .assume_role_session = arena_str(arena, options->assume_role_session),
        .assume_role_external_id = arena_str(arena, options->assume_role_external_id),
        .fixed = credentials_copy(arena, &options->fixed),
        .config = options->config ? value_copy(arena, options->config) : NULL};
    pthread_mutex_init(&chain->lock, NULL);
    pthread_cond_init(&chain->fetched, NULL);
    return chain;
}

void credentials_chain_free(struct credentials_chain *chain)
{
    if (!chain)
        return;
    arena_wipe(&chain->store);
    arena_wipe(&chain->arena);
    pthread_mutex_destroy(&chain->lock);
    pthread_cond_destroy(&chain->fetched);
    free(chain);
}
