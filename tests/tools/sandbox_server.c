/* A sandbox alone, for the tests of it: sandbox_server DIR|- [PORT]; prints its port; ends with its input. */
#include "provider/sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    bool ephemeral = argc < 2 || strcmp(argv[1], "-") == 0;
    struct sandbox_options options = {.dir = ephemeral ? NULL : argv[1],
        .ephemeral = ephemeral,
        .port = argc > 2 ? (uint16_t)atoi(argv[2]) : 0};
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
