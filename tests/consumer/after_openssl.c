/* OpenSSL defines macros that begin with lh_; nothing of ours may. Compiled as C11 and as C++17. */
#include <openssl/ssl.h>
#include <leasehold/leasehold.h>
#include <leasehold/testing.h>

int main(void)
{
    return leasehold_version() == LEASEHOLD_VERSION_NUMBER ? 0 : 1;
}
