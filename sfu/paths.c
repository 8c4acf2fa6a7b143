/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/paths.h"

#include <assert.h>
#include <stddef.h>

#include "sfu/tcp.h"

void paths_init(struct paths *p, struct directory *directory, void *owner)
{
    *p = (struct paths){.directory = directory, .owner = owner};
}

static void forget(struct paths *p, struct proven *path)
{
    directory_remove(p->directory, &path->entry);
    if (path->entry.path.link)
        list_remove(&path->use);
    else
        send_flow_end(path->entry.path.via, &path->flow);
    *path = (struct proven){0};
    if (p->selected == path)
        p->selected = NULL;
}

void paths_finish(struct paths *p)
{
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++)
        if (p->all[i].listed)
            forget(p, &p->all[i]);
}

struct proven *paths_find(struct paths *p, const struct path *path)
{
    if (p->selected && path_equal(&p->selected->entry.path, path))
        return p->selected;
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++)
        if (p->all[i].listed && path_equal(&p->all[i].entry.path, path))
            return &p->all[i];
    return NULL;
}

bool paths_holds(struct paths *p, const struct path *path, uint64_t now_us)
{
    const struct proven *held = paths_find(p, path);
    return held && now_us - held->heard_us < PATHS_SILENT_US;
}

/* A free place, or that of the one not checked for longest. */
static struct proven *find_place(struct paths *p)
{
    struct proven *oldest = NULL;
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++) {
        struct proven *it = &p->all[i];
        if (!it->listed)
            return it;
        if (it != p->selected && (!oldest || it->checked_us < oldest->checked_us))
            oldest = it;
    }
    assert(oldest); /* at most one of several is selected */
    forget(p, oldest);
    return oldest;
}

static struct proven *add(struct paths *p, const struct path *path)
{
    struct proven *added = find_place(p);
    added->entry = (struct directory_entry){.owner = p->owner, .path = *path};
    added->listed = true;
    added->of = p;
    if (path->link)
        tcp_use(path->link, &added->use);
    directory_add(p->directory, &added->entry);
    return added;
}

struct proven *paths_checked(struct paths *p, const struct path *from, bool outdated,
                             uint64_t now_us)
{
    struct proven *path = paths_find(p, from);
    if (!path)
        path = add(p, from);
    else if (directory_find_path(p->directory, from) != p->owner)
        directory_add(p->directory, &path->entry); /* another had taken it over */
    path->checked_us = now_us;
    path->outdated = outdated;
    p->checked_us = now_us;
    paths_heard(p, path, now_us);
    return path;
}

void paths_heard(struct paths *p, struct proven *path, uint64_t now_us)
{
    const struct proven *now = p->selected;
    path->heard_us = now_us;
    p->heard_us = now_us;
    if (now && now_us - now->heard_us >= PATHS_STALE_US && (now->outdated || !path->outdated))
        p->selected = path;
}

bool paths_are_silent(const struct paths *p, uint64_t now_us)
{
    return now_us - p->heard_us >= PATHS_SILENT_US;
}

void paths_outdate(struct paths *p)
{
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++)
        p->all[i].outdated = p->all[i].listed;
}

void paths_forget_outdated(struct paths *p)
{
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++)
        if (p->all[i].outdated)
            forget(p, &p->all[i]);
}

/* Where nothing is selected any more, the one with the latest proof is. */
static void select_another(struct paths *p)
{
    struct proven *latest = NULL;
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++) {
        struct proven *it = &p->all[i];
        if (it->listed && (!latest || it->checked_us > latest->checked_us))
            latest = it;
    }
    if (!p->selected)
        p->selected = latest;
}

void paths_expire(struct paths *p, uint64_t now_us)
{
    for (size_t i = 0; i < LIMIT_ICE_PATHS; i++)
        if (p->all[i].listed && now_us - p->all[i].checked_us >= PATHS_CONSENT_US)
            forget(p, &p->all[i]);
    select_another(p);
}

bool paths_have_consent(const struct paths *p, uint64_t now_us)
{
    return now_us - p->checked_us < PATHS_CONSENT_US;
}

void paths_lose(struct list *users)
{
    while (!list_is_empty(users)) {
        struct proven *lost = LIST_ENTRY(users->next, struct proven, use);
        struct paths *p = lost->of;
        assert(p); /* it is listed */
        forget(p, lost);
        select_another(p);
    }
}
