/* A journal entry for tests, in which every field stands.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIGNALING_ENTRY_H
#define TESTS_SIGNALING_ENTRY_H

#include "signaling/journal.h"

#define ENTRY_US (1800000000ull * 1000000)

static const struct journal_entry entry_full = {
    .person = 1,
    .by = 2,
    .invitation = 3,
    .stream = 4,
    .bytes = 5,
    .since_us = ENTRY_US,
    .until_us = ENTRY_US,
    .scheduled_us = ENTRY_US,
    .role = CONTROL_ROLE_WITNESS,
    .source = CONTROL_SOURCE_CAMERA,
    .room = TERMS_ROOM_COURTROOM,
    .number = 7,
    .from = 6,
    .kinds = 1 << CONTROL_VIDEO,
    .form = TERMS_OATH_OATH,
    .language = TERMS_LANGUAGE_EN,
    .ruling = TERMS_RULING_OVERRULED,
    .cause = JOURNAL_CAUSE_NETWORK,
    .reason = JOURNAL_REASON_DISK_FULL,
    .process = JOURNAL_PROCESS_SFU,
    .name = "n",
    .case_number = "c",
    .title = "t",
    .court = "k",
    .words = "w",
    .sha256 = (const uint8_t *)"0123456789abcdef0123456789abcdef",
};

#endif
