/* One line of a journal: written from an entry, read back as far as the chain needs
 * (docs/journal.md is its description for strangers). Pure; journal.c keeps the file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_JOURNAL_LINE_H
#define SIGNALING_JOURNAL_LINE_H

#include "signaling/journal.h"

/* Where a line stands in its chain. */
struct journal_place {
    uint64_t hearing;
    uint64_t seq; /* from 1 */
    uint64_t at_us;
    uint8_t prev[DIGEST_LEN]; /* hash of the line before; zeros for the first */
};

/* Writes the line without newline. -EINVAL when a required field is missing or out of range, text
 * is not UTF-8 or the line does not fit `capacity`; -ENOMEM. */
int journal_line_write(const struct journal_entry *entry, const struct journal_place *place,
                       char *buffer, size_t capacity, size_t *ret_len,
                       uint8_t ret_hash[static DIGEST_LEN]);

/* What the chain and the summary need of a line. */
struct journal_line {
    uint64_t seq;
    uint64_t at_us;
    enum journal_event event;
    uint64_t person; /* 0: the event names none */
    /* Of events without a name; 0 where they have no such member. */
    enum terms_room room;
    uint32_t number;
    uint64_t from;
    uint8_t kinds;
    enum terms_oath form;
    enum terms_ruling ruling;
    const char *name; /* as it stands in the line, in which it lies, with its escapes */
    size_t name_len;
    enum control_role role;
    uint64_t stream;
    enum control_source source;
    uint64_t by;
    uint8_t prev[DIGEST_LEN];
    uint8_t hash[DIGEST_LEN];
};

/* Reads a line without newline. -EBADMSG when it has not our form, -EILSEQ when its hash is not
 * that of its text, -ENOMEM. */
int journal_line_read(const char *line, size_t len, struct journal_line *ret_line);

#endif
