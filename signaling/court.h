/* The server's whole state: the hearings that live now, their journals, the pages, and the ways to
 * store, media core and recorder. What happens in it is in the files of each user action.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_COURT_H
#define SIGNALING_COURT_H

#include "common/config.h"
#include "common/list.h"
#include "signaling/bucket.h"
#include "signaling/evidence.h"
#include "signaling/hearing.h"
#include "signaling/journal.h"
#include "signaling/media.h"
#include "signaling/notes.h"
#include "signaling/page.h"
#include "signaling/reply.h"
#include "signaling/store.h"
#include "signaling/token.h"

/* A person whose page is gone keeps its place this long; one whose browser closed the page in order
 * only as long as a reload takes. Ours. */
#define COURT_GRACE_US        (30 * 1000000ull)
#define COURT_GRACE_CLOSED_US (5 * 1000000ull)

/* A hearing nobody is in keeps its place in the media core this long, and one that is over or not
 * begun its memory. Ours: longer than any reload, and than a way back from the corridor. */
#define COURT_IDLE_US (60 * 1000000ull)

/* What media tickets are for: each wait of a user action is one value. */
enum court_purpose {
    COURT_JOIN,        /* PEER_ADD */
    COURT_CONNECT,     /* TRANSPORT_CONNECT */
    COURT_RESTART_ICE, /* TRANSPORT_RESTART */
    COURT_PRODUCE,     /* STREAM_ADD */
    COURT_MEDIA_OPEN,  /* HEARING_OPEN with the tape's ring */
    COURT_MEDIA_CLOSE, /* HEARING_CLOSE, before the tape is sealed */
    COURT_TAPE_OPEN,
    COURT_TAPE_NOTE,
    COURT_TAPE_CLOSE,
    COURT_TAPE_RENDER,
};

/* A silence of somebody's microphone or camera that is not over; gaps.h. */
struct live_gap {
    uint64_t stream;     /* that fell silent; 0: none */
    uint64_t since_us;   /* wall */
    uint64_t until_us;   /* wall; when it ended, if that is not written yet; 0: it lasts */
    uint64_t without_us; /* wall; since when its person is there without the source; 0: it is not */
    bool ours;           /* because the media core was away */
};
#define LIVE_GAP_SOURCES 2 /* MICROPHONE and CAMERA of enum control_source */

/* What its page looks at, and what it was told of it; view.h. */
struct live_view {
    bool told; /* the page said what it looks at */
    bool sound_only;
    bool overloaded;               /* its device, by its own word */
    bool thin_line;                /* its line carries no picture from it, by its own word */
    uint16_t heights[LIMIT_SEATS]; /* pixels of its screen */
    uint32_t held;                 /* bits: seats whose picture is held for want of bandwidth */
    uint32_t line_bps;             /* as last told to the page; 0: not yet */
};

/* What its connection is like, and what of that is not kept yet; figures.h. */
struct live_figures {
    struct control_peer_stats now;           /* as last told */
    uint64_t at_us;                          /* wall; 0: not told since it came */
    bool fresh;                              /* not told to those who watch */
    uint8_t phases[CONTROL_DIRECTION_COUNT]; /* enum control_transport_phase */
    struct control_peer_stats worst;         /* since the last line */
    uint64_t up_sum, down_sum;               /* bit/s; of so many: */
    uint32_t count;
    uint8_t worst_quality; /* 0: not known */
    uint64_t kept_us;      /* monotonic; of the last line */
    bool named;            /* our lines say who it is */
};

/* How a person stands beyond what hearing.h knows; in the order of hearing->people. */
struct live_presence {
    uint64_t lost_us;      /* monotonic; when its page went; 0: it is here, or never was */
    uint64_t lost_wall_us; /* the same as wall time */
    bool media;            /* the media core has its transports */
    bool ours;             /* it was lost because we were restarted */
    bool seen;             /* told by the media core since the last HELLO */
    bool page_closed;      /* DTLS close_notify came: the browser closed the page in order */
    uint32_t seats_due;    /* bits: `seat` events that wait for SEAT_SWITCHED */
    uint64_t seats_due_us; /* since when */
    uint64_t invitation;   /* its page came by, or the last one; 0: none since our start */
    struct bucket writes;  /* its requests that write to a disk: LIMIT_WRITE_RATE */
    struct live_gap gaps[LIVE_GAP_SOURCES];
    struct live_view view;
    struct live_figures figures;
};

/* Where a hearing's tape stands. */
enum live_tape {
    LIVE_TAPE_NONE,    /* never opened */
    LIVE_TAPE_WANTED,  /* to be opened (again) when the recorder is there */
    LIVE_TAPE_OPEN,    /* on this connection to the recorder */
    LIVE_TAPE_CLOSING, /* to be sealed */
    LIVE_TAPE_SEALED,
};

/* A hearing while the server runs. */
struct live {
    struct list link; /* in court->lives */
    struct court *court;
    struct hearing *hearing;
    struct journal *journal;
    struct evidence *evidence; /* figures.h; NULL: nothing kept yet */
    bool evidence_failed;      /* it takes no lines, which is logged */
    uint64_t evidence_kept;    /* bytes of it that its journal vouches for, since our start */
    uint64_t evidence_kept_us; /* monotonic; when it did so last */
    uint64_t figures_us;       /* monotonic; when they are looked at next */
    struct live_presence presence[LIMIT_PEOPLE_PER_HEARING];
    bool media_open; /* HEARING_OPEN was said on this connection to the media core */

