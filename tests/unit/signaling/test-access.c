/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

/* Letters of the roles, in order: Judge Clerk Party Lawyer Witness Interpreter Expert Observer
 * Technician. */
static const char letters[] = "JCPLWIEOT";

/* Columns: scheduled, waiting, open, recess, closed, in camera,
 * suspended; in each: outside, waiting room, courtroom,
 * consultation, deliberation, caucus. What stands in no row is forbidden to everybody. */
static const struct {
    enum access_action action;
    const char *roles;
    const char *cells;
} allowed[] = {
    {ACCESS_ADMIT, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_DISMISS, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_MUTE, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_REMOVE, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_LOWER_HAND, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_LOCK, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_SCREEN, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_CALL_BACK, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_FLOOR, "J", "...... ..x... ..x... ..x... ...... ..x... ..x..."},
    {ACCESS_SUSPEND, "JC", "...... ...... ..x.xx ..x.xx ...... ..x.xx ......"},
    {ACCESS_IN_CAMERA, "J", "...... ..x... ..x... ..x... ...... ..x... ..x..."},
    {ACCESS_CONSENT, "P", ".xxxxx .xxxxx ...... ...... ...... ...... ......"},
    {ACCESS_OPEN, "JC", "...... ..x... ...... ...... ...... ...... ......"},
    {ACCESS_RECESS, "JC", "...... ...... ..x... ...... ...... ..x... ......"},
    {ACCESS_RESUME, "JC", "...... ...... ...... ..x... ...... ...... ..x..."},
    {ACCESS_CLOSE, "J", "...... ...... ..x... ..x... ...... ..x... ..x..."},
    {ACCESS_PRODUCE, "JCPLWIE", "...... ..xxxx ..xxxx ..xxxx ...... ..xxxx ..xxxx"},
    {ACCESS_HAND, "JCPLWIE", "...... xxxxxx xxxxxx xxxxxx ...... xxxxxx xxxxxx"},
    {ACCESS_RECORDS, "JC", "xxxxxx xxxxxx xxxxxx xxxxxx xxxxxx xxxxxx xxxxxx"},
    {ACCESS_CONNECTIONS, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_CONNECTIONS, "T", "...... ..x... ..x... ..x... ...... ..x... ..x..."},
    {ACCESS_CONSULT, "PL", "...... .xxxxx .x.xxx .xxxxx ...... .x.xxx .xxxxx"},
    {ACCESS_CONSULT, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_DELIBERATE, "J", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_CAUCUS, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_ENTER, "JCPLWIE", "...... .xxxxx .xxxxx .xxxxx ...... .xxxxx .xxxxx"},
    {ACCESS_COME_BACK, "JCPLWIE", "...... ...xxx ...xxx ...xxx ...... ...xxx ...xxx"},
    {ACCESS_SWEAR, "JC", "...... ...... ..x... ...... ...... ..x... ......"},
    {ACCESS_TAKE_OATH, "WIE", "...... ...... ..x... ...... ...... ..x... ......"},
    {ACCESS_RELEASE, "J", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_OBJECT, "PL", "...... ...... ..x... ...... ...... ..x... ......"},
    {ACCESS_RULE, "J", "...... ...... ..x... ..x... ...... ..x... ..x..."},
    {ACCESS_LOCK_ROOM, "JC", "...... ..x.xx ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_SPOTLIGHT, "JC", "...... ..x... ..x... ..x... ...... ..x... ..x..."},
    {ACCESS_MARK, "JC", "...... ...... ..x.xx ..x.xx ...... ..x.xx ..x.xx"},
    {ACCESS_JOIN, "JCPLWIEOT", "xxxxxx xxxxxx xxxxxx xxxxxx ...... xxxxxx xxxxxx"},
};

static bool is_expected(enum access_action action, unsigned role, unsigned state, unsigned room)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (allowed[i].action == action && strchr(allowed[i].roles, letters[role]))
            return allowed[i].cells[state * (TERMS_ROOM_COUNT + 1) + room] == 'x';
    return false;
}

