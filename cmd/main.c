/* The only file outside the libraries: calls cli_main() in commands.c. */
#include "cmd/invocation/invocation.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
