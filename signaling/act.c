/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/act.h"

#include <stdio.h>

void act_refuse(struct page *page, int32_t request, int error)
{
    char detail[96];
    (void)snprintf(detail, sizeof(detail), "a %s may not do this now",
                   terms_role_name(page->person->stored.role));
    page_error(page, request, page_error_of(error), detail);
}

bool act_may(struct page *page, int32_t request, enum access_action action, uint64_t target)
{
    int r = hearing_check(page->live->hearing, page->person, action, target);
    if (r < 0)
        act_refuse(page, request, r);
    return r == 0;
}

bool act_write(struct page *page, int32_t request, struct journal_entry entry)
{
    entry.by = page->person->stored.id;
    if (court_journal(page->live, &entry) == 0)
        return true;
    page_error(page, request, MESSAGE_INTERNAL, "the journal takes no line");
    return false;
}
