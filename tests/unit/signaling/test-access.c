/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/access.h"

#include <string.h>

#include "unit/check.h"

/* Letters of the roles, in order: Judge Clerk Party Lawyer Witness Interpreter Expert Observer
 * Technician. */
static const char letters[] = "JCPLWIEOT";

/* Columns: scheduled, waiting, open, recess, closed; in each: outside, waiting room, courtroom.
 * What stands in no row is forbidden to everybody. */
static const struct {
    enum access_action action;
    const char *roles;
    const char *cells;
} allowed[] = {
    {ACCESS_ADMIT, "JC", "... ..x ..x ..x ..."},
    {ACCESS_DISMISS, "JC", "... ..x ..x ..x ..."},
    {ACCESS_MUTE, "JC", "... ..x ..x ..x ..."},
    {ACCESS_REMOVE, "JC", "... ..x ..x ..x ..."},
    {ACCESS_LOWER_HAND, "JC", "... ..x ..x ..x ..."},
    {ACCESS_OPEN, "JC", "... ..x ... ... ..."},
    {ACCESS_RECESS, "JC", "... ... ..x ... ..."},
    {ACCESS_RESUME, "JC", "... ... ... ..x ..."},
    {ACCESS_CLOSE, "J", "... ... ..x ..x ..."},
    {ACCESS_PRODUCE, "JCPLWIE", "... ..x ..x ..x ..."},
    {ACCESS_HAND, "JCPLWIE", "... xxx xxx xxx ..."},
    {ACCESS_RECORDS, "JC", "xxx xxx xxx xxx xxx"},
    {ACCESS_CONNECTIONS, "JCT", "... ..x ..x ..x ..."},
    {ACCESS_JOIN, "JCPLWIEOT", "xxx xxx xxx xxx ..."},
};

static bool is_expected(enum access_action action, unsigned role, unsigned state, unsigned room)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (allowed[i].action == action)
            return strchr(allowed[i].roles, letters[role]) &&
                   allowed[i].cells[state * 4 + room] == 'x';
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
                CHECK_EQ(mask >> action & 1, expected && action < ACCESS_MAY_COUNT);
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
    static const char *const words[] = {"admit",   "dismiss", "mute",    "remove",
                                        "open",    "recess",  "resume",  "close",
                                        "produce", "hand",    "records", "connections"};
    CHECK_EQ(ACCESS_MAY_COUNT, sizeof(words) / sizeof(words[0]));
    for (unsigned i = 0; i < ACCESS_MAY_COUNT; i++)
        CHECK(strcmp(access_action_name((enum access_action)i), words[i]) == 0);
}

/* Media flows in courtrooms only, while waiting and open, from all but observers and technicians,
 * to everybody there; only while open is it recorded. */
static void every_cell_of_the_matrix(void)
{
    for (unsigned state = 0; state < TERMS_STATE_COUNT; state++) {
        struct control_matrix matrix;
        access_matrix(7, (enum terms_state)state, &matrix);
        CHECK_EQ(matrix.hearing, 7);
        for (unsigned cell = 0; cell < CONTROL_ROOM_KIND_COUNT * CONTROL_ROLE_COUNT; cell++) {
            unsigned kind = cell / CONTROL_ROLE_COUNT, sender = cell % CONTROL_ROLE_COUNT;
            bool flows = kind == CONTROL_ROOM_COURTROOM &&
                         (state == TERMS_STATE_WAITING || state == TERMS_STATE_OPEN) &&
                         strchr("JCPLWIE", letters[sender]);
            for (unsigned receiver = 0; receiver < CONTROL_ROLE_COUNT; receiver++) {
                CHECK_EQ(matrix.receivers[kind][sender] >> receiver & 1, flows);
                CHECK_EQ(access_flows((enum terms_state)state, (enum control_room_kind)kind,
                                      (enum control_role)sender, (enum control_role)receiver),
                         flows);
            }
            CHECK_EQ(matrix.receivers[kind][sender] >> CONTROL_ROLE_COUNT, 0);
            bool recorded = flows && state == TERMS_STATE_OPEN;
            CHECK_EQ(matrix.recorded[kind] >> sender & 1, recorded);
            CHECK_EQ(access_is_recorded((enum terms_state)state, (enum control_room_kind)kind,
                                        (enum control_role)sender),
                     recorded);
        }
    }
}

int main(void)
{
    every_cell_of_actions();
    out_of_range_is_denied();
    words_of_may();
    every_cell_of_the_matrix();
    return 0;
}
