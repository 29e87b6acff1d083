/* Runs a fuzz target without a fuzzer: replay FILE|FOLDER...
 *
 * Each input as it is, each of its beginnings, and each with one byte changed to something that means something in JSON, times or
 * durations: what a search finds first is so found with any compiler. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum {
    INPUT_MAX = 1 << 20,   /* a larger file is no seed */
    CHANGED_MAX = 2048,    /* bytes of an input that are changed */
    RUNS_PER_INPUT = 2000, /* about; a short input is changed in more ways */
};

static size_t inputs, runs;

static void run(const uint8_t *data, size_t size)
{
    /* At its very end in memory, so that a read beyond is seen. */
    uint8_t *copy = malloc(size ? size : 1);
    MUST(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static void run_around(uint8_t *data, size_t size)
{
    static const uint8_t bytes[] = { 0, 0x80, 0xff, '"', '\\', '{', '}', '[', ',', '0', '9', '-', '.', ' ', '\n', 'Z', 'n' };
    size_t most = size < CHANGED_MAX ? size : CHANGED_MAX, ways = RUNS_PER_INPUT / (most + 1);
    ways = ways < 1 ? 1 : ways > sizeof bytes ? sizeof bytes : ways;
    inputs++;
    run(data, size);
    for (size_t i = 0; i < most; i++) {
        uint8_t before = data[i];
        if (ways > 1 || i % 2)
            run(data, i);
        for (size_t way = 0; way < ways; way++) {
            data[i] = bytes[(i + way) % sizeof bytes];
            run(data, size);
        }
        data[i] = before;
    }
}

static void run_file(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *file = fopen(path, "rb");
    MUST(data && file);
    size_t size = fread(data, 1, INPUT_MAX, file);
    MUST(size < INPUT_MAX);
    fclose(file);
    run_around(data, size);
    free(data);
}

static void run_folder(const char *path)
{
    char name[4096];
    DIR *folder = opendir(path);
    MUST(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        MUST((size_t)snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < sizeof name);
        run_file(name);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat about;
        MUST(stat(argv[i], &about) == 0);
        if (S_ISDIR(about.st_mode))
            run_folder(argv[i]);
        else
            run_file(argv[i]);
    }
    printf("%zu inputs, %zu runs\n", inputs, runs);
    return inputs > 0 ? 0 : 1;
}
