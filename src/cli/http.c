/* `--http`: the candidate's probe endpoints, for the commands that stand for election. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/text.h"
#include "httpd/httpd.h"
#include "probe/probe.h"

int http_listen(const char *command, const char *address)
{
    char sentence[PROBE_SENTENCE_MAX];
    int fd = httpd_socket(address, PROBE_BACKLOG, sentence, sizeof sentence);
    if (fd < 0)
        text_complain(command, "--http: %s", sentence);
    return fd;
}

void http_prepare(leasehold_options *o)
{
    leasehold_options_set(o, "statistics", "yes");
    leasehold_options_set(o, "leader-address", "yes");
}

struct probe *http_serve(const char *command, int listening, leasehold_group *const *groups, size_t count)
{
    char sentence[PROBE_SENTENCE_MAX];
    struct probe *p = NULL;
    if (probe_open(&p, listening, groups, count, sentence) < 0)
        text_complain(command, "%s", sentence);
    return p;
}

void http_tell(struct probe *p, const leasehold_event *e)
{
    size_t size = 0;
    char *line = p && events_has_line(e) ? events_json(e, &size) : NULL;
    if (line)
        probe_tell(p, leasehold_event_name(e), line, size - 1); /* without its newline */
    free(line);
}
