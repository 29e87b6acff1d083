/* `leasehold install`: the running program, copied. An image with nothing else in it has no cp, and an initContainer has to bring the
 * program into a volume that others mount. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/file_writer.h"
#include "cli/text.h"

/* Returns 0, or -1 with errno. */
static int copy(int from, int to)
{
    char piece[65536];
    ssize_t size;
    while ((size = read(from, piece, sizeof piece)) != 0)
        if (size < 0 || file_write_all(to, piece, (size_t)size) != 0)
            return -1;
    return fchmod(to, 0755);
}

/* Whole or not at all: a file that is there, and may run, is replaced by a rename. */
static int install(int from, const char *path)
{
    char *temporary = NULL;
    int fd = asprintf(&temporary, "%s.XXXXXX", path) < 0 ? -1 : mkostemp(temporary, O_CLOEXEC);
    int result = fd < 0 ? -1 : copy(from, fd), reason = errno;
    if (fd >= 0 && close(fd) != 0 && result == 0) {
        result = -1;
        reason = errno;
    }
    if (result == 0 && rename(temporary, path) != 0) {
        result = -1;
        reason = errno;
    }
    if (fd >= 0 && result != 0)
        unlink(temporary);
    free(temporary);
    errno = reason;
    return result;
}

int cli_install(int argc, char **argv)
{
    struct arguments a;
    int code;
    struct stat there;
    if (!flags_parse(command_find("install"), 0, NULL, 0, argc, argv, &a, &code))
        return code;
    code = EXIT_USAGE;
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (a.operands_count != 1 || a.rest) {
        text_complain("install", "wants the one FILE to be made, such as /shared/leasehold");
    } else if (stat(a.operands[0], &there) == 0 && !S_ISREG(there.st_mode)) {
        text_complain("install", "%s is there and no file: name the file to be made, such as %s/leasehold", a.operands[0], a.operands[0]);
    } else if (from < 0) {
        text_complain("install", "cannot read this program by /proc/self/exe (%m): mount /proc");
        code = EXIT_FAILED;
    } else if (install(from, a.operands[0]) != 0) {
        text_complain("install", "cannot make %s (%m): its folder must be there, with room and the right to write", a.operands[0]);
        code = EXIT_FAILED;
    } else {
        code = EXIT_OK;
    }
    if (from >= 0)
        close(from);
    flags_free(&a);
    return code;
}
