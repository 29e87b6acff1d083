#include <stdlib.h>
#include <string.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

/* 0 to 63, or -1. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int kube_base64_decode(const char *text, size_t size, struct kube_bytes *ret)
{
    unsigned char *data = malloc(size / 4 * 3 + 4);
    if (data == NULL)
        return LEASEHOLD_ERR_MEMORY;
    size_t used = 0, digits = 0, padding = 0;
    unsigned bits = 0;
    bool good = true;
    for (size_t i = 0; i < size && good; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        int value = base64_value(c);
        if (c == '=' && digits % 4 + padding >= 2 && padding < 2 && digits % 4 != 0) {
            padding++;
        } else if (value >= 0 && padding == 0) {
            bits = bits << 6 | (unsigned)value;
            digits++;
            if (digits % 4 != 1)
                data[used++] = (unsigned char)(bits >> (6 - 2 * ((digits - 1) % 4)) & 0xff);
        } else {
            good = false;
        }
    }
    if (!good || (digits + padding) % 4 != 0) {
        explicit_bzero(data, used);
        free(data);
        return LEASEHOLD_ERR_ARGUMENT;
    }
    data[used] = '\0';
    *ret = (struct kube_bytes){ data, used };
    return 0;
}

char *kube_base64_encode(const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    char *text = malloc((size + 2) / 3 * 4 + 1), *end = text;
    for (size_t i = 0; text != NULL && i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        *end++ = digits[bits >> 18];
        *end++ = digits[bits >> 12 & 63];
        *end++ = digits[left > 1 ? bits >> 6 & 63 : 64];
        *end++ = digits[left > 2 ? bits & 63 : 64];
    }
    if (text != NULL)
        *end = '\0';
    return text;
}