static void every_cell_of_actions(void)
{
    for (unsigned action = 0; action < ACCESS_COUNT; action++)
        for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++) {
            bool ever = false;
            for (unsigned cell = 0; cell < TERMS_STATE_COUNT * TERMS_ROOM_COUNT; cell++) {
                unsigned state = cell / TERMS_ROOM_COUNT, room = cell % TERMS_ROOM_COUNT;
                bool expected = is_expected((enum access_action)action, role, state, room);
                bool is = access_may((enum control_role)role, (enum access_action)action,
                                     (enum terms_state)state, (enum terms_room)room);
                if (is != expected) {
                    fprintf(stderr, "%s by %s, %s, %s: %d\n",
                            access_action_name((enum access_action)action),
                            terms_role_name((enum control_role)role),
                            terms_state_name((enum terms_state)state),
                            terms_room_name((enum terms_room)room), is);
                    abort();
                }
                ever |= expected;
                uint32_t mask = access_may_mask((enum control_role)role, (enum terms_state)state,
                                                (enum terms_room)room);
                CHECK_EQ((uint64_t)mask >> action & 1, expected && action < ACCESS_MAY_COUNT);
            }
            CHECK_EQ(access_role_ever_may((enum control_role)role, (enum access_action)action),
                     ever);
        }
}

static void out_of_range_is_denied(void)
{
    CHECK(!access_may(CONTROL_ROLE_COUNT, ACCESS_JOIN, TERMS_STATE_OPEN, TERMS_ROOM_OUTSIDE));
    CHECK(!access_may(CONTROL_ROLE_JUDGE, ACCESS_COUNT, TERMS_STATE_OPEN, TERMS_ROOM_COURTROOM));
    CHECK(!access_may(CONTROL_ROLE_JUDGE, ACCESS_JOIN, TERMS_STATE_COUNT, TERMS_ROOM_OUTSIDE));
    CHECK(!access_may(CONTROL_ROLE_JUDGE, ACCESS_JOIN, TERMS_STATE_OPEN, TERMS_ROOM_COUNT));
    CHECK(!access_may((enum control_role)1000, ACCESS_JOIN, TERMS_STATE_OPEN, TERMS_ROOM_OUTSIDE));
}

/* The words and the order of `may` in PROTOCOL.md. */
static void words_of_may(void)
{
    static const char *const words[] = {
        "admit",   "dismiss",    "mute",      "remove",    "open",     "recess",
        "resume",  "close",      "produce",   "hand",      "records",  "connections",
        "consult", "deliberate", "caucus",    "call-back", "lock",     "floor",
        "screen",  "suspend",    "in-camera", "consent",   "swear",    "release",
        "object",  "rule",       "lock-room", "mark",      "spotlight"};
    CHECK_EQ(ACCESS_MAY_COUNT, sizeof(words) / sizeof(words[0]));
    for (unsigned i = 0; i < ACCESS_MAY_COUNT; i++)
        CHECK(strcmp(access_action_name((enum access_action)i), words[i]) == 0);
}

/* Who sends and who receives in each kind of room, while waiting, open and in recess; a recess
 * ends what flows in the courtroom, and only there, and while open, it is recorded. */
static const struct {
    const char *senders;
    const char *receivers;
    bool flows_in_recess;
} meetings[CONTROL_ROOM_KIND_COUNT] = {
    [CONTROL_ROOM_COURTROOM] = {"JCPLWIE", "JCPLWIEO", false},
    [CONTROL_ROOM_WAITING] = {"", "", false},
    [CONTROL_ROOM_CONSULTATION] = {"PLWIE", "PLWIE", true},
    [CONTROL_ROOM_DELIBERATION] = {"J", "J", true},
    [CONTROL_ROOM_CAUCUS] = {"JCPLWIE", "JCPLWIE", true},
};

