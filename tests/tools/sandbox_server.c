/*
 * A sandbox alone, for the tests of it: sandbox_server DIR|- [ACCOUNT [KEY SECRET]...]; prints its port; ends
 * with its input. States that change over time do so a thousand times as fast. MINUTE_MS in the environment:
 * how long a minute of a job's timeout is. ROOM_MIB: what a run may have in its folder. SANDBOX_HOST: a name
 * that it answers to. PATIENCE_MS: how long a request may take to arrive. Without keys it has the tests' key,
 * where `weir sandbox` has a random one (RANDOM_KEY=1: it too). Policies count with SANDBOX_IAM=on, or warn
 * (tests/e2e/sandbox/servers.py says so for most).
 */
#include "cmd/invocation/kinds.h"
#include "sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_KEYS = 8 };

static const struct sandbox_key test_key = {
    STR_INIT("AKIAWEIRTESTS0000000"), STR_INIT("the-secret-key-of-the-tests-sandboxes")};

int main(int argc, char **argv)
{
    bool ephemeral = argc < 2 || strcmp(argv[1], "-") == 0;
    struct sandbox_key keys[MAX_KEYS];
    struct sandbox_options options = {.dir = ephemeral ? NULL : argv[1],
        .ephemeral = ephemeral,
        .keys = keys,
        .kinds = &cmd_kinds,
        .speed = 1000};
    if (getenv("SPEED"))
        options.speed = strtod(getenv("SPEED"), NULL);
    if (getenv("MINUTE_MS"))
        options.minute_ms = strtol(getenv("MINUTE_MS"), NULL, 10);
    if (getenv("ROOM_MIB"))
        options.run_max_bytes = strtol(getenv("ROOM_MIB"), NULL, 10) * 1024 * 1024;
    if (getenv("PATIENCE_MS"))
        options.patience_ms = strtol(getenv("PATIENCE_MS"), NULL, 10);
    const char *iam = getenv("SANDBOX_IAM");
    options.iam = !iam || !strcmp(iam, "off") ? SANDBOX_IAM_OFF
                  : !strcmp(iam, "warn")      ? SANDBOX_IAM_WARN
                                              : SANDBOX_IAM_ON;
    if (argc > 2)
        options.account = str_z(argv[2]);
    for (int i = 3; i + 1 < argc && options.key_count < MAX_KEYS; i += 2)
        keys[options.key_count++] = (struct sandbox_key){str_z(argv[i]), str_z(argv[i + 1])};
    if (!options.key_count && !getenv("RANDOM_KEY"))
        keys[options.key_count++] = test_key;
    struct str host = str_z(getenv("SANDBOX_HOST"));
    if (host.n) {
        options.hosts = &host;
        options.host_count = 1;
    }
    struct sandbox *sandbox;
    struct err err = ERR_INIT;
    signal(SIGPIPE, SIG_IGN);
    if (sandbox_start(&options, &sandbox, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%u\n", sandbox_port(sandbox));
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    sandbox_stop(sandbox);
    return 0;
}
