#include "sim/scenario.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 256, LINE_SIZE = 160, WORDS_MAX = 12 };

/* One scenario is played at a time. */
static struct {
    char lines[LINES_MAX][LINE_SIZE];
    int count;
    int printed; /* lines already printed */
    FILE *out;
    const char *path;
    struct election_settings settings;
    bool bad;
} play;

static int refuse(int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", play.path, line + 1, what);
    play.bad = true;
    return -1;
}

/* "15s", "500ms"; -1 for anything else. */
static int64_t duration(const char *text)
{
    char *end;
    double value = text ? strtod(text, &end) : -1;
    if (!text || end == text || value < 0)
        return -1;
    if (strcmp(end, "s") == 0)
        return (int64_t)(value * 1e9);
    return strcmp(end, "ms") == 0 ? (int64_t)(value * 1e6) : -1;
}

static int split(char *line, char *words[WORDS_MAX])
{
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t", &rest); word && count < WORDS_MAX - 1; word = strtok_r(NULL, " \t", &rest))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

/* The newest process of this name; of "name@m" the newest on machine m. */
static int find(const struct world *w, const char *name)
{
    if (!name)
        return SIM_NOBODY;
    size_t size = strcspn(name, "@");
    int node = name[size] ? name[size + 1] - 'a' : -1;
    for (int i = w->process_count - 1; i >= 0; i--) {
        const struct process *p = &w->process[i];
        if (strlen(p->name) == size && memcmp(p->name, name, size) == 0 && (node < 0 || p->node == node))
            return i;
    }
    return SIM_NOBODY;
}

static int word_index(const char *word, const char *const *list, int count)
{
    for (int i = 0; word && i < count; i++)
        if (strcmp(word, list[i]) == 0)
            return i;
    return -1;
}

/* ---- what a line may do; words[0] is the verb ---- */

static int do_begin(struct world *w, char **words)
{
    int node = words[1] ? words[1][0] - 'a' : -1;
    if (words[2] && strcmp(words[2], "on") == 0 && words[3])
        node = words[3][0] - 'a';
    if (node < 0 || node >= w->node_count)
        return -1;
    w->process[w->process_count].settings = play.settings;
    process_begin(w, node, words[1]);
    return 0;
}

static int do_cut(struct world *w, char **words)
{
    static const char *const ways[] = { "down", "up", "both" };
    int who = find(w, words[1]), how = word_index(words[2], ways, 3);
    if (who < 0 || how < 0 || duration(words[3]) < 0)
        return -1;
    fault_cut(w, who, (enum fault_cut)how, words[4] && strcmp(words[4], "refused") == 0, duration(words[3]));
    return 0;
}

static int do_slow(struct world *w, char **words)
{
    int who = find(w, words[1]);
    if (who < 0 || duration(words[2]) < 0 || duration(words[3]) < 0)
        return -1;
    fault_slow(w, who, duration(words[2]), duration(words[3]));
    return 0;
}

static int do_freeze(struct world *w, char **words)
{
    int who = find(w, words[1]);
    if (who < 0 || duration(words[2]) < 0)
        return -1;
    process_freeze(w, who, w->now + duration(words[2]));
    return 0;
}

static int do_suspend(struct world *w, char **words)
{
    int who = find(w, words[1]);
    if (who < 0 || duration(words[2]) < 0)
        return -1;
    fault_suspend(w, who, duration(words[2]));
    return 0;
}

static int do_kill(struct world *w, char **words)
{
    int who = find(w, words[1]);
    if (who < 0)
        return -1;
    process_crash(w, who, words[2] && strcmp(words[2], "all") == 0);
    return 0;
}

static int do_server(struct world *w, char **words)
{
    static const char *const modes[] = { "up", "down", "hangs", "fails", "refuses" };
    int mode = word_index(words[1], modes, SERVER_MODES);
    if (mode < 0 || duration(words[2]) < 0)
        return -1;
    fault_server(w, (enum server_mode)mode, duration(words[2]));
    return 0;
}

static int do_operator(struct world *w, char **words)
{
    static const char *const edits[LOCK_EDITS] = { "deletes", "empties", "wipes",  "clears",    "shortens", "undurations", "lengthens",
                                                   "unmarks", "garbles", "ghosts", "recreates", "touches",  "labels" };
    int edit = word_index(words[1], edits, LOCK_EDITS);
    if (edit < 0)
        return -1;
    fault_operate(w, (enum lock_edit)edit);
    return 0;
}

static int do_watch(struct world *w, char **words)
{
    int who = find(w, words[1]);
    if (who < 0)
        return -1;
    watch_break(w, who, true);
    return 0;
}

static int do_ask(struct world *w, char **words)
{
    int who = find(w, words[1]);
    if (who < 0)
        return -1;
    process_event(w, who, &(struct election_event){ .kind = strcmp(words[0], "close") == 0 ? ELECTION_CLOSE : ELECTION_RESIGN }, 0);
    return 0;
}

static int do_end(struct world *w, char **words)
{
    (void)words;
    world_at(w, w->now, EVENT_END, SIM_NOBODY, 0, 0);
    return 0;
}

static const struct {
    const char *verb;
    int (*act)(struct world *w, char **words);
} verbs[] = {
    { "begin", do_begin },     { "cut", do_cut },    { "slow", do_slow },     { "freeze", do_freeze },
    { "suspend", do_suspend }, { "kill", do_kill },  { "server", do_server }, { "operator", do_operator },
    { "silence", do_watch },   { "resign", do_ask }, { "close", do_ask },     { "end", do_end },
};

static void print_until(int line)
{
    while (play.printed <= line)
        fprintf(play.out, "%s\n", play.lines[play.printed++]);
}

static void script(struct world *w, uint32_t line)
{
    char copy[LINE_SIZE], *words[WORDS_MAX];
    print_until((int)line);
    memcpy(copy, play.lines[line], sizeof copy);
    split(copy, words);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (words[1] && strcmp(words[1], verbs[i].verb) == 0) {
            if (verbs[i].act(w, words + 1) < 0)
                refuse((int)line, "this cannot be done");
            return;
        }
    refuse((int)line, "no such verb");
}

static void say(const struct world *w, const struct fact *f)
{
    const char *name = f->who == SIM_NOBODY ? "" : w->process[f->who].name;
    const char *what = NULL;
    switch (f->kind) {
    case FACT_STARTED:
        what = "leads";
        break;
    case FACT_STOP:
        what = f->flag ? "kills its work:" : "stops its work:";
        break;
    case FACT_STOPPED:
        what = "has stopped";
        break;
    case FACT_GONE:
        what = "is gone";
        break;
    case FACT_WORK_BEGINS:
        what = "works";
        break;
    case FACT_WORK_ENDS:
        what = "works no more";
        break;
    case FACT_KINDS:
        fprintf(play.out, "> BROKEN %s\n", f->note);
        return;
    default:
        return;
    }
    fprintf(play.out, "> %.3f %s %s%s%s\n", (double)f->at / 1e9, name, what, f->kind == FACT_STOP ? " " : "",
            f->kind == FACT_STOP ? election_reason_name(f->reason) : "");
}

/* "candidates 3", "lease 15s renew-deadline 10s retry 2s": before the first time. */
static int header(struct world *w, int line, char **words)
{
    for (int i = 0; words[i]; i += 2) {
        const char *value = words[i + 1];
        if (strcmp(words[i], "machines") == 0 && value)
            w->node_count = (int)strtol(value, NULL, 10);
        else if (strcmp(words[i], "lease") == 0 && duration(value) > 0)
            play.settings.lease_duration_ns = duration(value);
        else if (strcmp(words[i], "renew-deadline") == 0 && duration(value) > 0)
            play.settings.renew_deadline_ns = duration(value);
        else if (strcmp(words[i], "retry") == 0 && duration(value) > 0)
            play.settings.retry_period_ns = duration(value);
        else
            return refuse(line, "settings are: machines N, lease D, renew-deadline D, retry D");
        if (!words[i + 1])
            break;
    }
    if (w->node_count < 1 || w->node_count > SIM_NODES_MAX)
        return refuse(line, "there are 1 to 5 machines");
    return 0;
}

static int load(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_SIZE];
    if (!file) {
        perror(path);
        return -1;
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '>')
            continue; /* made anew */
        if (play.count == LINES_MAX) {
            fclose(file);
            return refuse(play.count, "too long");
        }
        memcpy(play.lines[play.count++], line, sizeof line);
    }
    fclose(file);
    return 0;
}

