/* The record of a hearing: its tape asked for, watched and sealed, and what the pages are told
 * about it. "On" is said only while the sound is safely on disk.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_RECORD_H
#define SIGNALING_RECORD_H

#include "signaling/court.h"

/* A durable mark older than this is no proof any more. */
#define RECORD_FRESH_US (3 * 1000000ull)

/* The hearing is open: wants a tape, unless it has one. */
void record_open(struct live *live);

/* The hearing is closed: media ends, then the tape is sealed and rendered. */
void record_close(struct live *live);

/* The recorder is there (again), or away. */
void record_on_connected(struct court *court);
void record_on_lost(struct court *court);

/* Answers: TAPE_READY with its ring, HEARING_OPEN with the ring, HEARING_CLOSE, TAPE_CLOSE and
 * TAPE_RENDER. */
void record_on_tape_ready(struct live *live, int status, int fd);
void record_on_ring_taken(struct live *live, int status);
void record_on_media_closed(struct live *live);
void record_on_sealed(struct live *live, int status);
void record_on_render_asked(struct live *live, int status);
/* Line `seq` of the journal is on the tape, or was not taken. */
void record_on_noted(struct live *live, uint64_t seq, int status);

/* Events of the recorder. */
void record_on_mark(struct live *live, const struct control_tape_mark *mark);
void record_on_render(struct live *live, const struct control_render_state *render);

/* Decides how the record stands and tells everybody when that changed. */
void record_evaluate(struct live *live);

/* Every WS_TICK_US. */
void record_tick(struct live *live);

/* Renders a sealed tape again. -ENOTCONN, -EBUSY while it is not sealed, -ENOENT. */
int record_render(struct court *court, uint64_t hearing);

/* Age of the oldest durable mark among hearings on record, us; 0 when none is. */
uint64_t record_mark_age(const struct court *court);

#endif