static void cell_of_the_matrix(const struct control_matrix *matrix, unsigned state, unsigned kind,
                               unsigned sender)
{
    bool is_session = state == TERMS_STATE_OPEN || state == TERMS_STATE_IN_CAMERA;
    bool is_pause = state == TERMS_STATE_RECESS || state == TERMS_STATE_SUSPENDED;
    bool is_sitting =
        state == TERMS_STATE_WAITING || is_session || (is_pause && meetings[kind].flows_in_recess);
    bool sends = is_sitting && strchr(meetings[kind].senders, letters[sender]);
    for (unsigned receiver = 0; receiver < CONTROL_ROLE_COUNT; receiver++) {
        bool is_kept_out = state == TERMS_STATE_IN_CAMERA && receiver == CONTROL_ROLE_OBSERVER;
        bool flows = sends && strchr(meetings[kind].receivers, letters[receiver]) && !is_kept_out;
        CHECK_EQ(matrix->receivers[kind][sender] >> receiver & 1, flows);
        CHECK_EQ(access_flows((enum terms_state)state, (enum control_room_kind)kind,
                              (enum control_role)sender, (enum control_role)receiver),
                 flows);
    }
    CHECK_EQ(matrix->receivers[kind][sender] >> CONTROL_ROLE_COUNT, 0);
    bool recorded = sends && kind == CONTROL_ROOM_COURTROOM && is_session;
    CHECK_EQ(matrix->recorded[kind] >> sender & 1, recorded);
    CHECK_EQ(access_is_recorded((enum terms_state)state, (enum control_room_kind)kind,
                                (enum control_role)sender),
             recorded);
}

static void every_cell_of_the_matrix(void)
{
    for (unsigned state = 0; state < TERMS_STATE_COUNT; state++) {
        struct control_matrix matrix;
        access_matrix(7, (enum terms_state)state, &matrix);
        CHECK_EQ(matrix.hearing, 7);
        for (unsigned cell = 0; cell < CONTROL_ROOM_KIND_COUNT * CONTROL_ROLE_COUNT; cell++)
            cell_of_the_matrix(&matrix, state, cell / CONTROL_ROLE_COUNT,
                               cell % CONTROL_ROLE_COUNT);
    }
}

/* A place in a room is for whom its media could reach; the technician has none anywhere. */
static void places(void)
{
    for (unsigned kind = 0; kind < CONTROL_ROOM_KIND_COUNT; kind++)
        for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++)
            CHECK_EQ(access_has_place((enum control_room_kind)kind, (enum control_role)role),
                     strchr(meetings[kind].receivers, letters[role]) != NULL);
    CHECK_EQ(access_room_kind(TERMS_ROOM_COURTROOM), CONTROL_ROOM_COURTROOM);
    CHECK_EQ(access_room_kind(TERMS_ROOM_OUTSIDE), CONTROL_ROOM_WAITING);
    CHECK_EQ(access_room_kind(TERMS_ROOM_COUNT), CONTROL_ROOM_WAITING);
    for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++)
        CHECK_EQ(access_keeps_floor((enum control_role)role), strchr("JCI", letters[role]) != NULL);
}

#define WORDS_MAX 512

/* Whether `word` stands among words between spaces. */
static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

/* The cells of a row of a table: "| a | b |"; as many as there are, at most `most`. */
static size_t cells_of(const char *line, char cells[][WORDS_MAX], size_t most)
{
    size_t count = 0;
    while (count < most && strncmp(line, "| ", 2) == 0) {
        const char *end = strstr(line, " |");
        if (!end || end < line + 2 || (size_t)(end - line) >= WORDS_MAX)
            return count;
        memcpy(cells[count], line + 2, (size_t)(end - line) - 2);
        cells[count++][end - line - 2] = '\0';
        line = end + 1;
    }
    return count;
}

