/* The tables, as the steps that make them. A step that was released is never changed: a change is
 * another step. PRAGMA user_version counts the steps a database has had.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_STORE_SCHEMA_H
#define SIGNALING_STORE_SCHEMA_H

/* "ASZE": what file(1) and a careful administrator see in the header. */
#define STORE_SCHEMA_APPLICATION_ID "0x41535a45"

/* Ids are the random 64-bit numbers as SQLite's signed integers; times are us since 1970; states,
 * roles and rooms are the numbers of terms.h and control.h. */
static const char *const store_schema_steps[] = {
    "CREATE TABLE cases ("
    " id INTEGER PRIMARY KEY,"
    " number TEXT NOT NULL,"
    " court TEXT NOT NULL,"
    " UNIQUE (court, number)) STRICT;"

    "CREATE TABLE hearings ("
    " id INTEGER PRIMARY KEY CHECK (id <> 0),"
    " case_id INTEGER NOT NULL REFERENCES cases (id),"
    " title TEXT NOT NULL,"
    " scheduled_us INTEGER NOT NULL,"
    " state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),"
    " since_us INTEGER NOT NULL,"
    " opened_us INTEGER NOT NULL,"
    " closed_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX hearings_by_time ON hearings (scheduled_us);"
    "CREATE INDEX hearings_by_case ON hearings (case_id);"

    "CREATE TABLE people ("
    " id INTEGER PRIMARY KEY CHECK (id <> 0),"
    " hearing INTEGER NOT NULL REFERENCES hearings (id),"
    " position INTEGER NOT NULL," /* order of adding, from 1 */
    " role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 8),"
    " name TEXT NOT NULL,"
    " room INTEGER NOT NULL CHECK (room BETWEEN 0 AND 2),"
    " admitted INTEGER NOT NULL CHECK (admitted IN (0, 1)),"
    " removed INTEGER NOT NULL CHECK (removed IN (0, 1)),"
    " hand INTEGER NOT NULL CHECK (hand IN (0, 1)),"
    " seats INTEGER NOT NULL,"
    " arrival INTEGER NOT NULL,"
    " UNIQUE (hearing, position)) STRICT;"

    "CREATE TABLE invitations ("
    " id INTEGER PRIMARY KEY CHECK (id <> 0),"
    " hearing INTEGER REFERENCES hearings (id)," /* NULL: a pass to all records */
    " person INTEGER REFERENCES people (id),"
    " role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 8),"
    " created_us INTEGER NOT NULL,"
    " expires_us INTEGER NOT NULL,"
    " revoked_us INTEGER NOT NULL,"
    " CHECK ((hearing IS NULL) = (person IS NULL))) STRICT;"
    "CREATE INDEX invitations_by_hearing ON invitations (hearing);"
    "CREATE INDEX invitations_by_person ON invitations (person);"

    "CREATE TABLE resumes ("
    " person INTEGER PRIMARY KEY REFERENCES people (id),"
    " hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"

    "CREATE TABLE cookies ("
    " hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
    " invitation INTEGER NOT NULL REFERENCES invitations (id),"
    " expires_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX cookies_by_invitation ON cookies (invitation);"
    "CREATE INDEX cookies_by_end ON cookies (expires_us);"

    "CREATE TABLE settings ("
    " key TEXT PRIMARY KEY,"
    " value TEXT NOT NULL) STRICT, WITHOUT ROWID;",

    "ALTER TABLE hearings ADD COLUMN vp9 INTEGER NOT NULL DEFAULT 0 CHECK (vp9 IN (0, 1));",

    "ALTER TABLE people ADD COLUMN side INTEGER NOT NULL DEFAULT 0 CHECK (side BETWEEN 0 AND 8);",

    "ALTER TABLE hearings ADD COLUMN needs_consent INTEGER NOT NULL DEFAULT 0 CHECK (needs_consent "
    "IN"
    " (0, 1));",

    ("ALTER TABLE hearings ADD COLUMN objection_holds INTEGER NOT NULL DEFAULT 0 CHECK "
     "(objection_holds IN (0, 1));"),
};

enum { STORE_SCHEMA_VERSION = sizeof(store_schema_steps) / sizeof(store_schema_steps[0]) };

#endif
