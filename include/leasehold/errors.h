/* The error codes of the library; leasehold_strerror() has a sentence for each. Values are only appended. */
#ifndef LEASEHOLD_ERRORS_H
#define LEASEHOLD_ERRORS_H

enum {
    LEASEHOLD_ERR_MEMORY = -1,      /* out of memory */
    LEASEHOLD_ERR_ARGUMENT = -2,    /* an argument is NULL, empty, too long or out of range */
    LEASEHOLD_ERR_OPTION = -3,      /* no option of that name, or a value it does not take */
    LEASEHOLD_ERR_SETTINGS = -4,    /* the settings contradict each other */
    LEASEHOLD_ERR_STATE = -5,       /* not possible in this state: closed, not leading, already started */
    LEASEHOLD_ERR_FORKED = -6,      /* the handle belongs to the process that forked this one */
    LEASEHOLD_ERR_CONFIG = -7,      /* kubeconfig or service account cannot be used */
    LEASEHOLD_ERR_SYSTEM = -8,      /* the operating system refused: errno is set */
    LEASEHOLD_ERR_LIMIT = -9,       /* a limit of the library is reached */
    LEASEHOLD_ERR_PROTOCOL = -10,   /* the server answered what Kubernetes does not answer */
    LEASEHOLD_ERR_SERVER = -11,     /* the server refused, or cannot be reached */
    LEASEHOLD_ERR_TIMEOUT = -12,    /* not within the time given */
    LEASEHOLD_ERR_UNSUPPORTED = -13 /* this build or this server cannot do it */
};

#endif
