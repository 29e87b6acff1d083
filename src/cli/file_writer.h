/* A small file that says how things are now. It is replaced as a whole: who reads it finds the old text or the new one, never a half.
 *
 * Here: a thread that writes the newest text, so that a disk that hangs keeps nobody else waiting. Not here: what the text says. */
#ifndef LEASEHOLD_CLI_FILE_WRITER_H
#define LEASEHOLD_CLI_FILE_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum { FILE_WRITER_SENTENCE_MAX = 512 };

struct file_writer;

/* Whether such a file can be written there; tries it, and leaves what is there as it is. Returns 0, or -1 with a sentence. */
int file_writer_check(const char *path, char sentence[FILE_WRITER_SENTENCE_MAX]);

/* Called on the thread, once, when a text could not be written. */
typedef void file_writer_complain_fn(const char *path, int error);

/* Starts the thread, with all signals blocked. `path` is copied. Returns 0 and *ret, or -1 with errno. */
int file_writer_open(const char *path, file_writer_complain_fn *complain, struct file_writer **ret);

/* Takes `text`, for free(3), to be the file's content. Never waits: of texts that come faster than the disk the newest counts. */
void file_writer_put(struct file_writer *w, char *text);

/* Waits until the last text is written, but no longer than this; a thread that hangs is left behind. Takes NULL, returns NULL. */
struct file_writer *file_writer_close(struct file_writer *w, int64_t patience_ns);

/* Writes all of it. Returns 0, or -1 with errno. */
int file_write_all(int fd, const char *text, size_t size);

#endif
