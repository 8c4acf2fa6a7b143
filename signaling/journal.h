/* The append-only list of everything that happened in one hearing: a JSON object a line, chained by
 * SHA-256 (docs/journal.md). A line is on disk before its effect: append, then act; if appending
 * fails, do not act. Names stand here; nothing of a line is logged but the event and ids.
 *
 * One thread per journal. Two processes may have the same one open (assize-admin beside the
 * server): each append holds a lock for its write and first reads what the other wrote.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_JOURNAL_H
#define SIGNALING_JOURNAL_H

#include "common/cleanup.h"
#include "signaling/digest.h"
#include "signaling/terms.h"

/* What happened. In brackets the fields of struct journal_entry it takes, all required except that
 * `by` may be 0 (the rules did it) and `words` NULL: null on the line. */
enum journal_event {
    JOURNAL_HEARING_CREATED,    /* "hearing.created" [case_number title court scheduled_us] */
    JOURNAL_HEARING_WAITING,    /* "hearing.waiting" [by] */
    JOURNAL_HEARING_OPENED,     /* "hearing.opened" [by words] */
    JOURNAL_HEARING_RECESS,     /* "hearing.recess" [by words] */
    JOURNAL_HEARING_SUSPENDED,  /* "hearing.suspended" [by words] */
    JOURNAL_HEARING_RESUMED,    /* "hearing.resumed" [by words] */
    JOURNAL_HEARING_IN_CAMERA,  /* "hearing.in-camera" [by words] */
    JOURNAL_HEARING_PUBLIC,     /* "hearing.public" [by words] */
    JOURNAL_HEARING_CLOSED,     /* "hearing.closed" [by words] */
    JOURNAL_CONSENT_GIVEN,      /* "consent.given" [person] */
    JOURNAL_CONSENT_WITHDRAWN,  /* "consent.withdrawn" [person] */
    JOURNAL_INVITATION_CREATED, /* "invitation.created" [invitation person name role until_us] */
    JOURNAL_INVITATION_REVOKED, /* "invitation.revoked" [invitation person by] */
    JOURNAL_PERSON_JOINED,      /* "person.joined" [person name role room] */
    JOURNAL_PERSON_ADMITTED,    /* "person.admitted" [person by] */
    JOURNAL_PERSON_DISMISSED,   /* "person.dismissed" [person by] */
    JOURNAL_PERSON_MUTED,       /* "person.muted" [person by] */
    JOURNAL_PERSON_REMOVED,     /* "person.removed" [person by words] */
    JOURNAL_PERSON_LEFT,        /* "person.left" [person cause since_us: when last heard of] */
    JOURNAL_PERSON_RETURNED,    /* "person.returned" [person since_us: when it was lost] */
    JOURNAL_PERSON_ASKED,       /* "person.asked" [person number by]: into a room beside */
    JOURNAL_PERSON_MOVED,       /* "person.moved" [person room number by]: beside, or back */
    JOURNAL_PERSON_LOCKED,      /* "person.locked" [person by]: its microphone */
    JOURNAL_PERSON_UNLOCKED,    /* "person.unlocked" [person by] */
    JOURNAL_OATH_ASKED,         /* "oath.asked" [person form by] */
    JOURNAL_PERSON_SWORN,       /* "person.sworn" [person form language: of the text it read] */
    JOURNAL_PERSON_RELEASED,    /* "person.released" [person by]: from the oath, or its asking */
    JOURNAL_OBJECTION_RAISED,   /* "objection.raised" [person number] */
    JOURNAL_OBJECTION_RULED,    /* "objection.ruled" [number ruling by] */
    JOURNAL_ROOM_LOCKED,        /* "hearing.locked" [by]: to whoever was not here before */
    JOURNAL_ROOM_UNLOCKED,      /* "hearing.unlocked" [by] */
    JOURNAL_MARK,               /* "mark" [by words]: the court marks this second */
    JOURNAL_ROOM_OPENED,        /* "room.opened" [room number by] */
    JOURNAL_MICROPHONES_CLOSED, /* "microphones.closed" [by]: all but the judges' */
    JOURNAL_FLOOR_GIVEN,        /* "floor.given" [person by] */
    JOURNAL_FLOOR_OPENED,       /* "floor.opened" [by] */
    JOURNAL_SPOTLIGHT_SET,      /* "spotlight.set" [person by]: everybody is shown it large */
    JOURNAL_SPOTLIGHT_ENDED,    /* "spotlight.ended" [by] */
    JOURNAL_SCREEN_SET,       /* "screen.set" [person from kinds by]: it receives none of from's */
    JOURNAL_SCREEN_LIFTED,    /* "screen.lifted" [person from by] */
    JOURNAL_PRODUCER_STARTED, /* "producer.started" [person stream source] */
    JOURNAL_PRODUCER_STOPPED, /* "producer.stopped" [person stream source] */
    JOURNAL_RECORD_ON,        /* "record.on" [] */
    JOURNAL_RECORD_LOST,      /* "record.lost" [reason] */
    JOURNAL_RECORD_SEALED,    /* "record.sealed" [] */
    JOURNAL_FAULT,            /* "fault" [process since_us until_us]: a gap that is OUR fault */
    JOURNAL_MEDIA_GAP,        /* "media.gap" [person stream source since_us until_us] */
    JOURNAL_CONNECTIONS_KEPT, /* "connections.kept" [bytes sha256]: evidence.h */
    JOURNAL_TORN,             /* "journal.torn" [bytes]: an unfinished line was cut off */
    JOURNAL_EVENT_COUNT,
};