static int prepare(struct world *w)
{
    for (int i = 0; i < play.count; i++) {
        char copy[LINE_SIZE], *words[WORDS_MAX], *end;
        memcpy(copy, play.lines[i], sizeof copy);
        if (copy[0] == '#' || split(copy, words) == 0)
            continue;
        double at = strtod(words[0], &end);
        if (*end == '\0')
            world_at(w, (int64_t)(at * 1e9 + 0.5), EVENT_SCRIPT, SIM_NOBODY, (uint32_t)i, 0);
        else if (header(w, i, words) < 0)
            return -1;
    }
    election_settings_complete(&play.settings);
    if (election_settings_check(&play.settings, NULL) < 0)
        return refuse(0, "these settings break a rule");
    return 0;
}

int scenario_play(struct world *w, const char *path, FILE *out)
{
    memset(&play, 0, sizeof play);
    play.path = path;
    play.out = out;
    play.settings = election_settings_default();
    world_begin(w, 1, true);
    w->node_count = 3;
    for (int n = 0; n < SIM_NODES_MAX; n++)
        w->node[n].clocks = (struct clocks){ .boot_base = SIM_S * 100, .raw_base = SIM_S * 100, .wall_offset = 1780000000 * SIM_S };
    w->script = script;
    w->trace = say;
    int result = load(path) < 0 || prepare(w) < 0 ? -1 : 0;
    if (result < 0)
        w->ended = true; /* nothing is played, all is given back */
    int broken = world_play(w);
    print_until(play.count - 1);
    if (result < 0 || play.bad)
        return -1;
    return broken ? 1 : 0;
}