struct document {
    bool may[ACCESS_COUNT][CONTROL_ROLE_COUNT][TERMS_STATE_COUNT][TERMS_ROOM_COUNT];
    bool flows[TERMS_STATE_COUNT][TERMS_ROOM_COUNT][CONTROL_ROLE_COUNT][CONTROL_ROLE_COUNT];
    bool recorded[TERMS_STATE_COUNT][TERMS_ROOM_COUNT][CONTROL_ROLE_COUNT];
};

static void read_rule(struct document *d, unsigned action, char cells[][WORDS_MAX])
{
    for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++)
        for (unsigned state = 0; state < TERMS_STATE_COUNT; state++)
            for (unsigned room = 0; room < TERMS_ROOM_COUNT; room++)
                d->may[action][role][state][room] |=
                    has_word(cells[1], terms_role_name((enum control_role)role)) &&
                    has_word(cells[2], terms_state_name((enum terms_state)state)) &&
                    has_word(cells[3], terms_room_name((enum terms_room)room));
}

static void read_flow(struct document *d, unsigned room, char cells[][WORDS_MAX])
{
    for (unsigned state = 0; state < TERMS_STATE_COUNT; state++)
        for (unsigned from = 0; from < CONTROL_ROLE_COUNT; from++) {
            if (!has_word(cells[1], terms_state_name((enum terms_state)state)) ||
                !has_word(cells[2], terms_role_name((enum control_role)from)))
                continue;
            d->recorded[state][room][from] |= strcmp(cells[4], "yes") == 0;
            for (unsigned to = 0; to < CONTROL_ROLE_COUNT; to++)
                d->flows[state][room][from][to] |=
                    has_word(cells[3], terms_role_name((enum control_role)to));
        }
}

static size_t read_document(struct document *d, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[WORDS_MAX * 4], cells[5][WORDS_MAX];
    size_t rows = 0;
    CHECK(file);
    while (fgets(line, sizeof(line), file)) {
        size_t count = cells_of(line, cells, 5);
        for (unsigned action = 0; count == 4 && action < ACCESS_COUNT; action++)
            if (strcmp(cells[0], access_action_name((enum access_action)action)) == 0) {
                read_rule(d, action, cells);
                rows++;
            }
        for (unsigned room = 0; count == 5 && room < TERMS_ROOM_COUNT; room++)
            if (strcmp(cells[0], terms_room_name((enum terms_room)room)) == 0) {
                read_flow(d, room, cells);
                rows++;
            }
    }
    (void)fclose(file);
    return rows;
}

/* docs/courtroom.md says of every cell what is so. */
static void the_document(const char *path)
{
    static struct document d;
    CHECK(read_document(&d, path) > ACCESS_COUNT);
    for (unsigned state = 0; state < TERMS_STATE_COUNT; state++)
        for (unsigned room = 0; room < TERMS_ROOM_COUNT; room++)
            for (unsigned role = 0; role < CONTROL_ROLE_COUNT; role++) {
                enum control_room_kind kind = access_room_kind((enum terms_room)room);
                for (unsigned action = 0; action < ACCESS_COUNT; action++)
                    CHECK_EQ(d.may[action][role][state][room],
                             access_may((enum control_role)role, (enum access_action)action,
                                        (enum terms_state)state, (enum terms_room)room));
                for (unsigned to = 0; to < CONTROL_ROLE_COUNT; to++)
                    CHECK_EQ(d.flows[state][room][role][to],
                             access_flows((enum terms_state)state, kind, (enum control_role)role,
                                          (enum control_role)to));
                CHECK_EQ(
                    d.recorded[state][room][role],
                    access_is_recorded((enum terms_state)state, kind, (enum control_role)role));
            }
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    the_document(argv[1]);
    every_cell_of_actions();
    out_of_range_is_denied();
    words_of_may();
    every_cell_of_the_matrix();
    places();
    return 0;
}
