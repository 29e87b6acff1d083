/* One request at a time to the API server, for commands that need no election: where the server is comes from the settings.
 *
 * Here: connection, request, answer. Not here: what is asked. */
#ifndef LEASEHOLD_CLI_API_H
#define LEASEHOLD_CLI_API_H

#include "cli/command.h"
#include "kube/config.h"
#include "service/transport.h"

struct api;

/* Finds the server; sends nothing yet. Returns 0 and *ret (api_close()), or -1 with a sentence. */
int api_open(const struct arguments *a, struct api **ret, char sentence[KUBE_SENTENCE_MAX]);
struct api *api_close(struct api *api);

/* The namespace of the settings, else of the kubeconfig or service account. Lives as long as the api. */
const char *api_namespace(const struct api *api);

/* Where the server is and who we are there. Lives as long as the api. */
const struct kube_config *api_config(const struct api *api);

struct api_answer {
    int status; /* of HTTP; 0: there is none, see sentence */
    char *body; /* NUL-terminated; NULL only where status is 0 */
    size_t size;
    char sentence[512]; /* why there is no answer */
    enum transport_stage stage;
    int64_t date_us;        /* the server's wall clock, cut to the second; 0: not known */
    int64_t certificate_us; /* when its certificate expires; 0: not known, as on a connection that was used before */
};

/* Asks, and waits for the answer at most this long. `body` NULL: none. *ret is for api_answer_clear(). */
void api_request(struct api *api, const char *method, const char *path, const char *content_type, const char *body, int64_t timeout_ns,
                 struct api_answer *ret);
void api_answer_clear(struct api_answer *answer);

#endif
