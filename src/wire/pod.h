/* Pods: from JSON to what a member is made of, lists of them, and the paths of the requests that list and watch them.
 *
 * Here: bytes to values and back. Not here: who is a member (src/membership), when to ask (src/service). */
#ifndef LEASEHOLD_WIRE_POD_H
#define LEASEHOLD_WIRE_POD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "membership/member.h"

enum {
    POD_LIST_SIZE_MAX = 64 << 20, /* bytes of one answer, from a server that does not know of pages */
    POD_PAGE = 250,               /* Pods asked for at once: parsing a page must not hold up a renewal */
    POD_CONTINUE_MAX = 4096,      /* bytes of a continue token */
    POD_PATH_MAX = 16384,
};

/* Reads a Pod; its strings are borrowed from the object. Items of a list may lack kind and apiVersion. What is missing, of another
 * type or too long to be true is as if it were not there, but name, uid and resourceVersion must be. Returns 0, or
 * LEASEHOLD_ERR_PROTOCOL; *ret is untouched then. */
int pod_read(const json_t *object, struct pod *ret);

struct pod_list {
    json_t *json;     /* owned */
    size_t count;     /* of items */
    uint64_t version; /* of the list: watch from here */
    const char *next; /* the continue token, borrowed; "": this was the last page */
};

/* Parses one page. Returns 0 and *ret (pod_list_clear), LEASEHOLD_ERR_PROTOCOL when it is no list of Pods, LEASEHOLD_ERR_LIMIT above
 * POD_LIST_SIZE_MAX or for a token above POD_CONTINUE_MAX, or LEASEHOLD_ERR_MEMORY. */
int pod_list_parse(const char *bytes, size_t size, struct pod_list *ret);
const json_t *pod_list_item(const struct pod_list *list, size_t index);
void pod_list_clear(struct pod_list *list);

/* Paths as request.h makes them: the length, or LEASEHOLD_ERR_LIMIT. `selector` as in the setting, "": every Pod. */

/* /api/v1/namespaces/NS/pods?limit=…; `next` is the token of the page before, "" for the first one. */
int pod_list_path(const char *namespace_, const char *selector, const char *next, char *ret, size_t size);

/* The same, watched from a version on. */
int pod_watch_path(const char *namespace_, const char *selector, uint64_t version, char *ret, size_t size);

/* /api/v1/namespaces/NS/pods/NAME */
int pod_path(const char *namespace_, const char *name, char *ret, size_t size);

#endif