enum journal_cause {
    JOURNAL_CAUSE_LEFT = 1,    /* "left": said so */
    JOURNAL_CAUSE_CLOSED_PAGE, /* "closed-page": the browser closed the page in order */
    JOURNAL_CAUSE_NETWORK,     /* "network": fell silent */
    JOURNAL_CAUSE_REMOVED,     /* "removed" */
    JOURNAL_CAUSE_TAKEN_OVER,  /* "taken-over": by another window of the same invitation */
    JOURNAL_CAUSE_OUR_FAULT,   /* "our-fault" */
    JOURNAL_CAUSE_COUNT,
};

/* Of JOURNAL_RECORD_LOST: the reasons of PROTOCOL.md. */
enum journal_reason {
    JOURNAL_REASON_RECORDER_AWAY = 1, /* "recorder-away" */
    JOURNAL_REASON_DISK_FULL,         /* "disk-full" */
    JOURNAL_REASON_DISK_ERROR,        /* "disk-error" */
    JOURNAL_REASON_MEDIA_CORE_AWAY,   /* "media-core-away" */
    JOURNAL_REASON_STALE,             /* "stale" */
    JOURNAL_REASON_COUNT,
};

enum journal_process {
    JOURNAL_PROCESS_SFU = 1,   /* "sfu" */
    JOURNAL_PROCESS_RECORDER,  /* "recorder" */
    JOURNAL_PROCESS_SIGNALING, /* "signaling" */
    JOURNAL_PROCESS_COUNT,
};

/* One line to be. Strings are borrowed for the call; times are wall us. */
struct journal_entry {
    enum journal_event event;
    uint64_t person;
    uint64_t by;
    uint64_t invitation;
    uint64_t stream;
    uint64_t bytes;
    uint64_t since_us;
    uint64_t until_us;
    uint64_t scheduled_us;
    enum control_role role;
    enum control_source source;
    enum terms_room room;
    uint32_t number; /* of a room beside the courtroom, 0 with any other; of an objection */
    uint64_t from;
    uint8_t kinds; /* bits 1 << enum control_kind */
    enum terms_oath form;
    enum terms_language language;
    enum terms_ruling ruling;
    enum journal_cause cause;
    enum journal_reason reason;
    enum journal_process process;
    const char *name;
    const char *case_number;
    const char *title;
    const char *court;
    const char *words;     /* the court's; a reason may be NULL: none was given, null on the line */
    const uint8_t *sha256; /* DIGEST_LEN bytes */
};

struct journal;

