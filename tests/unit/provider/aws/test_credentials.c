/* Every source of credentials against a scripted service, and the chain that keeps and refreshes them. */
#include "base/clock.h"
#include "base/json.h"
#include "provider/aws/credentials.h"
#include "provider/http/http.h"
#include "tests/unit/support/aws_env.h"
#include "tests/unit/support/manual_clock.h"
#include "tests/unit/support/script_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS 1795253400000 /* 2026-11-21T09:30:00Z */

struct fixture {
    struct arena arena;
    struct script_server *server;
    struct http_engine *engine;
};

static void start(struct fixture *f, const struct script_step *steps, size_t n)
{
    *f = (struct fixture){0};
    aws_env_begin();
    manual_clock_install(NOW_MS);
    f->server = script_server_start(steps, n);
    struct err err = ERR_INIT;
    assert_int_equal(http_engine_new(&(struct http_options){0}, &f->engine, &err), 0);
    setenv("AWS_ENDPOINT_URL_STS", script_server_url(f->server), 1);
}

static void stop(struct fixture *f)
{
    http_engine_free(f->engine);
    script_server_stop(f->server);
    arena_release(&f->arena);
    manual_clock_remove();
    aws_env_end();
}

#define START(f, ...)                                                                                        \
    struct fixture f;                                                                                        \
    const struct script_step steps_[] = {__VA_ARGS__};                                                       \
    start(&f, steps_, sizeof steps_ / sizeof *steps_)

static struct credentials_chain *chain_with(struct fixture *f, struct credentials_options options)
{
    options.http = f->engine;
    if (!options.region.p)
        options.region = STR("eu-west-1");
    return credentials_chain_new(&options);
}

static struct credentials must_get_from(struct fixture *f, struct credentials_chain *chain)
{
    struct credentials found;
    struct err err = ERR_INIT;
    if (credentials_get(chain, &f->arena, &found, &err))
        fail_msg("%s", err.message);
    return found;
}

static struct credentials must_get(struct fixture *f, struct credentials_options options)
{
    struct credentials_chain *chain = chain_with(f, options);
    struct credentials found = must_get_from(f, chain);
    credentials_chain_free(chain);
    return found;
}

