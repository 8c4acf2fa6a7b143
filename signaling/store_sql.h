/* Every statement of the SQLite engine, prepared once when it opens.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_STORE_SQL_H
#define SIGNALING_STORE_SQL_H

#include "common/limits.h"

enum store_sql {
    STORE_SQL_CASE_ADD,
    STORE_SQL_HEARING_ADD,
    STORE_SQL_HEARING_GET,
    STORE_SQL_HEARING_SET_STATE,
    STORE_SQL_HEARING_LIST,
    STORE_SQL_PERSON_ADD,
    STORE_SQL_PERSON_COUNT,
    STORE_SQL_PERSON_GET,
    STORE_SQL_PERSON_SET,
    STORE_SQL_PERSON_LIST,
    STORE_SQL_INVITATION_ADD,
    STORE_SQL_INVITATION_GET,
    STORE_SQL_INVITATION_LIST,
    STORE_SQL_INVITATION_REVOKE,
    STORE_SQL_INVITATION_REVOKE_PERSON,
    STORE_SQL_RESUME_SET,
    STORE_SQL_RESUME_GET,
    STORE_SQL_RESUME_FORGET,
    STORE_SQL_RESUME_FORGET_INVITATION,
    STORE_SQL_COOKIE_ADD,
    STORE_SQL_COOKIE_TRIM,
    STORE_SQL_COOKIE_GET,
    STORE_SQL_COOKIE_FORGET,
    STORE_SQL_COOKIE_FORGET_INVITATION,
    STORE_SQL_COOKIE_FORGET_PERSON,
    STORE_SQL_SETTING_SET,
    STORE_SQL_SETTING_GET,
    STORE_SQL_COUNT,
};

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number

#define HEARING_COLUMNS                                                                            \
    "h.id, h.scheduled_us, h.state, h.since_us, h.opened_us, h.closed_us, c.number, h.title,"      \
    " c.court, h.vp9, h.needs_consent, h.objection_holds FROM hearings h JOIN cases c ON c.id = "  \
    "h.case_id"
#define PERSON_COLUMNS                                                                             \
    "id, hearing, role, room, admitted, removed, hand, seats, arrival, name, side FROM people"
#define INVITATION_COLUMNS                                                                         \
    "id, hearing, person, role, created_us, expires_us, revoked_us FROM invitations"

/* Of STORE_SQL_INVITATION_LIST: NULL-safe, since passes belong to no hearing. */
static const char *const store_sql[STORE_SQL_COUNT] = {
    [STORE_SQL_CASE_ADD] =
        "INSERT INTO cases (number, court) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [STORE_SQL_HEARING_ADD] =
        "INSERT INTO hearings (id, case_id, title, scheduled_us, state, since_us, opened_us,"
        " closed_us, vp9, needs_consent, objection_holds) VALUES (?1, (SELECT id FROM cases WHERE "
        "number = ?2 AND "
        "court = ?3), ?4,"
        " ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [STORE_SQL_HEARING_GET] = "SELECT " HEARING_COLUMNS " WHERE h.id = ?1",
    [STORE_SQL_HEARING_SET_STATE] =
        "UPDATE hearings SET state = ?2, since_us = ?3,"
        " opened_us = iif(opened_us <> 0, opened_us, iif(?2 = 2 AND ?4 = 0, ?3, ?4)),"
        " closed_us = iif(?2 = 4, ?3, closed_us) WHERE id = ?1 AND (state <> 4 OR ?2 = 4)",
    [STORE_SQL_HEARING_LIST] =
        "SELECT " HEARING_COLUMNS " WHERE (1 << h.state) & ?1"
        " ORDER BY h.scheduled_us DESC, h.id LIMIT " TEXT_OF(LIMIT_STORE_LIST),
    [STORE_SQL_PERSON_ADD] =
        "INSERT INTO people (id, hearing, position, role, name, room, admitted, removed, hand,"
        " seats, arrival, side) VALUES (?1, ?2, (SELECT ifnull(max(position), 0) + 1 FROM people "
        "WHERE"
        " hearing = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [STORE_SQL_PERSON_COUNT] = "SELECT count(*) FROM people WHERE hearing = ?1",
    [STORE_SQL_PERSON_GET] = "SELECT " PERSON_COLUMNS " WHERE id = ?1",
    [STORE_SQL_PERSON_SET] = "UPDATE people SET room = ?2, admitted = ?3, removed = ?4, hand = ?5,"
                             " seats = ?6, arrival = ?7 WHERE id = ?1",
    [STORE_SQL_PERSON_LIST] = "SELECT " PERSON_COLUMNS " WHERE hearing = ?1 ORDER BY position",
    [STORE_SQL_INVITATION_ADD] =
        "INSERT INTO invitations (id, hearing, person, role, created_us, expires_us, revoked_us)"
        " VALUES (?1, nullif(?2, 0), nullif(?3, 0), ?4, ?5, ?6, ?7)",
    [STORE_SQL_INVITATION_GET] = "SELECT " INVITATION_COLUMNS " WHERE id = ?1",
    [STORE_SQL_INVITATION_LIST] = "SELECT " INVITATION_COLUMNS " WHERE hearing IS nullif(?1, 0)"
                                  " ORDER BY created_us, rowid LIMIT " TEXT_OF(LIMIT_STORE_LIST),
    [STORE_SQL_INVITATION_REVOKE] =
        "UPDATE invitations SET revoked_us = ?2 WHERE id = ?1 AND revoked_us = 0",
    [STORE_SQL_INVITATION_REVOKE_PERSON] =
        "UPDATE invitations SET revoked_us = ?2 WHERE person = ?1 AND revoked_us = 0",
    [STORE_SQL_RESUME_SET] = "INSERT INTO resumes (person, hash) VALUES (?1, ?2)"
                             " ON CONFLICT (person) DO UPDATE SET hash = excluded.hash",
    [STORE_SQL_RESUME_GET] = "SELECT hash FROM resumes WHERE person = ?1",
    [STORE_SQL_RESUME_FORGET] = "DELETE FROM resumes WHERE person = ?1",
    [STORE_SQL_RESUME_FORGET_INVITATION] =
        "DELETE FROM resumes WHERE person = (SELECT person FROM invitations WHERE id = ?1)",
    [STORE_SQL_COOKIE_ADD] =
        "INSERT INTO cookies (hash, invitation, expires_us) VALUES (?1, ?2, ?3)",
    [STORE_SQL_COOKIE_TRIM] =
        "DELETE FROM cookies WHERE hash IN (SELECT hash FROM cookies ORDER BY expires_us DESC"
        " LIMIT -1 OFFSET " TEXT_OF(LIMIT_COOKIES) ")",
    [STORE_SQL_COOKIE_GET] = "SELECT invitation, expires_us FROM cookies WHERE hash = ?1",
    [STORE_SQL_COOKIE_FORGET] = "DELETE FROM cookies WHERE hash = ?1",
    [STORE_SQL_COOKIE_FORGET_INVITATION] = "DELETE FROM cookies WHERE invitation = ?1",
    [STORE_SQL_COOKIE_FORGET_PERSON] = "DELETE FROM cookies WHERE invitation IN"
                                       " (SELECT id FROM invitations WHERE person = ?1)",
    [STORE_SQL_SETTING_SET] = "INSERT INTO settings (key, value) VALUES (?1, ?2)"
                              " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [STORE_SQL_SETTING_GET] = "SELECT value FROM settings WHERE key = ?1",
};

#endif
