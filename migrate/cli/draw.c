/* draw.c: lanes. Each lane waits for one revision, which a child above named as its parent. A revision takes the
 * leftmost lane that waits for it, the others that do end there, and the lane goes on to its first parent; more parents
 * open lanes of their own. Between two revisions stands at most one line for what ends and one for what opens. */
#include "cli/draw.h"

struct lane {
    const char *waits_for; /* NULL: free */
    size_t colour;
};

struct lanes {
    struct lane *items;
    size_t count;
    size_t capacity;
    size_t colours; /* given out so far */
};

struct strokes {
    const char *node, *base, *current, *line, *dots;
    const char *tee, *across, *cross;       /* from the revision's lane, over free lanes, over lanes in use */
    const char *open, *close, *join, *slip; /* at the other end; `slip` stands before it */
};

static const struct strokes ascii = {"*", "o", "@", "|", ":", "|", "-", "+", " ", " ", "|", NULL};
static const struct strokes unicode = {"●", "○", "◉", "│", "┊", "├", "─", "┼", "╮", "╯", "┤", "─"};

struct picture {
    struct buffer out;
    const struct migrate_listing *listing;
    const struct strokes *strokes;
    const struct palette *palette;
    struct lanes lanes;
};

/* Where a parent of revision `child` stands; revision_count if it is not listed. Parents stand below, and mostly near.
 */
static size_t listed_below(const struct migrate_listing *listing, size_t child, const char *parent)
{
    size_t at = child + 1;
    while (at < listing->revision_count && strcmp(listing->revisions[at].revision, parent) != 0)
        at++;
    return at;
}

static const char *lane_colour(const struct picture *picture, size_t lane)
{
    const struct palette *p = picture->palette;
    const char *const colours[] = {p->green, p->blue, p->magenta, p->cyan, p->yellow, p->red};
    return colours[picture->lanes.items[lane].colour % (sizeof colours / sizeof colours[0])];
}

static size_t waiting(const struct lanes *lanes, const char *revision, size_t from)
{
    while (from < lanes->count &&
           !(lanes->items[from].waits_for && strcmp(lanes->items[from].waits_for, revision) == 0))
        from++;
    return from;
}

/* The first free lane right of `from`, made if there is none. */
static size_t open_lane(struct picture *picture, size_t from, const char *revision)
{
    struct lanes *lanes = &picture->lanes;
    while (from < lanes->count && lanes->items[from].waits_for)
        from++;
    if (from == lanes->count)
        ARENA_PUSH(picture->out.arena, lanes, (struct lane){0});
    lanes->items[from] = (struct lane){.waits_for = revision, .colour = lanes->colours++};
    return from;
}

static void close_lane(struct lanes *lanes, size_t lane)
{
    lanes->items[lane].waits_for = NULL;
    while (lanes->count && !lanes->items[lanes->count - 1].waits_for)
        lanes->count--;
}

static void stroke(struct picture *picture, size_t lane, const char *mark)
{
    if (*mark == ' ')
        buffer_character(&picture->out, ' ');
    else
        buffer_printf(&picture->out, "%s%s%s", lane_colour(picture, lane), mark, picture->palette->off);
}

/* Spaces at the end of a line would only be in the way of whoever copies it. */
static void end_line(struct buffer *out)
{
    while (out->length && out->at[out->length - 1] == ' ')
        out->length--;
    buffer_character(out, '\n');
}

/* A line across from lane `near` to lane `far` on its right. `mark` stands at the far end, `slant` (ASCII) before it.
 */
static void link_line(struct picture *picture, size_t near, size_t far, const char *mark, const char *slant)
{
    const struct strokes *s = picture->strokes;
    for (size_t lane = 0; lane < picture->lanes.count; lane++) {
        bool used = picture->lanes.items[lane].waits_for, inside = lane > near && lane < far;
        if (lane == near)
            stroke(picture, far, s->tee);
        else if (lane == far)
            stroke(picture, far, mark);
        else if (inside)
            stroke(picture, far, used ? s->cross : s->across);
        else
            stroke(picture, lane, used ? s->line : " ");
        bool before_far = lane + 1 == far;
        if (lane >= near && lane < far)
            stroke(picture, far, before_far ? (s->slip ? s->slip : slant) : s->across);
        else
            buffer_character(&picture->out, ' ');
    }
    end_line(&picture->out);
}

/* Lanes that waited for the same revision end in its lane. */
static void join_lanes(struct picture *picture, const char *revision, size_t own)
{
    struct lanes *lanes = &picture->lanes;
    for (size_t lane = waiting(lanes, revision, own + 1); lane < lanes->count;
         lane = waiting(lanes, revision, own + 1)) {
        link_line(picture, own, lane, picture->strokes->close, "/");
        close_lane(lanes, lane);
    }
}

static void node_line(struct picture *picture, const struct migrate_revision *revision, size_t own, const char *label)
{
    const struct strokes *s = picture->strokes;
    const char *node = revision->is_current == MIGRATE_YES  ? s->current
                       : revision->down_revision_count == 0 ? s->base
                                                            : s->node;
    for (size_t lane = 0; lane < picture->lanes.count; lane++) {
        stroke(picture, lane, lane == own ? node : picture->lanes.items[lane].waits_for ? s->line : " ");
        buffer_character(&picture->out, ' ');
    }
    buffer_printf(&picture->out, " %s", label);
    end_line(&picture->out);
}

