/* The environment of a user's command: see command_env.h. */
#include "provider/weir/command_env.h"

#include "provider/http/redact.h"

#include <unistd.h>

/* A name that ends with '*' stands for all that begin so, unless they sound like a secret. */
static const struct str passed[] = {
    /* the user and the system */
    STR_INIT("PATH"),
    STR_INIT("HOME"),
    STR_INIT("USER"),
    STR_INIT("LOGNAME"),
    STR_INIT("SHELL"),
    STR_INIT("TERM"),
    STR_INIT("LANG"),
    STR_INIT("LANGUAGE"),
    STR_INIT("LC_*"),
    STR_INIT("TZ"),
    STR_INIT("TMPDIR"),
    STR_INIT("TMP"),
    STR_INIT("TEMP"),
    STR_INIT("XDG_*"),
    STR_INIT("CI"),
    STR_INIT("NO_COLOR"),
    STR_INIT("FORCE_COLOR"),
    STR_INIT("COLUMNS"),
    STR_INIT("SOURCE_DATE_EPOCH"),
    STR_INIT("LD_LIBRARY_PATH"),
    STR_INIT("DYLD_*"),
    STR_INIT("NIX_*"),
    /* the way out of here; a proxy's password is part of its URL */
    STR_INIT("http_proxy"),
    STR_INIT("https_proxy"),
    STR_INIT("ftp_proxy"),
    STR_INIT("all_proxy"),
    STR_INIT("no_proxy"),
    STR_INIT("HTTP_PROXY"),
    STR_INIT("HTTPS_PROXY"),
    STR_INIT("FTP_PROXY"),
    STR_INIT("ALL_PROXY"),
    STR_INIT("NO_PROXY"),
    STR_INIT("SSL_CERT_FILE"),
    STR_INIT("SSL_CERT_DIR"),
    STR_INIT("CURL_CA_BUNDLE"),
    STR_INIT("REQUESTS_CA_BUNDLE"),
    STR_INIT("NODE_EXTRA_CA_CERTS"),
    STR_INIT("SSH_AUTH_SOCK"),
    STR_INIT("GIT_SSH"),
    STR_INIT("GIT_SSH_COMMAND"),
    /* compilers and make */
    STR_INIT("CC"),
    STR_INIT("CXX"),
    STR_INIT("CPP"),
    STR_INIT("LD"),
    STR_INIT("AR"),
    STR_INIT("CFLAGS"),
    STR_INIT("CXXFLAGS"),
    STR_INIT("CPPFLAGS"),
    STR_INIT("LDFLAGS"),
    STR_INIT("MAKEFLAGS"),
    STR_INIT("PKG_CONFIG*"),
    STR_INIT("CMAKE_*"),
    STR_INIT("CCACHE_*"),
    STR_INIT("SCCACHE_*"),
    STR_INIT("ASAN_OPTIONS"),
    STR_INIT("LSAN_OPTIONS"),
    STR_INIT("UBSAN_OPTIONS"),
    STR_INIT("TSAN_OPTIONS"),
    /* languages and their packages */
    STR_INIT("PIP_*"),
    STR_INIT("PYTHON*"),
    STR_INIT("VIRTUAL_ENV"),
    STR_INIT("CONDA_*"),
    STR_INIT("PYENV_*"),
    STR_INIT("UV_*"),
    STR_INIT("POETRY_*"),
    STR_INIT("NPM_CONFIG_*"),
    STR_INIT("npm_config_*"),
    STR_INIT("NODE_*"),
    STR_INIT("NVM_*"),
    STR_INIT("YARN_*"),
    STR_INIT("PNPM_*"),
    STR_INIT("GOPATH"),
    STR_INIT("GOROOT"),
    STR_INIT("GOPROXY"),
    STR_INIT("GOPRIVATE"),
    STR_INIT("GONOSUMDB"),
    STR_INIT("GONOSUMCHECK"),
    STR_INIT("GONOPROXY"),
    STR_INIT("GOSUMDB"),
    STR_INIT("GOFLAGS"),
    STR_INIT("GOCACHE"),
    STR_INIT("GOMODCACHE"),
    STR_INIT("GOBIN"),
    STR_INIT("GOOS"),
    STR_INIT("GOARCH"),
    STR_INIT("GOTOOLCHAIN"),
    STR_INIT("GOENV"),
    STR_INIT("CGO_*"),
    STR_INIT("CARGO_*"),
    STR_INIT("RUST*"),
    STR_INIT("JAVA_*"),
    STR_INIT("JDK_*"),
    STR_INIT("MAVEN_*"),
    STR_INIT("M2_HOME"),
    STR_INIT("GRADLE_*"),
    STR_INIT("SBT_*"),
    STR_INIT("COURSIER_*"),
    STR_INIT("DOTNET_*"),
    STR_INIT("NUGET_*"),
    STR_INIT("RUBY*"),
    STR_INIT("GEM_*"),
    STR_INIT("BUNDLE_PATH"),
    STR_INIT("DOCKER_HOST"),
    STR_INIT("DOCKER_CONFIG"),
    STR_INIT("SPARK_HOME"),
    STR_INIT("HADOOP_HOME"),
};

/* Would the variable be passed on without being named? */
static bool command_env_has(struct str name)
{
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        struct str known = passed[i];
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
