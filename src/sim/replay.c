#include "sim/replay.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SIZE = 1 << 16 };

const struct menu *replay_menu(struct replay *r)
{
    r->menu.kept = r->some ? r->kept : NULL;
    r->menu.kept_count = r->some ? REPLAY_FAULTS_MAX : 0;
    return &r->menu;
}

bool replay_depth(const char *name, struct menu *menu, bool *ret_fleet)
{
    menu->bytes = strcmp(name, "store") == 0;
    *ret_fleet = strcmp(name, "service") == 0 || strcmp(name, "bytes") == 0;
    return menu->bytes || *ret_fleet || strcmp(name, "values") == 0 || strcmp(name, "core") == 0;
}

static bool read_faults(struct replay *r, char *text)
{
    char *rest = NULL, *end;
    r->some = true;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        unsigned long number = strtoul(word, &end, 10);
        if (*end != '\0' || end == word || number >= REPLAY_FAULTS_MAX)
            return false;
        r->kept[number] = true;
    }
    return true;
}

static bool read_number(const char *text, double least, double most, double *ret)
{
    char *end;
    *ret = strtod(text, &end);
    return *end == '\0' && end != text && *ret >= least && *ret <= most;
}

/* False: no such line, or not a value it takes. */
static bool read_line(struct replay *r, const char *name, char *value)
{
    double number = 0;
    char *end;
    if (strcmp(name, "seed") == 0) {
        r->seed = strtoull(value, &end, 10);
        return *end == '\0' && end != value;
    }
    if (strcmp(name, "depth") == 0)
        return replay_depth(value, &r->menu, &r->fleet);
    if (strcmp(name, "menu") == 0) {
        memset(r->menu.has, 0, sizeof r->menu.has);
        return menu_parse(&r->menu, value) == 0;
    }
    if (strcmp(name, "lock") == 0) {
        r->menu.lock = strcmp(value, "lease") == 0 ? MENU_LOCK_LEASE : MENU_LOCK_CONFIGMAP;
        return r->menu.lock == MENU_LOCK_LEASE || strcmp(value, "configmap") == 0;
    }
    if (strcmp(name, "shared") == 0)
        return r->menu.shared = strcmp(value, "yes") == 0;
    if (strcmp(name, "candidates") == 0 && read_number(value, 0, 5, &number)) {
        r->menu.candidates = (int)number;
        return true;
    }
    if (strcmp(name, "span") == 0 && read_number(value, 0, 1e6, &number)) {
        r->menu.time_ns = (int64_t)(number * 1e9);
        return true;
    }
    return strcmp(name, "faults") == 0 && read_faults(r, value);
}

int replay_read(const char *path, struct replay *ret)
{
    static char line[LINE_MAX_SIZE];
    int number = 0;
    FILE *file = fopen(path, "re");
    memset(ret, 0, sizeof *ret);
    if (!file) {
        fprintf(stderr, "leasehold-sim: %s cannot be opened: %m\n", path);
        return -1;
    }
    while (fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        size_t name = strcspn(line, " ");
        if (line[0] == '#' || line[0] == '\0')
            continue;
        char *value = line + name + (line[name] == ' ');
        line[name] = '\0';
        if (!read_line(ret, line, value)) {
            fprintf(stderr, "leasehold-sim: %s:%d: %.40s %.80s: no such line, or not a value of it; see tests/scenario/README.md\n", path,
                    number, line, value);
            fclose(file);
            return -1;
        }
    }
    fclose(file);
    return 0;
}

void replay_write(FILE *to, const struct replay *r, const char *why)
{
    const char *comma = "";
    fprintf(to, "# %s\nseed %llu\ndepth %s\n", why, (unsigned long long)r->seed, r->fleet ? "service" : r->menu.bytes ? "store" : "values");
    if (r->fleet)
        fprintf(to, "lock %s\n", r->menu.lock == MENU_LOCK_LEASE ? "lease" : "configmap");
    if (r->menu.shared)
        fputs("shared yes\n", to);
    fputs("menu ", to);
    for (int i = 0; i < MENU_ITEMS; i++)
        if (r->menu.has[i]) {
            fprintf(to, "%s%s", comma, menu_item_name((enum menu_item)i));
            comma = ",";
        }
    fprintf(to, "\ncandidates %d\nspan %.9f\n", r->menu.candidates, (double)r->menu.time_ns / 1e9);
    if (!r->some)
        return;
    fputs("faults ", to);
    comma = "";
    for (uint32_t i = 0; i < REPLAY_FAULTS_MAX; i++)
        if (r->kept[i]) {
            fprintf(to, "%s%u", comma, i);
            comma = ",";
        }
    fputc('\n', to);
}
