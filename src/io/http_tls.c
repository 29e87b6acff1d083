#include "io/http_tls.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "leasehold/errors.h"

/* CURLOPT_SSLCERT_BLOB and SSLKEY_BLOB came with 7.71, CURLOPT_CAINFO_BLOB with 7.77. */
#define HTTP_TLS_HAS_BLOBS (LIBCURL_VERSION_NUM >= 0x074d00)

static int http_tls_memfd(const struct kube_bytes *bytes, int *ret_fd)
{
    if (bytes->data == NULL)
        return 0;
    int fd = memfd_create("leasehold-certificate", MFD_CLOEXEC);
    if (fd < 0)
        return LEASEHOLD_ERR_SYSTEM;
    for (size_t done = 0; done < bytes->size;) {
        ssize_t n = write(fd, bytes->data + done, bytes->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return LEASEHOLD_ERR_SYSTEM;
        }
        done += (size_t)n;
    }
    *ret_fd = fd;
    return 0;
}

/* True for a folder with names like "3513523f.0", by which OpenSSL finds a certificate when it needs it. */
static bool http_tls_folder_is_hashed(const char *path)
{
    DIR *folder = path != NULL ? opendir(path) : NULL;
    if (folder == NULL)
        return false;
    bool hashed = false;
    struct dirent *entry;
    while (!hashed && (entry = readdir(folder)) != NULL)
        hashed = strspn(entry->d_name, "0123456789abcdef") == 8 && strcmp(entry->d_name + 8, ".0") == 0;
    closedir(folder);
    return hashed;
}

/* The machine's own store as a folder, where libcurl knows one that can be used alone. */
static bool http_tls_has_folder(void)
{
#if LIBCURL_VERSION_NUM >= 0x074600
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    return info->age >= CURLVERSION_SEVENTH && http_tls_folder_is_hashed(info->capath);
#else
    return false;
#endif
}

int http_tls_open(struct http_transport *transport)
{
    transport->store_is_folder = http_tls_has_folder();
    transport->by_files = transport->by_files || !HTTP_TLS_HAS_BLOBS;
    if (!transport->by_files)
        return 0;
    int error = http_tls_memfd(&transport->config->ca, &transport->ca_fd);
    if (error == 0)
        error = http_tls_memfd(&transport->config->client_certificate, &transport->certificate_fd);
    if (error == 0)
        error = http_tls_memfd(&transport->config->client_key, &transport->key_fd);
    return error;
}

static void http_tls_close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void http_tls_close(struct http_transport *transport)
{
    http_tls_close_one(&transport->ca_fd);
    http_tls_close_one(&transport->certificate_fd);
    http_tls_close_one(&transport->key_fd);
}

int http_tls_replace(struct http_transport *transport, const struct kube_bytes *certificate, const struct kube_bytes *key)
{
    int certificate_fd = -1, key_fd = -1;
    if (!transport->by_files)
        return 0;
    int error = http_tls_memfd(certificate, &certificate_fd);
    if (error == 0)
        error = http_tls_memfd(key, &key_fd);
    if (error != 0) {
        http_tls_close_one(&certificate_fd);
        return error;
    }
    /* The new ones were opened before these are closed: by their names libcurl tells old connections from new ones. */
    http_tls_close_one(&transport->certificate_fd);
    http_tls_close_one(&transport->key_fd);
    transport->certificate_fd = certificate_fd;
    transport->key_fd = key_fd;
    return 0;
}

static CURLcode http_tls_set_file(CURL *easy, CURLoption option, int fd)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return curl_easy_setopt(easy, option, path); /* copied */
}

/* One certificate or key, from memory or from its file. */
static CURLcode http_tls_set_one(struct transport_call *call, const struct kube_bytes *bytes, CURLoption blob_option,
                                 CURLoption file_option, int fd)
{
    const struct kube_config *config = call->transport->config;
    if (bytes->data == NULL)
        return CURLE_OK;
#if HTTP_TLS_HAS_BLOBS
    if (!call->transport->by_files) {
        /* The configuration outlives the call; a plugin's next answer does not wait for it. */
        bool stays = bytes == &config->ca || bytes == &config->client_certificate || bytes == &config->client_key;
        struct curl_blob blob = { bytes->data, bytes->size, stays ? CURL_BLOB_NOCOPY : CURL_BLOB_COPY };
        return curl_easy_setopt(call->easy, blob_option, &blob);
    }
#else
    (void)blob_option, (void)config;
#endif
    return http_tls_set_file(call->easy, file_option, fd);
}

#if HTTP_TLS_HAS_BLOBS
#define HTTP_TLS_BLOB(option) option
#else
#define HTTP_TLS_BLOB(option) CURLOPT_LASTENTRY
#endif

CURLcode http_tls_set(struct transport_call *call)
{
    const struct http_transport *transport = call->transport;
    const struct kube_config *config = transport->config;
    CURL *easy = call->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure_skip_tls_verify ? 0L : 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure_skip_tls_verify ? 0L : 2L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* Debian's libcurl trusts the machine's own store beside whatever is given, unless it is told to forget it; and it reads the
     * store, some hundred certificates and 40 ms for each connection, even where nothing is verified. Alone, the folder is read
     * by need, and the file once for all connections (since 7.87). */
    bool own = config->ca.data != NULL || config->insecure_skip_tls_verify;
    if (code == CURLE_OK && (own || !transport->store_is_folder))
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK && (own || transport->store_is_folder))
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    if (code == CURLE_OK)
        code = http_tls_set_one(call, &config->ca, HTTP_TLS_BLOB(CURLOPT_CAINFO_BLOB), CURLOPT_CAINFO, transport->ca_fd);
    const struct kube_exec_answer *answer = http_exec_answer(transport);
    bool by_plugin = answer != NULL && answer->certificate.data != NULL;
    if (code == CURLE_OK)
        code = http_tls_set_one(call, by_plugin ? &answer->certificate : &config->client_certificate, HTTP_TLS_BLOB(CURLOPT_SSLCERT_BLOB),
                                CURLOPT_SSLCERT, transport->certificate_fd);
    if (code == CURLE_OK)
        code = http_tls_set_one(call, by_plugin ? &answer->key : &config->client_key, HTTP_TLS_BLOB(CURLOPT_SSLKEY_BLOB), CURLOPT_SSLKEY,
                                transport->key_fd);
    if (code == CURLE_OK) /* without one, an encrypted key given as a blob crashes libcurl 7.88 */
        code = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, config->key_passphrase != NULL ? config->key_passphrase : "");
    if (code == CURLE_OK && transport->tell_certificate)
        code = curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    return code;
}

int64_t http_tls_certificate_us(struct transport_call *call)
{
    static const char name[] = "Expire date:";
    struct curl_certinfo *chain = NULL;
    if (!call->transport->tell_certificate || curl_easy_getinfo(call->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
        chain->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *line = chain->certinfo[0]; line != NULL; line = line->next) {
        time_t at = strncmp(line->data, name, sizeof(name) - 1) == 0 ? curl_getdate(line->data + sizeof(name) - 1, NULL) : -1;
        if (at > 0)
            return (int64_t)at * 1000000;
    }
    return 0;
}
