/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/page.h"

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"

void page_send(struct page *page, struct jsontext *t)
{
    size_t len = 0;
    char *text = jsontext_take(t, &len);
    if (!text) {
        log_error("page %016llx: no memory for a message, dropping the page",
                  (unsigned long long)page->serial);
        ws_close(page->connection, 1011, "out of memory");
        return;
    }
    (void)ws_send(page->connection, text, len); /* a page too slow is dropped there */
    free(text);
}

void page_error(struct page *page, int32_t id, enum message_error error, const char *detail)
{
    struct jsontext t = {0};
    reply_error(&t, id, error, detail);
    page_send(page, &t);
}

void page_ok(struct page *page, int32_t id)
{
    struct jsontext t = {0};
    reply_ok(&t, id);
    page_send(page, &t);
}

enum message_error page_error_of(int error)
{
    switch (-error) {
    case EPERM:
    case EACCES:
        return MESSAGE_NOT_ALLOWED;
    case ESTALE:
        return MESSAGE_WRONG_STATE;
    case ENOTCONN:
        return MESSAGE_NOT_JOINED;
    case ENOENT:
        return MESSAGE_NOT_FOUND;
    case EEXIST:
    case ENOSPC:
    case ENOBUFS:
        return MESSAGE_FULL;
    case EINVAL:
    case EPROTONOSUPPORT:
        return MESSAGE_UNSUPPORTED_MEDIA;
    default:
        return MESSAGE_INTERNAL;
    }
}
