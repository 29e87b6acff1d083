/* Where CMD is, and the defaults of the options: what is settled before anything stands for election. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

struct supervisor_options supervisor_options_default(void)
{
    return (struct supervisor_options){
        .stop_signal = SIGTERM,
        .use_cgroup = true,
        .stop_timeout_ns = 4 * SECOND,
        .drain_timeout_ns = 25 * SECOND,
        .release_timeout_ns = 5 * SECOND,
        .restart_pause_ns = SECOND,
    };
}

/* 0, or why this file cannot be executed, as errno. */
static int check_file(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return EACCES;
    return 0;
}

/* The first entry of PATH that has an executable file of that name; like execvp(3), a file without permission is passed over
 * but remembered. */
static int search_path(const char *command, char *path, size_t path_size)
{
    const char *list = getenv("PATH");
    int found = ENOENT;

    if (list == NULL)
        list = "/bin:/usr/bin";
    for (const char *entry = list; entry != NULL;) {
        size_t length = strcspn(entry, ":");
        /* An empty entry is the current directory. */
        int size =
            length == 0 ? snprintf(path, path_size, "./%s", command) : snprintf(path, path_size, "%.*s/%s", (int)length, entry, command);
        if (size > 0 && (size_t)size < path_size) {
            int error = check_file(path);
            if (error == 0)
                return 0;
            if (error == EACCES)
                found = EACCES;
        }
        entry = entry[length] == ':' ? entry + length + 1 : NULL;
    }
    return found;
}

int supervisor_check_command(const char *command, char *path, size_t path_size, char *sentence, size_t sentence_size)
{
    bool in_path = strchr(command, '/') == NULL;
    int error;

    if (command[0] == '\0') {
        snprintf(sentence, sentence_size, "the command is empty: write a program behind --");
        return SUPERVISOR_EXIT_NOT_FOUND;
    }
    if (in_path)
        error = search_path(command, path, path_size);
    else if ((size_t)snprintf(path, path_size, "%s", command) >= path_size)
        error = ENAMETOOLONG;
    else
        error = check_file(path);
    switch (error) {
    case 0:
        return 0;
    case ENOENT:
        if (in_path)
            snprintf(sentence, sentence_size, "%s is in no directory of PATH: write its path, or extend PATH", command);
        else
            snprintf(sentence, sentence_size, "%s does not exist: write the path of a program", command);
        return SUPERVISOR_EXIT_NOT_FOUND;
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
        errno = error;
        snprintf(sentence, sentence_size, "%s cannot be reached (%m): write the path of a program", command);
        return SUPERVISOR_EXIT_NOT_FOUND;
    case EISDIR:
        snprintf(sentence, sentence_size, "%s is a directory: write the path of a program", command);
        return SUPERVISOR_EXIT_NOT_EXECUTABLE;
    default:
        errno = error;
        snprintf(sentence, sentence_size, "%s cannot be executed (%m): chmod +x it, or run it by its interpreter", command);
        return SUPERVISOR_EXIT_NOT_EXECUTABLE;
    }
}
