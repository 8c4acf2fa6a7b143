/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/caption.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

/* Letters of this height, in pixels, are laid out only to see whether there is a font. */
#define UNKNOWN_SIZE 12

/* Lays the text out on a surface of one pixel, to measure it, or of its own size, to draw it. */
static PangoLayout *lay_out(cairo_t *cairo, const char *text, int size, int max_width)
{
    PangoLayout *layout = pango_cairo_create_layout(cairo);
    PangoFontDescription *font =
        pango_font_description_from_string("Noto Sans CJK SC, DejaVu Sans");
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    char *valid = g_utf8_make_valid(text, -1);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    pango_layout_set_text(layout, valid, -1);
    g_free(valid);
    pango_layout_set_width(layout, max_width < 0 ? -1 : max_width * PANGO_SCALE);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    return layout;
}

static int draw(cairo_surface_t *surface, const char *text, int size, int max_width, int *ret_width,
                int *ret_height)
{
    cairo_t *cairo = cairo_create(surface);
    PangoLayout *layout = lay_out(cairo, text, size, max_width);
    pango_layout_get_pixel_size(layout, ret_width, ret_height);
    pango_cairo_show_layout(cairo, layout);
    g_object_unref(layout);
    int error = cairo_status(cairo) == CAIRO_STATUS_SUCCESS ? 0 : -ENOMEM;
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    return error;
}

int caption_make(const char *text, int size, int max_width, struct canvas_mask *ret_mask)
{
    int width = 0, height = 0;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    int error = draw(surface, text, size, max_width, &width, &height);
    cairo_surface_destroy(surface);
    if (error)
        return error;
    width = width > 0 ? width : 1;
    height = height > 0 ? height : 1;
    surface = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
    int drawn_width, drawn_height;
    error = draw(surface, text, size, max_width, &drawn_width, &drawn_height);
    struct canvas_mask mask = {
        .width = width, .height = height, .stride = cairo_image_surface_get_stride(surface)};
    size_t bytes = (size_t)mask.stride * (size_t)height;
    const unsigned char *data = cairo_image_surface_get_data(surface);
    mask.coverage = error || !data ? NULL : malloc(bytes);
    if (mask.coverage)
        memcpy(mask.coverage, data, bytes);
    cairo_surface_destroy(surface);
    if (!mask.coverage)
        return -ENOMEM;
    *ret_mask = mask;
    return 0;
}

int caption_unknown(const char *text)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cairo = cairo_create(surface);
    PangoLayout *layout = lay_out(cairo, text, UNKNOWN_SIZE, -1);
    int unknown = pango_layout_get_unknown_glyphs_count(layout);
    g_object_unref(layout);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return unknown;
}
