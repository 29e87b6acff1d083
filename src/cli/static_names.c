/* In the static leasehold alone: how names of hosts are looked up.
 *
 * A static program that follows /etc/nsswitch.conf loads the modules that it names, which are made for the libc of the machine and not
 * for ours. What is in our libc is enough: /etc/hosts, then the name servers of /etc/resolv.conf. */
#include <nss.h>

__attribute__((constructor)) static void use_our_own_names(void)
{
    (void)__nss_configure_lookup("hosts", "files dns"); /* refused only where libc does not know the words */
}
