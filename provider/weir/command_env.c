/* The environment of a user's command: see command_env.h. */
#include "provider/weir/command_env.h"

#include "provider/http/redact.h"

#include <unistd.h>

/* A name that ends with '*' stands for all that begin so, unless they sound like a secret. */
static const char passed[] =
    /* the user and the system */
    "PATH HOME USER LOGNAME SHELL TERM LANG LANGUAGE LC_* TZ TMPDIR TMP TEMP XDG_* CI NO_COLOR "
    "FORCE_COLOR COLUMNS SOURCE_DATE_EPOCH LD_LIBRARY_PATH DYLD_* NIX_* "
    /* the way out of here; a proxy's password is part of its URL */
    "http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY "
    "ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE "
    "NODE_EXTRA_CA_CERTS SSH_AUTH_SOCK GIT_SSH GIT_SSH_COMMAND "
    /* compilers and make */
    "CC CXX CPP LD AR CFLAGS CXXFLAGS CPPFLAGS LDFLAGS MAKEFLAGS PKG_CONFIG* CMAKE_* CCACHE_* "
    "SCCACHE_* ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS "
    /* languages and their packages */
    "PIP_* PYTHON* VIRTUAL_ENV CONDA_* PYENV_* UV_* POETRY_* NPM_CONFIG_* npm_config_* NODE_* "
    "NVM_* YARN_* PNPM_* GOPATH GOROOT GOPROXY GOPRIVATE GONOSUMDB GONOSUMCHECK GONOPROXY "
    "GOSUMDB GOFLAGS GOCACHE GOMODCACHE GOBIN GOOS GOARCH GOTOOLCHAIN GOENV CGO_* CARGO_* RUST* "
    "JAVA_* JDK_* MAVEN_* M2_HOME GRADLE_* SBT_* COURSIER_* DOTNET_* NUGET_* RUBY* GEM_* "
    "BUNDLE_PATH DOCKER_HOST DOCKER_CONFIG SPARK_HOME HADOOP_HOME";

/* Would the variable be passed on without being named? */
static bool command_env_has(struct str name)
{
    for (struct str rest = str_z(passed); rest.p;) {
        struct str known = str_cut(rest, ' ', &rest);
        bool group = str_ends(known, STR("*"));
        if (group && str_starts(name, str_slice(known, 0, known.n - 1)))
            return !redact_is_secret_variable(name);
        if (str_eq(name, known))
            return true;
    }
    return false;
}

char **command_env(struct arena *arena, const struct value *named)
{
    size_t count = 0, n = 0;
    while (environ && environ[count])
        count++;
    char **env = ARENA_ARRAY(arena, char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct str value, name = str_cut(str_z(environ[i]), '=', &value);
        if (command_env_has(name) || value_list_has(named, name))
            env[n++] = environ[i];
    }
    return env;
}
