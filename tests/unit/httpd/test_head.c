/* The head of a request: request line, headers, and how the body is told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/httpd.h"

static enum httpd_head_outcome parse(const char *text, struct httpd_head *head)
{
    static char copy[8192];
    snprintf(copy, sizeof copy, "%s", text);
    return httpd_head_parse(copy, head);
}

static void heads(void **state)
{
    static struct httpd_head head;
    (void)state;
    assert_int_equal(parse("GET /a?b=c HTTP/1.1\r\nHost:  x \r\nX-Y:", &head), HTTPD_HEAD_OK);
    assert_string_equal(head.method, "GET");
    assert_string_equal(head.target, "/a?b=c");
    assert_int_equal(head.header_count, 2);
    assert_string_equal(head.headers[0].value, "x");
    assert_string_equal(head.headers[1].value, "");
    assert_false(head.http10);
    assert_int_equal(parse("GET http://h:1/p HTTP/1.0", &head), HTTPD_HEAD_OK);
    assert_string_equal(head.target, "/p");
    assert_true(head.http10);
    assert_int_equal(parse("GET / HTTP/3", &head), HTTPD_HEAD_VERSION);
    static const char *const bad[] = { "",
                                       "GET",
                                       "GET /",
                                       "GET  / HTTP/1.1",
                                       "G@T / HTTP/1.1",
                                       "GET x HTTP/1.1",
                                       "GET http://h HTTP/1.1",
                                       "GET / HTTP/1.1\r\nno colon",
                                       "GET / HTTP/1.1\r\nA: b\r\n folded",
                                       "GET / HTTP/1.1\r\n: empty",
                                       "GET / HTTP/1.1\r\nA : b",
                                       "GET / HTTP/1.1\r\nA: b\nC: d" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(bad[i], &head) != HTTPD_HEAD_BAD)
            fail_msg("accepted: %s", bad[i]);
}

static void header_lines_are_limited(void **state)
{
    static struct httpd_head head;
    char text[4096] = "GET / HTTP/1.1";
    (void)state;
    for (int i = 0; i < HTTPD_HEADERS_MAX; i++)
        strcat(text, "\r\nA: b");
    assert_int_equal(parse(text, &head), HTTPD_HEAD_OK);
    strcat(text, "\r\nA: b");
    assert_int_equal(parse(text, &head), HTTPD_HEAD_TOO_MANY);
}

static enum httpd_framing framing(const char *headers, size_t *ret_length)
{
    static struct httpd_head head;
    char text[512];
    snprintf(text, sizeof text, "PUT / HTTP/1.1%s", headers);
    assert_int_equal(parse(text, &head), HTTPD_HEAD_OK);
    return httpd_head_framing(&head, ret_length);
}

static void bodies_are_framed(void **state)
{
    size_t length;
    (void)state;
    assert_int_equal(framing("", &length), HTTPD_FRAMING_NONE);
    assert_int_equal(framing("\r\ncontent-length: 12", &length), HTTPD_FRAMING_LENGTH);
    assert_int_equal(length, 12);
    assert_int_equal(framing("\r\nContent-Length: 99999999999999999999", &length), HTTPD_FRAMING_LENGTH);
    assert_true(length == SIZE_MAX);
    assert_int_equal(framing("\r\nTransfer-Encoding: Chunked", &length), HTTPD_FRAMING_CHUNKED);
    assert_int_equal(framing("\r\nTransfer-Encoding: gzip, chunked", &length), HTTPD_FRAMING_BAD);
    assert_int_equal(framing("\r\nTransfer-Encoding: chunked\r\nContent-Length: 1", &length), HTTPD_FRAMING_BAD);
    assert_int_equal(framing("\r\nContent-Length: 1\r\nContent-Length: 1", &length), HTTPD_FRAMING_BAD);
    assert_int_equal(framing("\r\nContent-Length: +1", &length), HTTPD_FRAMING_BAD);
    assert_int_equal(framing("\r\nContent-Length:", &length), HTTPD_FRAMING_BAD);
    assert_true(httpd_has_token("Keep-Alive , close", "close"));
    assert_false(httpd_has_token("closed", "close"));
    assert_false(httpd_has_token(NULL, "close"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(header_lines_are_limited),
        cmocka_unit_test(bodies_are_framed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
