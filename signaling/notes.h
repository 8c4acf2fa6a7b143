/* Brings a journal's lines onto the tape of its hearing: in order, and again until each is on disk
 * there. The recorder leaves out what it has, so beginning anew costs time only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_NOTES_H
#define SIGNALING_NOTES_H

#include "signaling/journal.h"
#include "signaling/media.h"

/* Lines said to the recorder and not yet answered as being on disk, of one hearing: a long journal
 * goes by such pieces, so that neither socket nor loop is taken up. Ours. */
#define NOTES_WINDOW 128

struct notes {
    uint64_t said;     /* since the last beginning: also the number of the last one */
    uint64_t answered; /* of those said, up to this one */
    uint64_t sure;     /* lines up to this one are on the tape */
    uint64_t offset;   /* in the journal's file, of the next line to say */
    uint64_t retry_us; /* monotonic; nothing is said before */
    bool given_up;     /* the tape takes no more: it is being sealed, or the journal was damaged */
};

/* The tape is there (again): every line is said, from the first. */
void notes_begin(struct notes *notes);

/* Says what may be said now. `ticket` is of the answers: its `stream` is the line's number. */
void notes_say(struct notes *notes, const struct journal *journal, struct media *recorder,
               const struct media_ticket *ticket, uint64_t now_us);

/* The recorder's answer to line `seq`; notes_say() is to follow. */
void notes_answered(struct notes *notes, uint64_t seq, int status, uint64_t now_us);

/* The tape takes no more lines: it counts as having them all. */
void notes_give_up(struct notes *notes);

/* Whether every line we know of is on the tape, or there is nothing more to wait for. */
bool notes_are_sure(const struct notes *notes, const struct journal *journal);

#endif
