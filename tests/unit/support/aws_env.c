#include "tests/unit/support/aws_env.h"

#include "base/file.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static char home[64];

static void unset_all(const char *prefix)
{
    for (char **at = environ; *at;) {
        if (strncmp(*at, prefix, strlen(prefix))) {
            at++;
            continue;
        }
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        unsetenv(name);
        at = environ;
    }
}

void aws_env_begin(void)
{
    unset_all("AWS_");
    unset_all("http_proxy");
    snprintf(home, sizeof home, "/tmp/weir-home-XXXXXX");
    char *made = mkdtemp(home);
    assert(made);
    (void)made;
    setenv("HOME", home, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

void aws_env_end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", home);
    int status = system(command);
    assert(status == 0);
    (void)status;
    unset_all("AWS_");
}

const char *aws_env_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/.aws/%s", home, name);
    return path;
}

void aws_env_write(const char *name, const char *text)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s/.aws", home);
    struct err err = ERR_INIT;
    int failed = dir_make(dir, &err) || file_write_atomic(aws_env_path(name), str_z(text), 0600, &err);
    assert(!failed);
    (void)failed;
}
