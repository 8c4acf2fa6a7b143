/* Finds what a datagram belongs to: by its 5-tuple, or by the ICE user name it was sent to. One per
 * worker; bounded, and hashed with a seed peers do not know.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SFU_DIRECTORY_H
#define SFU_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "sfu/send.h"

struct directory;

/* Returns 0, -ENOMEM, or -EIO when the system has no random numbers. */
int directory_create(struct directory **ret_directory);
void directory_destroy(struct directory *directory);
DEFINE_CLEANUP(struct directory, directory_destroy)

/* An entry lives in the object listed, so listing cannot fail; zeroed when out. */
struct directory_entry {
    struct directory_entry *next;
    void *owner; /* whom to find */
    uint32_t hash;
    const char *ufrag; /* borrowed; or NULL for a path entry */
    struct path path;
};

/* Lists `entry` (all its fields but next and hash set by the caller). A path already listed for
 * another owner is taken over: the newest proof wins. */
void directory_add(struct directory *directory, struct directory_entry *entry);

/* Harmless for an entry that is not listed. */
void directory_remove(struct directory *directory, struct directory_entry *entry);

/* The owner, or NULL. */
void *directory_find_path(const struct directory *directory, const struct path *path);
void *directory_find_ufrag(const struct directory *directory, const char *ufrag, size_t len);

#endif
