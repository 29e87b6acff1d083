#include <leasehold/cluster.h>
#include <leasehold/leasehold.h>
#include <leasehold/testing.h>

#include <string>

int main()
{
    leasehold_options *o = leasehold_options_new();
    std::string name = "lease-duration";
    bool good = leasehold_options_set(o, name.c_str(), "15") == LEASEHOLD_ERR_OPTION && leasehold_options_error(o)[0] != '\0';
    leasehold_term term{};
    term.size = sizeof term;
    good = good && leasehold_group_term(nullptr, &term) == LEASEHOLD_ERR_ARGUMENT && !leasehold_group_is_leading(nullptr);
    leasehold_listener listener{};
    listener.size = sizeof listener;
    good = good && leasehold_view_add_listener(nullptr, &listener, nullptr, nullptr) == LEASEHOLD_ERR_ARGUMENT &&
           !leasehold_view_is_leading(nullptr);
    leasehold_options_unref(o);
    return good ? 0 : 1;
}
