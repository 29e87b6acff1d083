/* `leasehold dev`: the development API server on the command line. */
#ifndef LEASEHOLD_CLI_DEV_H
#define LEASEHOLD_CLI_DEV_H

/* Runs the subcommand; argv[0] is "dev". Returns the exit code: CMD's own or 128+n with `-- CMD`, 0 after TERM or INT, 125 for a
 * failure of its own, 126 and 127 for a CMD that cannot be started or found. Blocks signals and starts a thread; to be called once
 * from a process that has no other threads. */
int cli_dev(int argc, char **argv);

#endif
