/* `leasehold completion`: what shells offer behind `leasehold`, as scripts of theirs.
 *
 * Here: how flags and commands are spelled for a shell. Not here: which there are (main.c, flags.c, the table of settings). */
#ifndef LEASEHOLD_CLI_COMPLETION_H
#define LEASEHOLD_CLI_COMPLETION_H

#include "cli/command.h"

int cli_completion(int argc, char **argv);

#endif
