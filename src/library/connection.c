#include "library/connection.h"

#include <stdlib.h>

static const char *environment(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

struct kube_options connection_options(const leasehold_options *o)
{
    return (struct kube_options){
        .kubeconfig = options_value(o, SETTING_KUBECONFIG),
        .context = options_value(o, SETTING_CONTEXT),
        .plugins = (enum kube_plugins)setting_number(&settings_table[SETTING_EXEC_PLUGINS], options_value(o, SETTING_EXEC_PLUGINS)),
        .environment = environment,
        .overrides = {
            .cluster = options_value(o, SETTING_CLUSTER),
            .user = options_value(o, SETTING_USER),
            .server = options_value(o, SETTING_SERVER),
            .tls_server_name = options_value(o, SETTING_TLS_SERVER_NAME),
            .insecure_skip_tls_verify = options_value(o, SETTING_INSECURE_SKIP_TLS_VERIFY),
            .ca_file = options_value(o, SETTING_CERTIFICATE_AUTHORITY),
            .ca_data = options_value(o, SETTING_CERTIFICATE_AUTHORITY_DATA),
            .certificate_file = options_value(o, SETTING_CLIENT_CERTIFICATE),
            .certificate_data = options_value(o, SETTING_CLIENT_CERTIFICATE_DATA),
            .key_file = options_value(o, SETTING_CLIENT_KEY),
            .key_data = options_value(o, SETTING_CLIENT_KEY_DATA),
            .key_passphrase = options_value(o, SETTING_CLIENT_KEY_PASSPHRASE),
            .token = options_value(o, SETTING_TOKEN),
            .token_file = options_value(o, SETTING_TOKEN_FILE),
            .username = options_value(o, SETTING_USERNAME),
            .password = options_value(o, SETTING_PASSWORD),
        },
    };
}
