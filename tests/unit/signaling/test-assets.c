/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/assets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "place.h"
#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

static void put(const struct place *place, const char *name, const char *text, size_t times)
{
    FILE *file = fopen(place_file(place, name), "we");
    CHECK(file);
    for (size_t i = 0; i < times; i++)
        CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

static struct place make_page(void)
{
    struct place place = place_make();
    put(&place, "index.html", "<!doctype html>", 1);
    CHECK_EQ(mkdir(place_file(&place, "assets"), 0700), 0);
    put(&place, "assets/index-1.js", "let the = 'same again';\n", 1000);
    put(&place, "assets/seal.unknown", "x", 1);
    put(&place, ".hidden.html", "x", 1);
    CHECK_EQ(symlink("/etc/hostname", place_file(&place, "out.txt")), 0);
    return place;
}

static void check_unpacks(const struct assets_file *file)
{
    unsigned char *out = malloc(file->len);
    z_stream z = {.next_in = file->gzip,
                  .avail_in = (uInt)file->gzip_len,
                  .next_out = out,
                  .avail_out = (uInt)file->len};
    CHECK(out);
    CHECK_EQ(inflateInit2(&z, 15 + 16), Z_OK);
    CHECK_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
    CHECK_EQ(z.total_out, file->len);
    CHECK_EQ(memcmp(out, file->data, file->len), 0);
    CHECK_EQ(inflateEnd(&z), Z_OK);
    free(out);
}

static void test_load(void)
{
    struct place place = make_page();
    struct assets *assets = NULL;
    CHECK_EQ(assets_load(place.path, &assets), 0);
    const struct assets_file *index = assets_find(assets, "/index.html");
    CHECK(index && strcmp(index->mime, "text/html; charset=utf-8") == 0);
    CHECK(!index->is_hashed && !index->gzip);
    CHECK_EQ(strlen(index->etag), 66);
    const struct assets_file *script = assets_find(assets, "/assets/index-1.js");
    CHECK(script && script->is_hashed && script->gzip && script->gzip_len < script->len / 10);
    check_unpacks(script);
    CHECK(!assets_find(assets, "/assets/seal.unknown"));
    CHECK(!assets_find(assets, "/.hidden.html"));
    CHECK(!assets_find(assets, "/out.txt"));
    CHECK(!assets_find(assets, "/assets/../index.html"));
    CHECK(!assets_find(assets, "index.html"));
    assets_destroy(assets);
    place_remove(&place);
}

static void test_refusals(void)
{
    struct assets *assets = NULL;
    CHECK_EQ(assets_load("/nowhere", &assets), -ENOENT);
    struct place place = place_make();
    CHECK_EQ(assets_load(place.path, &assets), -ENOENT); /* no index.html */
    put(&place, "index.html", "x", 1);
    put(&place, "big.txt", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        (32 << 20) / 64 + 1);
    CHECK_EQ(assets_load(place.path, &assets), -E2BIG);
    place_remove(&place);
}

#ifdef TEST_FAULTS
static void test_faults(void)
{
    struct place place = make_page();
    for (int n = 0;; n++) {
        struct assets *assets = NULL;
        faults_fail_at(n);
        int r = assets_load(place.path, &assets);
        bool happened = faults_happened();
        faults_fail_at(-1);
        CHECK(happened == (r < 0));
        assets_destroy(assets);
        if (!happened)
            break;
    }
    place_remove(&place);
}
#endif

int main(void)
{
    test_load();
    test_refusals();
#ifdef TEST_FAULTS
    test_faults();
#endif
    return 0;
}
