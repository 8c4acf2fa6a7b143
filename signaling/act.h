/* How every action of a person begins: whether it may, then the journal's line.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ACT_H
#define SIGNALING_ACT_H

#include "signaling/court.h"

/* Whether the page's person may do this to `target` (0: nobody). False after telling the page. */
bool act_may(struct page *page, int32_t request, enum access_action action, uint64_t target);

/* Tells the page why not: `error` as hearing_check()'s. */
void act_refuse(struct page *page, int32_t request, int error);

/* Writes the line of what is about to happen, by the page's person. False after telling the page.
 */
bool act_write(struct page *page, int32_t request, struct journal_entry entry);

#endif
