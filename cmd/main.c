/* The only file outside the libraries: it hands over to commands.c. */
#include "cmd/invocation/invocation.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
