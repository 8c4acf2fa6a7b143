/* The commands of assize-admin, each whole: from the options to what is printed.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ADMIN_COMMANDS_H
#define SIGNALING_ADMIN_COMMANDS_H

#include "signaling/invite.h"

/* The command line, read. Strings are borrowed from it. */
struct admin_options {
    const char *data_dir;
    const char *base_url; /* without '/' at the end, never NULL */
    const char *case_number;
    const char *title;
    const char *court;
    const char *argument;  /* an id or a file, or NULL */
    uint64_t scheduled_us; /* 0: now */
    uint64_t days;         /* how long links are good; 0: the command's own default */
    bool json;
    bool renew;
    bool all;
    bool consent; /* the hearing needs every party's */
    bool objection_holds;
    bool vp9; /* the hearing's cameras send it, where the browser can */
    size_t guest_count;
    struct invite_guest guests[LIMIT_PEOPLE_PER_HEARING];
};

/* Each returns the program's exit status: 0, or 1 after saying on stderr what failed and what to
 * do. `now_us` is wall time. */
int admin_hearing_create(const struct admin_options *options, uint64_t now_us);
int admin_hearing_list(const struct admin_options *options, uint64_t now_us);
int admin_hearing_links(const struct admin_options *options, uint64_t now_us);
int admin_invitation_revoke(const struct admin_options *options, uint64_t now_us);
int admin_records_pass_create(const struct admin_options *options, uint64_t now_us);
int admin_records_pass_list(const struct admin_options *options, uint64_t now_us);
int admin_journal_verify(const struct admin_options *options, uint64_t now_us);
int admin_journal_sent(const struct admin_options *options, uint64_t now_us);
int admin_demo(const struct admin_options *options, uint64_t now_us);

/* Says on stderr what went wrong while doing `what`, and what to do about it. Returns 1. */
int admin_fail(const struct admin_options *options, const char *what, int error);

#endif
