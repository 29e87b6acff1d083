/* `leasehold dev` alone, for the tests of the development server: no other room has to build for it. */
#include "cli/dev.h"

int main(int argc, char **argv)
{
    return cli_dev(argc, argv);
}