/* All its parents are outside the listing: dots say that it goes on. */
static void dots_line(struct picture *picture, size_t own)
{
    const struct strokes *s = picture->strokes;
    for (size_t lane = 0; lane < picture->lanes.count; lane++) {
        stroke(picture, lane, lane == own ? s->dots : picture->lanes.items[lane].waits_for ? s->line : " ");
        buffer_character(&picture->out, ' ');
    }
    end_line(&picture->out);
}

static void follow_parents(struct picture *picture, size_t index, size_t own)
{
    const struct migrate_revision *revision = &picture->listing->revisions[index];
    struct lanes *lanes = &picture->lanes;
    bool own_is_taken = false;
    for (size_t i = 0; i < revision->down_revision_count; i++) {
        const char *parent = revision->down_revisions[i];
        if (listed_below(picture->listing, index, parent) == picture->listing->revision_count)
            continue;
        if (!own_is_taken) {
            lanes->items[own].waits_for = parent;
            own_is_taken = true;
            continue;
        }
        size_t lane = waiting(lanes, parent, own + 1);
        bool joins = lane < lanes->count;
        if (!joins)
            lane = open_lane(picture, own + 1, parent);
        link_line(picture, own, lane, joins ? picture->strokes->join : picture->strokes->open, "\\");
    }
    if (!own_is_taken && revision->down_revision_count)
        dots_line(picture, own);
    if (!own_is_taken)
        close_lane(lanes, own);
}

const char *draw_text(const struct migrate_listing *listing, bool is_unicode, const struct palette *palette,
                      const char *(*label)(const struct migrate_revision *, const struct palette *, struct arena *),
                      struct arena *arena)
{
    struct picture picture = {
        .out = {.arena = arena}, .listing = listing, .strokes = is_unicode ? &unicode : &ascii, .palette = palette};
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        size_t own = waiting(&picture.lanes, revision->revision, 0);
        if (own == picture.lanes.count)
            own = open_lane(&picture, 0, revision->revision);
        join_lanes(&picture, revision->revision, own);
        node_line(&picture, revision, own, label(revision, palette, arena));
        follow_parents(&picture, i, own);
    }
    return buffer_done(&picture.out);
}

/* --- other programs' languages -------------------------------------------------------------------- */

static void dot_quoted(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buffer_character(out, '\\');
        buffer_character(out, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

static void dot_edges(struct buffer *out, const struct migrate_revision *revision, const char *const *parents,
                      size_t count, const char *style)
{
    for (size_t i = 0; i < count; i++) {
        buffer_string(out, "    \"");
        dot_quoted(out, parents[i]);
        buffer_string(out, "\" -> \"");
        dot_quoted(out, revision->revision);
        buffer_printf(out, "\"%s;\n", style);
    }
}

const char *draw_dot(const struct migrate_listing *listing, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    buffer_string(
        &out, "digraph revisions {\n    rankdir=BT;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        buffer_string(&out, "    \"");
        dot_quoted(&out, revision->revision);
        buffer_string(&out, "\" [label=\"");
        dot_quoted(&out, revision->revision);
        buffer_string(&out, "\\n");
        dot_quoted(&out, revision->message);
        buffer_printf(&out, "\"%s];\n",
                      revision->is_current == MIGRATE_YES ? ", style=\"rounded,filled\", fillcolor=lightblue"
                      : revision->is_head                 ? ", penwidth=2"
                                                          : "");
    }
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        dot_edges(&out, revision, revision->down_revisions, revision->down_revision_count, "");
        dot_edges(&out, revision, revision->depends_on, revision->depends_on_count,
                  " [style=dashed, constraint=false]");
    }
    buffer_string(&out, "}\n");
    return buffer_done(&out);
}

/* Mermaid has no escape; it knows characters by number. */
static void mermaid_quoted(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\"#<>&`;\\[]{}|", *text))
            buffer_printf(out, "#%d;", *text);
        else
            buffer_character(out, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

/* Ids of ours could be words of Mermaid's ("end"); its nodes are numbered instead. */
static void mermaid_edges(struct buffer *out, const struct migrate_listing *listing, size_t child,
                          const char *const *parents, size_t count, const char *arrow)
{
    for (size_t i = 0; i < count; i++) {
        size_t parent = listed_below(listing, child, parents[i]);
        if (parent < listing->revision_count)
            buffer_printf(out, "    r%zu %s r%zu\n", parent, arrow, child);
    }
}

const char *draw_mermaid(const struct migrate_listing *listing, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    buffer_string(&out, "flowchart BT\n");
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        buffer_printf(&out, "    r%zu[\"", i);
        mermaid_quoted(&out, revision->revision);
        buffer_string(&out, "<br/>");
        mermaid_quoted(&out, revision->message);
        buffer_printf(&out, "\"]%s\n", revision->is_current == MIGRATE_YES ? ":::current" : "");
    }
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        mermaid_edges(&out, listing, i, revision->down_revisions, revision->down_revision_count, "-->");
        mermaid_edges(&out, listing, i, revision->depends_on, revision->depends_on_count, "-.->");
    }
    buffer_string(&out, "    classDef current fill:#bbdefb\n");
    return buffer_done(&out);
}