/* Opens (makes, at first, with its directory) `<data_dir>/journals/<hearing>.journal`, reads it
 * through, cuts off an unfinished last line and says so in a JOURNAL_TORN line of `now_us`.
 * -EBADMSG when the chain is broken: nothing is appended to such a file. -EFBIG when it is over
 * LIMIT_JOURNAL_BYTES; else what the system says. */
int journal_open(const char *data_dir, uint64_t hearing, uint64_t now_us,
                 struct journal **ret_journal);
void journal_close(struct journal *journal);
DEFINE_CLEANUP(struct journal, journal_close)

/* Appends and waits for the disk (fdatasync). On success `*ret_text` (unless NULL) is the line
 * without its newline, `*ret_len` bytes, at most LIMIT_NOTE_BYTES: what is sent to the tape; it
 * belongs to the journal and lasts until its next call. On error nothing was appended:
 * -EINVAL (a required field missing or out of range, text not UTF-8), -ENOSPC, -EIO, -EFBIG (the
 * journal is full: lines that anybody can cause stop LIMIT_JOURNAL_RESERVE before the end, what the
 * court does to people LIMIT_JOURNAL_RESERVE_COURSE), -EBUSY (locked by another process over 1 s),
 * -EBADMSG (another process broke the chain). */
int journal_append(struct journal *journal, const struct journal_entry *entry, uint64_t now_us,
                   const char **ret_text, size_t *ret_len);

/* The line that begins at byte `offset` of the file, without its newline: to `text`, and when it
 * was written. Another begins `*ret_len + 1` bytes on. -ENODATA behind the last one known, -EBADMSG
 * when it was damaged since, or what the system says. */
int journal_read(const struct journal *journal, uint64_t offset,
                 char text[static LIMIT_NOTE_BYTES + 1], size_t *ret_len, uint64_t *ret_at_us);

/* What the lines say so far: the truth after a crash between line and store. */
struct journal_summary {
    uint64_t lines;
    uint64_t bytes;
    enum terms_state state; /* by the last hearing.* line */
    uint64_t state_since_us;
    uint64_t opened_us;       /* of the first hearing.opened; 0: none */
    uint64_t last_us;         /* time of the last line */
    uint8_t hash[DIGEST_LEN]; /* of the last line; zeros when there is none */
};

struct journal_summary journal_summary(const struct journal *journal);

/* The court's last word on a person, as the lines say it: the truth after a crash between line and
 * store. */
struct journal_standing {
    uint64_t person;
    enum journal_event word; /* JOURNAL_PERSON_ADMITTED, _DISMISSED or _REMOVED */
    bool lasts;              /* it neither came nor left since */
};

/* All that the lines say; story.h. The journal's, and current as long as it is open. */
struct story;
const struct story *journal_story(const struct journal *journal);

/* Why a journal is not whole. */
enum journal_damage {
    JOURNAL_WHOLE = 0,
    JOURNAL_DAMAGE_FORM,     /* a line is not one of ours: bytes changed or an unknown form */
    JOURNAL_DAMAGE_SEQUENCE, /* a line is missing, doubled or out of place */
    JOURNAL_DAMAGE_PREVIOUS, /* a line does not continue the one before */
    JOURNAL_DAMAGE_HASH,     /* a line was changed after it was written */
    JOURNAL_DAMAGE_TORN,     /* the last line is unfinished: a crash, repaired at the next start */
    JOURNAL_DAMAGE_COUNT,
};

struct journal_report {
    enum journal_damage damage;
    uint64_t line;                  /* of the damage, from 1; 0 when whole */
    uint64_t offset;                /* of that line in the file, bytes */
    struct journal_summary summary; /* of the lines before it */
};

/* Reads a journal through and says whether it is whole. 0 with the report (also about a damaged
 * file), or a negative errno when it could not be read. Changes nothing. */
int journal_verify(const char *path, struct journal_report *ret_report);

/* A sentence's end for people: "a line was changed after it was written". */
const char *journal_damage_text(enum journal_damage damage);

/* The words on the line; "?" out of range. */
const char *journal_event_name(enum journal_event event);
const char *journal_reason_name(enum journal_reason reason);

#endif
