/* with_server CMD…: runs CMD with KUBECONFIG set to a development API server that lives as long as CMD, and ends with its code. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

int main(int argc, char **argv)
{
    if (argc < 2)
        return 125;
    struct world *w = world_open();
    setenv("KUBECONFIG", w->kubeconfig, 1);
    setenv("LEASEHOLD_LEASE_DURATION", "4s", 1);
    setenv("LEASEHOLD_RENEW_DEADLINE", "2500ms", 1);
    setenv("LEASEHOLD_RETRY_PERIOD", "500ms", 1);
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    world_close(w);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
