/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/notes.h"

#include <errno.h>
#include <inttypes.h>

#include "common/log.h"

/* After a line that the recorder did not take. Ours. */
#define RETRY_US 1000000ull

void notes_begin(struct notes *n)
{
    *n = (struct notes){0};
}

void notes_give_up(struct notes *n)
{
    n->given_up = true;
}

/* Says one line. It is answered when it is on disk if it is the last for now: the tape takes none
 * before the ones before it. */
static int say_line(struct notes *n, const struct journal *journal, struct media *recorder,
                    const struct media_ticket *ticket)
{
    char text[LIMIT_NOTE_BYTES + 1];
    size_t len = 0;
    uint64_t at_us = 0;
    int r = journal_read(journal, n->offset, text, &len, &at_us);
    if (r < 0)
        return r;
    struct control_message message = {
        .type = CONTROL_TAPE_NOTE,
        .tape_note = {.hearing = ticket->hearing,
                      .wall_us = at_us,
                      .text_len = (uint16_t)len,
                      .text = (const uint8_t *)text},
    };
    struct media_ticket mine = *ticket;
    mine.stream = n->said + 1;
    bool is_last =
        mine.stream == journal_summary(journal).lines || mine.stream == n->answered + NOTES_WINDOW;
    r = is_last ? media_ask(recorder, &message, -1, &mine) : media_tell(recorder, &message, -1);
    if (r < 0)
        return r;
    n->said++;
    n->offset += len + 1;
    return 0;
}

/* Says all of it once more, a little later. */
static void begin_later(struct notes *n, uint64_t now_us)
{
    n->said = n->answered = n->offset = 0;
    n->retry_us = now_us + RETRY_US;
}

void notes_say(struct notes *n, const struct journal *journal, struct media *recorder,
               const struct media_ticket *ticket, uint64_t now_us)
{
    if (n->given_up || now_us < n->retry_us)
        return;
    uint64_t lines = journal_summary(journal).lines;
    int r = 0;
    while (r == 0 && n->said < lines && n->said < n->answered + NOTES_WINDOW)
        r = say_line(n, journal, recorder, ticket);
    if (r == -EBADMSG) {
        log_error("hearing %016" PRIx64 ": line %" PRIu64 " of its journal was damaged, the tape "
                  "gets no more of them",
                  ticket->hearing, n->said + 1);
        n->given_up = true;
    } else if (r < 0) {
        begin_later(n, now_us);
    }
}

void notes_answered(struct notes *n, uint64_t seq, int status, uint64_t now_us)
{
    if (status == -EROFS) {
        n->given_up = true;
    } else if (status < 0) {
        begin_later(n, now_us);
    } else {
        n->retry_us = 0;
        n->sure = seq > n->sure ? seq : n->sure;
        n->answered = seq < n->said ? seq : n->said; /* it may be of before we began again */
    }
}

bool notes_are_sure(const struct notes *n, const struct journal *journal)
{
    return n->given_up || n->sure >= journal_summary(journal).lines;
}
