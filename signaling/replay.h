/* A hearing as it was at some moment, from its journal's lines alone: who was where, what each
 * published, and to whom the rules and the court's measures let it through. What a person's own
 * switch held back is no line of the journal; it shows on the tape.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_REPLAY_H
#define SIGNALING_REPLAY_H

#include "common/cleanup.h"
#include "signaling/hearing.h"

struct replay;

/* Reads the lines of `path` up to `at_us` (wall; UINT64_MAX: all). -EBADMSG when one is not ours or
 * was changed, -ENODATA when the first is later, -ENOMEM, or what the system says. That no line is
 * missing is journal_verify()'s to say. */
int replay_open(const char *path, uint64_t at_us, struct replay **ret_replay);
void replay_close(struct replay *replay);
DEFINE_CLEANUP(struct replay, replay_close)

/* As it was then; borrowed. People who had not come yet are not in it. */
const struct hearing *replay_hearing(const struct replay *replay);

/* When the last line that counts was written; wall. */
uint64_t replay_last_us(const struct replay *replay);

/* Whether `from` published this then, and it went to `to`. */
bool replay_is_sent(const struct replay *replay, const struct hearing_person *from,
                    const struct hearing_person *to, enum control_source source);

#endif
