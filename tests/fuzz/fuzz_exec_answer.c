/* What an exec plugin printed: any bytes are read or refused, with a reason of one line; what is read can be presented. */
#include "fuzz.h"
#include "kube/exec.h"
#include "kube/internal.h"
#include "leasehold/errors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const versions[] = { "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1" };
    char *text = fuzz_text(data, size);
    for (unsigned i = 0; i < 2; i++) {
        char reason[KUBE_EXEC_REASON_MAX] = "";
        struct kube_exec_answer answer = { 0 };
        int result = kube_exec_answer_parse(versions[i], text, size, &answer, reason);
        if (result != 0) {
            MUST(result == LEASEHOLD_ERR_PROTOCOL && reason[0] && strpbrk(reason, "\n\r\x1b") == NULL);
            MUST(!answer.token && !answer.certificate.data && !answer.key.data);
            continue;
        }
        MUST(reason[0] == 0 && (answer.token || answer.certificate.data));
        MUST(!answer.token || kube_token_good(answer.token));
        MUST(!answer.certificate.data == !answer.key.data);
        MUST(strstr(text, versions[i]) || strchr(text, '\\'));
        kube_exec_answer_clear(&answer);
        MUST(!answer.token && !answer.key.data);
    }
    free(text);
    return 0;
}
