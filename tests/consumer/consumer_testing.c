#include <leasehold/testing.h>

int main(void)
{
    leasehold_service *s = 0;
    leasehold_group *g = 0;
    int good = leasehold_service_open(&s, 0) == 0 && leasehold_group_open(&g, s, "g", LEASEHOLD_CANDIDATE, 0) == 0 &&
               leasehold_testing_make_leader(g) == 0 && leasehold_group_is_leading(g);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
    return good ? 0 : 1;
}