static struct err must_fail(struct fixture *f, struct credentials_options options)
{
    struct credentials_chain *chain = chain_with(f, options);
    struct credentials found;
    struct err err = ERR_INIT;
    assert_int_equal(credentials_get(chain, &f->arena, &found, &err), -1);
    credentials_chain_free(chain);
    return err;
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

static void assert_found(struct credentials c, const char *access, const char *secret, const char *token)
{
    assert_string_equal(c.access_key.p, access);
    assert_string_equal(c.secret_key.p, secret);
    assert_string_equal(c.session_token.p, token);
}

#define NONE                                                                                                 \
    (struct credentials_options)                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
#define STS_ANSWER(action, key, expires)                                                                     \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" action                       \
    "Result><Credentials>"                                                                                   \
    "<AccessKeyId>" key "</AccessKeyId><SecretAccessKey>secret/" key                                         \
    "</SecretAccessKey><SessionToken>token/" key "</SessionToken><Expiration>" expires                       \
    "</Expiration></Credentials></" action "Result></" action "Response>"
#define DOCUMENT(key, expires)                                                                               \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":\"secret/" key                    \
    "\",\"Token\":\"token/" key "\",\"Expiration\":\"" expires "\"}"

static void the_environment_is_first(void **state)
{
    (void)state;
    START(f, {0});
    aws_env_write("credentials", "[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_contains(
        must_fail(&f, NONE).message, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    setenv("AWS_SECRET_ACCESS_KEY", "se/cret", 1);
    assert_found(must_get(&f, NONE), "ENV", "se/cret", "");
    setenv("AWS_SESSION_TOKEN", "t", 1);
    struct credentials c = must_get(&f, NONE);
    assert_found(c, "ENV", "se/cret", "t");
    assert_string_equal(c.source.p, "environment");
    /* What the provider's settings say comes before. */
    struct credentials_options fixed = {
        .fixed = {.access_key = STR("FIXED"), .secret_key = STR("x"), .source = STR("provider settings")}};
    assert_found(must_get(&f, fixed), "FIXED", "x", "");
    struct credentials_options profile = {.profile = STR("default")};
    assert_found(must_get(&f, profile), "FILE", "s", "");
    stop(&f);
}

static void profiles_have_keys_or_commands(void **state)
{
    (void)state;
    START(f, {0});
    aws_env_write("credentials",
        "[half]\naws_access_key_id = AK\n"
        "[full]\naws_access_key_id = AK\naws_secret_access_key = s\naws_session_token = t\n");
    aws_env_write("config",
        "[profile cmd]\n"
        "credential_process = echo '{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"s\","
        "\"Expiration\":\"2026-11-21T10:30:00Z\"}'\n"
        "[profile broken]\ncredential_process = echo nonsense\n"
        "[profile failing]\ncredential_process = exit 7 #hush\n"
        "[profile secret]\ncredential_process = TOKEN=hush exit 7\n"
        "[profile sso]\nsso_session = corp\n"
        "[profile login]\nlogin_session = arn:aws:iam::1:user/me\n"
        "[profile empty]\noutput = json\n");
    assert_found(must_get(&f, (struct credentials_options){.profile = STR("full")}), "AK", "s", "t");
    struct credentials c = must_get(&f, (struct credentials_options){.profile = STR("cmd")});
    assert_found(c, "P", "s", "");
    assert_int_equal(c.expires_ms, NOW_MS + 3600 * 1000);
    static const struct {
        const char *profile, *message, *hint;
    } cases[] = {{"half", "has aws_access_key_id, but no aws_secret_access_key", ""},
        {"broken", "credential_process of the profile \"broken\": the credentials are not valid JSON",
            "its command (`echo`)"},
        {"failing", "failed with status 7", "its command (`exit`) is in the AWS configuration"},
        {"secret", "failed with status 7", "its command is in the AWS configuration"},
        {"sso", "has no sso_start_url", "aws configure sso"},
        {"login", "signs in through a browser", "aws login"},
        {"empty", "no AWS credentials: tried the profile \"empty\", the container", "AWS_ACCESS_KEY_ID"},
        {"ful", "there is no profile \"ful\"", "did you mean \"full\"?"},
        {"nothing-like-it", "there is no profile \"nothing-like-it\"", "aws configure --profile"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = must_fail(&f, (struct credentials_options){.profile = str_z(cases[i].profile)});
        assert_int_equal(err.class, ERR_AUTH);
        assert_contains(err.message, cases[i].message);
        assert_contains(err.hint, cases[i].hint);
        assert_null(strstr(err.hint, "hush"));
    }
    stop(&f);
}

static void calls_for_credentials_trust_the_profiles_authorities(void **state)
{
    (void)state;
    START(f, {.body = STS_ANSWER("AssumeRole", "ROLE", "2026-11-21T10:30:00Z")});
    aws_env_write("config", "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n"
                            "[profile top]\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = base\n"
                            "ca_bundle = /dev/full\n");
    struct err err = must_fail(&f, (struct credentials_options){.profile = STR("top")});
    assert_contains(err.message, "/dev/full");
    setenv("AWS_CA_BUNDLE", aws_env_path("config"), 1); /* any file will do without TLS */
    assert_found(must_get(&f, (struct credentials_options){.profile = STR("top")}), "ROLE", "secret/ROLE",
        "token/ROLE");
    unsetenv("AWS_CA_BUNDLE");
    stop(&f);
}

static void roles_are_assumed_on_top_of_others(void **state)
{
    (void)state;
    START(f, {.uses = 1, .status = 503},
        {.uses = 1, .body = STS_ANSWER("AssumeRole", "FIRST", "2026-11-21T10:30:00Z")},
        {.body = STS_ANSWER("AssumeRole", "SECOND", "2026-11-21T10:30:00Z")});
    aws_env_write("config", "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n"
                            "[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = base\n"
                            "external_id = x y\nduration_seconds = 900\nrole_session_name = me\n"
                            "[profile top]\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = middle\n");
    struct credentials c = must_get(&f, (struct credentials_options){.profile = STR("top")});
    assert_found(c, "SECOND", "secret/SECOND", "token/SECOND");
    assert_string_equal(c.source.p, "role arn:aws:iam::1:role/top");
    assert_int_equal(c.expires_ms, NOW_MS + 3600 * 1000);
    assert_int_equal(script_server_count(f.server), 3); /* 503 was repeated */
    const struct script_request *first = script_server_request(f.server, 1);
    assert_contains(first->body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fmiddle"
        "&RoleSessionName=me&ExternalId=x%20y&DurationSeconds=900");
    assert_contains(script_request_header(first, "Authorization"), "Credential=BASE/20261121/eu-west-1/sts/");
    const struct script_request *second = script_server_request(f.server, 2);
    assert_contains(second->body, "RoleSessionName=weir-");
    assert_contains(script_request_header(second, "Authorization"), "Credential=FIRST/");
    assert_string_equal(script_request_header(second, "X-Amz-Security-Token"), "token/FIRST");
    stop(&f);
}

static void roles_that_lead_nowhere_are_errors(void **state)
{
    (void)state;
    START(f, {.status = 403,
                 .body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
                         "</ErrorResponse>"});
    aws_env_write("config", "[profile loop]\nrole_arn = r\nsource_profile = pool\n"
                            "[profile pool]\nrole_arn = r\nsource_profile = loop\n"
                            "[profile alone]\nrole_arn = r\n"
                            "[profile lost]\nrole_arn = r\nsource_profile = nobody\n"
                            "[profile mfa]\nrole_arn = r\nsource_profile = self\nmfa_serial = arn\n"
                            "[profile odd]\nrole_arn = r\ncredential_source = Moon\n"
                            "[profile env]\nrole_arn = r\ncredential_source = Environment\n"
                            "[profile self]\nrole_arn = arn:r\nsource_profile = self\n"
                            "aws_access_key_id = A\naws_secret_access_key = s\n");
    static const struct {
        const char *profile, *message;
    } cases[] = {{"loop", "leads back to itself"}, {"alone", "nothing to assume it with"},
        {"lost", "\"nobody\", source_profile of \"lost\", does not exist"},
        {"mfa", "asks for a one-time code"}, {"odd", "credential_source \"Moon\" is unknown"},
        {"env", "the environment has no credentials"},
        {"self", "assuming the role arn:r: AccessDenied: not you"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = must_fail(&f, (struct credentials_options){.profile = str_z(cases[i].profile)});
        assert_int_equal(err.class, ERR_AUTH);
        assert_contains(err.message, cases[i].message);
    }
    stop(&f);
}

static void web_identities_are_exchanged(void **state)
{
    (void)state;
    START(f,
        {.uses = 1,
            .status = 400,
            .body = "<ErrorResponse><Error><Code>IDPCommunicationError</Code><Message>m</Message></Error>"
                    "</ErrorResponse>"}, /* STS did not reach the identity provider */
        {.body = STS_ANSWER("AssumeRoleWithWebIdentity", "WEB", "2026-11-21T10:30:00Z")});
    aws_env_write("token", "ey.J/+=\n");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", aws_env_path("token"), 1);
    assert_contains(must_fail(&f, NONE).message, "AWS_ROLE_ARN is not");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci", 1);
    setenv("AWS_ROLE_SESSION_NAME", "job-7", 1);
    assert_found(must_get(&f, NONE), "WEB", "secret/WEB", "token/WEB");
    assert_int_equal(script_server_count(f.server), 2);
    const struct script_request *request = script_server_request(f.server, 1);
    assert_contains(request->body, "Action=AssumeRoleWithWebIdentity&");
    assert_contains(request->body, "RoleSessionName=job-7&WebIdentityToken=ey.J%2F%2B%3D");
    assert_string_equal(script_request_header(request, "Authorization"), "");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token", 1);
    assert_contains(must_fail(&f, NONE).message, "web identity token: cannot read /nonexistent/token");
    stop(&f);
}

static void the_provider_may_name_a_role(void **state)
{
    (void)state;
    START(f, {.body = STS_ANSWER("AssumeRole", "ROLE", "2026-11-21T10:30:00Z")});
    struct credentials_options options = {.assume_role_arn = STR("arn:aws:iam::2:role/deploy"),
        .assume_role_session = STR("ci"),
        .fixed = {.access_key = STR("FIXED"), .secret_key = STR("x")}};
    assert_found(must_get(&f, options), "ROLE", "secret/ROLE", "token/ROLE");
    assert_contains(
        script_request_header(script_server_request(f.server, 0), "Authorization"), "Credential=FIXED/");
    stop(&f);
}

/* The service's clock is three hours behind ours: what ends there at 07:30 does so here at 10:30. */
static void a_role_is_assumed_with_a_wrong_clock(void **state)
{
    (void)state;
    START(f,
        {.uses = 1,
            .status = 403,
            .headers = "Date: Sat, 21 Nov 2026 06:30:00 GMT\r\n",
            .body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"},
        {.headers = "Date: Sat, 21 Nov 2026 06:30:00 GMT\r\n",
            .body = STS_ANSWER("AssumeRole", "ROLE", "2026-11-21T07:30:00Z")});
    struct credentials_options options = {.assume_role_arn = STR("arn:aws:iam::2:role/deploy"),
        .fixed = {.access_key = STR("FIXED"), .secret_key = STR("x")}};
    assert_found(must_get(&f, options), "ROLE", "secret/ROLE", "token/ROLE");
    assert_string_equal(
        script_request_header(script_server_request(f.server, 1), "X-Amz-Date"), "20261121T063000Z");
    assert_int_equal(script_server_count(f.server), 2);
    stop(&f);
}

static void containers_hand_out_credentials(void **state)
{
    (void)state;
    START(f, {.match = "GET /creds", .uses = 1, .status = 500},
        {.match = "GET /creds", .body = DOCUMENT("TASK", "2026-11-21T15:30:00Z")}, {.status = 404});
    aws_env_write("token", "Bearer x\n");
    char url[128];
    snprintf(url, sizeof url, "%s/creds", script_server_url(f.server));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", aws_env_path("token"), 1);
    assert_found(must_get(&f, NONE), "TASK", "secret/TASK", "token/TASK");
    assert_string_equal(
        script_request_header(script_server_request(f.server, 1), "Authorization"), "Bearer x");
    snprintf(url, sizeof url, "%s/other", script_server_url(f.server));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    assert_contains(must_fail(&f, NONE).message, "/other answers HTTP 404");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/creds", 1);
    assert_contains(must_fail(&f, NONE).message, "must be https");
    stop(&f);
}

#define ROLES "/latest/meta-data/iam/security-credentials/"

static void instances_hand_out_credentials(void **state)
{
    (void)state;
    START(f, {.match = "PUT /latest/api/token", .body = "tok"},
        {.match = "GET " ROLES "etl", .body = DOCUMENT("EC2", "2026-11-21T15:30:00Z")},
        {.match = "GET " ROLES, .uses = 1, .body = "etl\n"}, {.match = "GET " ROLES, .status = 404});
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", script_server_url(f.server), 1);
    assert_contains(must_fail(&f, NONE).message, "no AWS credentials"); /* disabled */
    assert_int_equal(script_server_count(f.server), 0);
    unsetenv("AWS_EC2_METADATA_DISABLED");
    struct credentials c = must_get(&f, NONE);
    assert_found(c, "EC2", "secret/EC2", "token/EC2");
    assert_string_equal(c.source.p, "instance role etl");
    assert_string_equal(
        script_request_header(script_server_request(f.server, 0), "X-aws-ec2-metadata-token-ttl-seconds"),
        "21600");
    assert_string_equal(
        script_request_header(script_server_request(f.server, 2), "X-aws-ec2-metadata-token"), "tok");
    struct err err = must_fail(&f, NONE);
    assert_contains(err.message, "this instance has no role");
    stop(&f);
}

/* As often as AWS_METADATA_SERVICE_NUM_ATTEMPTS says, and not for hours. */
static void metadata_is_asked_again(void **state)
{
    (void)state;
    START(f, {.match = "PUT /latest/api/token", .uses = 1, .action = SCRIPT_HANG},
        {.match = "PUT /latest/api/token", .uses = 58, .status = 503},
        {.match = "PUT /latest/api/token", .body = "tok"},
        {.match = "GET " ROLES "etl", .body = DOCUMENT("EC2", "2026-11-21T15:30:00Z")},
        {.match = "GET " ROLES, .body = "etl\n"});
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", script_server_url(f.server), 1);
    setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "60", 1);
    unsetenv("AWS_EC2_METADATA_DISABLED");
    assert_found(must_get(&f, NONE), "EC2", "secret/EC2", "token/EC2");
    assert_true(manual_clock_slept() < 60 * 5000);
    stop(&f);
}

static void nothing_anywhere_says_what_was_tried(void **state)
{
    (void)state;
    START(f, {0});
    struct err err = must_fail(&f, NONE);
    assert_int_equal(err.class, ERR_AUTH);
    assert_string_equal(err.message,
        "no AWS credentials: tried the environment, a web identity token, the profile "
        "\"default\", the container, the instance's metadata");
    assert_contains(err.hint, "AWS_ACCESS_KEY_ID");
    stop(&f);
}

/* ---- keeping and refreshing ---- */

static void credentials_are_kept_and_refreshed_in_time(void **state)
{
    (void)state;
    START(f, {.uses = 1, .body = DOCUMENT("ONE", "2026-11-21T10:30:00Z")},
        {.uses = 1, .body = DOCUMENT("TWO", "2026-11-21T11:30:00Z")}, {.uses = 2, .status = 400},
        {.body = DOCUMENT("THREE", "2026-11-21T13:30:00Z")});
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", script_server_url(f.server), 1);
    struct credentials_chain *chain = chain_with(&f, NONE);
    assert_found(must_get_from(&f, chain), "ONE", "secret/ONE", "token/ONE");
    manual_clock_advance(54 * 60 * 1000);
    assert_found(must_get_from(&f, chain), "ONE", "secret/ONE", "token/ONE");
    assert_int_equal(script_server_count(f.server), 1);
    manual_clock_advance(2 * 60 * 1000); /* four minutes before the end */
    assert_found(must_get_from(&f, chain), "TWO", "secret/TWO", "token/TWO");
    manual_clock_advance(60 * 60 * 1000); /* the refresh fails: the old ones still hold */
    for (int i = 0; i < 5; i++)
        assert_found(must_get_from(&f, chain), "TWO", "secret/TWO", "token/TWO");
    assert_int_equal(script_server_count(f.server), 3); /* and it is not tried at every call */
    manual_clock_advance(5 * 60 * 1000);                /* now they have ended */
    struct credentials c;
    struct err err = ERR_INIT;
    for (int i = 0; i < 5; i++)
        assert_int_equal(credentials_get(chain, &f.arena, &c, &err), -1);
    assert_int_equal(script_server_count(f.server), 4);
    manual_clock_advance(11 * 1000);
    assert_found(must_get_from(&f, chain), "THREE", "secret/THREE", "token/THREE");
    credentials_chain_free(chain);
    stop(&f);
}

static void refused_credentials_are_fetched_anew_once(void **state)
{
    (void)state;
    START(f, {.uses = 1, .body = DOCUMENT("ONE", "2026-11-21T15:30:00Z")},
        {.body = DOCUMENT("TWO", "2026-11-21T15:30:00Z")});
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", script_server_url(f.server), 1);
    struct credentials_chain *chain = chain_with(&f, NONE);
    struct credentials one = must_get_from(&f, chain);
    for (int i = 0; i < 5; i++) { /* five workers were refused with the same ones */
        credentials_invalidate(chain, &one);
        assert_found(must_get_from(&f, chain), "TWO", "secret/TWO", "token/TWO");
    }
    assert_int_equal(script_server_count(f.server), 2);
    credentials_chain_free(chain);
    stop(&f);
}

/* The clock is a day ahead: whether they have ended is the service's to say. */
static void what_is_handed_out_is_used_with_a_wrong_clock(void **state)
{
    (void)state;
    START(f, {.uses = 1, .body = DOCUMENT("ONE", "2026-11-20T10:30:00Z")},
        {.body = DOCUMENT("TWO", "2026-11-20T11:30:00Z")});
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", script_server_url(f.server), 1);
    struct credentials_chain *chain = chain_with(&f, NONE);
    for (int i = 0; i < 5; i++)
        assert_found(must_get_from(&f, chain), "ONE", "secret/ONE", "token/ONE");
    assert_int_equal(script_server_count(f.server), 1);
    manual_clock_advance(11 * 60 * 1000);
    for (int i = 0; i < 5; i++)
        assert_found(must_get_from(&f, chain), "TWO", "secret/TWO", "token/TWO");
    assert_int_equal(script_server_count(f.server), 2);
    credentials_chain_free(chain);
    stop(&f);
}

static void *get_some(void *arg)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct credentials c;
    struct err err = ERR_INIT;
    for (int i = 0; i < 100; i++)
        if (credentials_get(arg, &arena, &c, &err) || !str_eqz(c.access_key, "ONE"))
            return "failed";
    return NULL;
}

static void many_threads_fetch_once(void **state)
{
    (void)state;
    START(f, {.body = DOCUMENT("ONE", "2026-11-21T15:30:00Z")});
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", script_server_url(f.server), 1);
    struct credentials_chain *chain = chain_with(&f, NONE);
    pthread_t threads[16];
    for (int i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, get_some, chain);
    for (int i = 0; i < 16; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(script_server_count(f.server), 1);
    credentials_chain_free(chain);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_is_first),
        cmocka_unit_test(profiles_have_keys_or_commands),
        cmocka_unit_test(calls_for_credentials_trust_the_profiles_authorities),
        cmocka_unit_test(roles_are_assumed_on_top_of_others),
        cmocka_unit_test(roles_that_lead_nowhere_are_errors),
        cmocka_unit_test(web_identities_are_exchanged),
        cmocka_unit_test(the_provider_may_name_a_role),
        cmocka_unit_test(a_role_is_assumed_with_a_wrong_clock),
        cmocka_unit_test(containers_hand_out_credentials),
        cmocka_unit_test(instances_hand_out_credentials),
        cmocka_unit_test(metadata_is_asked_again),
        cmocka_unit_test(nothing_anywhere_says_what_was_tried),
        cmocka_unit_test(credentials_are_kept_and_refreshed_in_time),
        cmocka_unit_test(refused_credentials_are_fetched_anew_once),
        cmocka_unit_test(what_is_handed_out_is_used_with_a_wrong_clock),
        cmocka_unit_test(many_threads_fetch_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
