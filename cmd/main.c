/* The only file outside the libraries: it hands over to cli.c. */
#include "cmd/command.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
