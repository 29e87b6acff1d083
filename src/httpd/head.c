/* The head of a request, a NUL-ended text split in place, and what else of HTTP is only text. Pure. */
#include "httpd/httpd.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static bool is_token(const char *text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && strchr(marks, *text) == NULL)
            return false;
    return true;
}

static bool is_target(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 127)
            return false;
    return text[0] == '/';
}

/* "GET /path HTTP/1.1". */
static enum httpd_head_outcome parse_request_line(char *line, struct httpd_head *ret)
{
    char *target = strchr(line, ' ');
    if (target == NULL)
        return HTTPD_HEAD_BAD;
    *target++ = '\0';
    char *version = strchr(target, ' ');
    if (version == NULL)
        return HTTPD_HEAD_BAD;
    *version++ = '\0';
    /* The absolute form, as proxies are asked: the path counts. */
    if (strncasecmp(target, "http://", 7) == 0) {
        target = strchr(target + 7, '/');
        if (target == NULL)
            return HTTPD_HEAD_BAD;
    }
    if (!is_token(line) || !is_target(target))
        return HTTPD_HEAD_BAD;
    if (strcmp(version, "HTTP/1.0") == 0)
        ret->http10 = true;
    else if (strcmp(version, "HTTP/1.1") != 0)
        return strncmp(version, "HTTP/", 5) == 0 ? HTTPD_HEAD_VERSION : HTTPD_HEAD_BAD;
    ret->method = line;
    ret->target = target;
    return HTTPD_HEAD_OK;
}

static enum httpd_head_outcome parse_header(char *line, struct httpd_head *ret)
{
    char *value = strchr(line, ':');
    if (value == NULL)
        return HTTPD_HEAD_BAD;
    *value++ = '\0';
    if (!is_token(line)) /* also a folded line, which begins with a space */
        return HTTPD_HEAD_BAD;
    while (*value == ' ' || *value == '\t')
        value++;
    char *end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' && *p != '\t')
            return HTTPD_HEAD_BAD;
    if (ret->header_count == HTTPD_HEADERS_MAX)
        return HTTPD_HEAD_TOO_MANY;
    ret->headers[ret->header_count++] = (struct httpd_header){ line, value };
    return HTTPD_HEAD_OK;
}

enum httpd_head_outcome httpd_head_parse(char *text, struct httpd_head *ret)
{
    _Static_assert(HTTPD_HEADERS_MAX == sizeof ret->headers / sizeof ret->headers[0], "one limit, one size");
    bool first = true;

    ret->header_count = 0;
    ret->http10 = false;
    for (char *line = text; line != NULL;) {
        char *next = strstr(line, "\r\n");
        if (next != NULL) {
            *next = '\0';
            next += 2;
        }
        enum httpd_head_outcome outcome = first ? parse_request_line(line, ret) : parse_header(line, ret);
        if (outcome != HTTPD_HEAD_OK)
            return outcome;
        first = false;
        line = next;
    }
    return HTTPD_HEAD_OK;
}

static const char *find(const struct httpd_head *head, const char *name, size_t *ret_count)
{
    const char *value = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (strcasecmp(head->headers[i].name, name) == 0) {
            value = head->headers[i].value;
            (*ret_count)++;
        }
    }
    return value;
}

enum httpd_framing httpd_head_framing(const struct httpd_head *head, size_t *ret_length)
{
    size_t encodings, lengths, value = 0;
    const char *encoding = find(head, "Transfer-Encoding", &encodings);
    const char *length = find(head, "Content-Length", &lengths);

    *ret_length = 0;
    if (encodings > 0) /* both at once is how requests are smuggled */
        return encodings == 1 && lengths == 0 && strcasecmp(encoding, "chunked") == 0 ? HTTPD_FRAMING_CHUNKED : HTTPD_FRAMING_BAD;
    if (lengths == 0)
        return HTTPD_FRAMING_NONE;
    if (lengths > 1 || length[0] == '\0' || strspn(length, "0123456789") != strlen(length))
        return HTTPD_FRAMING_BAD;
    if (strlen(length) > 15) {
        value = SIZE_MAX;
    } else {
        for (const char *p = length; *p != '\0'; p++)
            value = value * 10 + (size_t)(*p - '0');
    }
    *ret_length = value;
    return HTTPD_FRAMING_LENGTH;
}

bool httpd_has_token(const char *value, const char *token)
{
    size_t length = strlen(token);
    while (value != NULL && *value != '\0') {
        value += strspn(value, " \t,");
        size_t size = strcspn(value, ",");
        size_t used = size;
        while (used > 0 && (value[used - 1] == ' ' || value[used - 1] == '\t'))
            used--;
        if (used == length && strncasecmp(value, token, length) == 0)
            return true;
        value += size;
    }
    return false;
}

const char *httpd_header_value(const struct httpd_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

const char *httpd_reason(int code)
{
    static const struct {
        int code;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 413, "Request Entity Too Large" },
        { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Entity" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "Unknown";
}
