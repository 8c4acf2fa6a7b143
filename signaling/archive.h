/* Records on disk, as the recorder leaves them: listed for the clerk, and opened for download.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGNALING_ARCHIVE_H
#define SIGNALING_ARCHIVE_H

#include "signaling/court.h"

/* Writes {"records":[…]} of PROTOCOL.md: of one hearing, or with 0 of all that are closed. Returns
 * 0 or what the store says; what a record lacks on disk shows as its state. */
int archive_list(struct court *court, uint64_t hearing, struct jsontext *t);

/* Whether the record has been rendered whole: its manifest is there. */
bool archive_is_rendered(const char *records_dir, uint64_t hearing);

struct archive_file {
    int fd;
    uint64_t size; /* bytes */
    char etag[64]; /* with its quotes; changes with the content */
    const char *mime;
};

/* Opens a file of a record for reading; names with an unknown ending, and what is no regular file
 * in the record's own directory, are not there: -ENOENT. */
int archive_open(const char *records_dir, uint64_t hearing, const char *name,
                 struct archive_file *ret_file);

/* The same of the figures of connections that are kept beside the hearing's journal, a file of the
 * name ARCHIVE_CONNECTIONS over HTTP. */
#define ARCHIVE_CONNECTIONS "connections.jsonl"
int archive_open_connections(const char *data_dir, uint64_t hearing, struct archive_file *ret_file);

void archive_close(struct archive_file *file);

#endif
