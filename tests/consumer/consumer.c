#include <leasehold/leasehold.h>
#include <stdio.h>
#include <string.h>

/* Names that the library uses inside, too: a static library must not meet them. */
int object_parse(void);
int object_parse(void)
{
    return 42;
}
int service_new = 7;
int loop_new = 8;
int election_step = 9;

int main(void)
{
    leasehold_options *o = leasehold_options_new();
    leasehold_service *s = NULL;
    leasehold_options_set(o, "kubeconfig", "/nowhere/at/all");
    int result = leasehold_service_open(&s, o);
    printf("%x %s\n", (unsigned)leasehold_version(), leasehold_options_error(o));
    int good = result == LEASEHOLD_ERR_CONFIG && strstr(leasehold_options_error(o), "/nowhere/at/all") && !s &&
               leasehold_version() == LEASEHOLD_VERSION_NUMBER && object_parse() == 42 && service_new + loop_new + election_step == 24;
    leasehold_options_unref(o);
    return good ? 0 : 1;
}