    enum live_tape tape;
    bool tape_asked;        /* TAPE_OPEN or TAPE_CLOSE is under way */
    uint64_t tape_retry_us; /* monotonic; not asked before */
    uint64_t idle_us;       /* monotonic; since when nothing goes on in it; 0: something does */
    bool tape_there;        /* the recorder has it open on this connection: it takes lines */
    struct notes notes;     /* the journal's way onto it */
    bool sealed_before;     /* RECORD_SEALED stands in the journal */
    struct control_render_state render;
    bool render_told;     /* `render` is the recorder's word */
    int ring_fd;          /* -1: none */
    bool ring_asked;      /* the media core was given it and has not answered */
    bool ring_taken;      /* the media core writes into it; not without its place there */
    int ring_error;       /* why it does not, as last logged */
    uint64_t ring_try_us; /* monotonic; not offered again before */
    uint64_t ring_lost;   /* packets it had no room for, as last heard */
    bool ring_counted;    /* ring_lost is known: not of a life before ours */
    size_t speaker_count;
    uint64_t speakers[CONTROL_SPEAKERS_MAX]; /* as the pages were told */
    uint64_t opened_us; /* monotonic; when the hearing was opened or taken over by us */
    struct control_tape_mark mark;
    struct reply_record record; /* as the pages see it */
};

struct court_counters {
    uint64_t joins, errors, faults;
};

struct court {
    const struct config *config;
    struct store *store;
    struct token_key *key;
    struct turn *turn; /* NULL: no TURN server */
    struct ws *ws;
    struct media *sfu;
    struct media *recorder;
    struct list lives; /* of struct live */
    struct list pages; /* of struct page */
    uint64_t next_serial;
    uint64_t now_us;       /* monotonic, read when the loop woke */
    uint64_t wall_us;      /* the same moment */
    uint64_t alive_us;     /* when the last sign of life was left */
    uint64_t was_alive_us; /* wall; the last one before this start, 0: unknown */
    uint64_t store_version;
    bool sfu_tells;            /* what the media core has, since it connected */
    uint64_t sfu_lost_us;      /* wall; 0: there, or never was */
    uint64_t recorder_lost_us; /* the same */
    bool settled; /* the media core has told what it has, at least once: we know all its streams */
    struct control_metrics sfu_metrics, recorder_metrics;
    struct court_counters counters;
    struct hearing_changes changes; /* of the transition under way */
};

/* Loads every hearing that goes on or that somebody waits in, and closed ones whose tape is not
 * sealed. */
int court_load(struct court *court);
void court_unload(struct court *court);

/* Lets go of hearings in which nothing goes on for COURT_IDLE_US: they are loaded when somebody
 * comes. They, and every other that all have left for as long, give up their place in the media
 * core, and are opened there again by the next join. One that is in session, or in recess, then has
 * its place whatever else is there: it was accepted once, and what came since is not in session. */
void court_let_go(struct court *court);

/* Sets the court's clocks: first thing wherever the loop calls us. */
void court_wake(struct court *court);

/* The hearing, loaded if need be. -ENOENT, or an error of store or journal. */
int court_live(struct court *court, uint64_t hearing, struct live **ret_live);
/* NULL unless it is loaded. */
struct live *court_find(struct court *court, uint64_t hearing);

/* A person of it, also one invited after it was loaded. -ENOENT or the store's error. */
int court_person(struct live *live, uint64_t person, struct hearing_person **ret_person);

/* Whether anybody has a place in it now. */
bool court_is_attended(const struct live *live);

/* Whether the media core has transports of anybody in it. */
bool court_has_media(const struct live *live);

/* Whether a page's join waits for the media core's answer. */
bool court_is_being_joined(const struct live *live);

/* Whether it had its place in the media core before, so that it is not refused now: somebody is in
 * it, or it has been opened and somebody with a part in it comes back. An observer who comes to an
 * empty one may be refused, and must not take a place for it beyond what there is. */
bool court_was_accepted(const struct live *live);

/* Whether it has no tape and the recorder none left for it: of LIMIT_HEARINGS, each is held from
 * the opening until it is sealed, whether or not the hearing has its place in the media core. */
bool court_lacks_tape(const struct live *live);

struct live_presence *court_presence(struct live *live, const struct hearing_person *person);

/* Whether the person may have us write to a disk once more now (LIMIT_WRITE_RATE), by whichever
 * page; counts it if so. */
bool court_may_write(struct live *live, const struct hearing_person *person);

/* What the person logs in with at the TURN server from now on, in `storage`. NULL: there is no such
 * server, or no memory: pages get along without it. */
const struct turn_offer *court_turn(const struct court *court, const struct hearing_person *person,
                                    struct turn_offer *storage);

/* The page with this serial number, or NULL: gone. */
struct page *court_page(struct court *court, uint64_t serial);

/* Appends a journal line and tells it to the tape, now or when that is there. Whoever gets an error
 * does not act. */
int court_journal(struct live *live, const struct journal_entry *entry);

/* Whether the hearing's tape has been sealed, in this life or an earlier one. */
bool court_is_sealed(struct court *court, uint64_t hearing);
void court_set_sealed(struct court *court, uint64_t hearing);

/* Tells the tape, if it is there, what lines of the journal it does not have: see notes.h. */
void court_tell_lines(struct live *live);

/* Stores a person as it is now; what fails is logged: the journal has it. */
void court_save(struct live *live, const struct hearing_person *person);

#endif
