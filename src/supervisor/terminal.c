#include "supervisor/terminal.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

struct terminal terminal_find(void)
{
    bool ours = isatty(STDIN_FILENO) == 1 && tcgetsid(STDIN_FILENO) == getsid(0) && getsid(0) > 0;
    return (struct terminal){ .ours = ours, .home = getpgrp() };
}

bool terminal_is_home(const struct terminal *terminal)
{
    return terminal->ours && tcgetpgrp(STDIN_FILENO) == terminal->home;
}

void terminal_lend(const struct terminal *terminal, pid_t group)
{
    if (group > 0 && terminal_is_home(terminal))
        tcsetpgrp(STDIN_FILENO, group);
}

void terminal_take_back(const struct terminal *terminal, pid_t group)
{
    if (!terminal->ours)
        return;
    pid_t front = tcgetpgrp(STDIN_FILENO);
    if (front < 0 || front == terminal->home)
        return;
    /* A CMD that is a shell leaves the group of its last job in front. */
    bool deserted = front == 0 || (kill(-front, 0) != 0 && errno == ESRCH);
    if (front == group || deserted)
        tcsetpgrp(STDIN_FILENO, terminal->home);
}

bool terminal_has_shell(void)
{
    pid_t parent = getppid();
    return getpid() != 1 && parent > 0 && getsid(parent) == getsid(0);
}
