/* report_listing.c: revisions as text. The words of current, heads and history are Alembic's, so that what reads those
 * reads these. */
#include "cli/report.h"

#include "cli/draw.h"

static void mark(struct buffer *out, bool wanted, const char *colour, const char *text, const struct palette *p)
{
    if (wanted)
        buffer_printf(out, " %s(%s)%s", colour, text, p->off);
}

/* "a1 (lab) (head) (current)", in Alembic's order. */
static const char *revision_text(const struct migrate_revision *revision, bool with_points, bool with_current,
                                 const struct palette *p, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    struct names branches = {.items = revision->branches, .count = revision->branch_count};
    buffer_printf(&out, "%s%s%s", p->yellow, visible(revision->revision, arena), p->off);
    mark(&out, branches.count > 0, p->magenta, visible(names_join(branches, ", ", arena), arena), p);
    mark(&out, revision->is_stored, p->magenta, "only in the database", p);
    mark(&out, revision->is_head, p->green, "head", p);
    mark(&out, with_current && revision->is_current == MIGRATE_YES, p->cyan, "current", p);
    mark(&out, with_points && revision->is_branch_point, p->dim, "branchpoint", p);
    mark(&out, with_points && revision->is_merge_point, p->dim, "mergepoint", p);
    return buffer_done(&out);
}

static const char *parents_text(const struct migrate_revision *revision, struct arena *arena)
{
    return revision->down_revision_count
               ? revisions_text(revision->down_revisions, revision->down_revision_count, arena)
               : "<base>";
}

/* "a1 (b1) -> c1 (head), message"; what stands in the first brackets is depended on. */
static void history_line(const struct report *report, const struct migrate_revision *revision)
{
    const struct palette *p = report->console->out;
    struct buffer depends = {.arena = report->arena};
    mark(&depends, revision->depends_on_count > 0, p->dim,
         revisions_text(revision->depends_on, revision->depends_on_count, report->arena), p);
    console_out(report->console, "%s%s -> %s, %s\n", parents_text(revision, report->arena), buffer_done(&depends),
                revision_text(revision, true, true, p, report->arena), visible(revision->message, report->arena));
}

static const char *graph_label(const struct migrate_revision *revision, const struct palette *p, struct arena *arena)
{
    struct buffer out = {.arena = arena};
    buffer_string(&out, revision_text(revision, false, true, p, arena));
    if (revision->depends_on_count)
        buffer_printf(&out, " %s(needs %s)%s", p->dim,
                      revisions_text(revision->depends_on, revision->depends_on_count, arena), p->off);
    buffer_printf(&out, "  %s", visible(revision->message, arena));
    return buffer_done(&out);
}

static void indented(const struct report *report, const char *text)
{
    struct text rest = text_of(text);
    while (rest.length) {
        struct text line = text_split(rest, '\n', &rest);
        console_out(report->console, line.length ? "    %s\n" : "%s\n",
                    visible(arena_copy(report->arena, line.at, line.length), report->arena));
    }
}

/* Alembic's long form. */
static void long_form(const struct report *report, const struct migrate_revision *revision)
{
    struct console *console = report->console;
    struct arena *arena = report->arena;
    struct migrate_revision bare = *revision;
    bare.branch_count = 0; // they have a line of their own
    console_out(console, "%sRev:%s %s\n", console->out->bold, console->out->off,
                revision_text(&bare, true, command_verb(report->line->command) != VERB_CURRENT, console->out, arena));
    console_out(console, "%s: %s\n", revision->is_merge_point ? "Merges" : "Parent", parents_text(revision, arena));
    if (revision->depends_on_count)
        console_out(console, "Also depends on: %s\n",
                    revisions_text(revision->depends_on, revision->depends_on_count, arena));
    if (revision->branch_count)
        console_out(console, "Branch names: %s\n", revisions_text(revision->branches, revision->branch_count, arena));
    if (revision->is_branch_point)
        console_out(console, "Branches into: %s\n", revisions_text(revision->children, revision->child_count, arena));
    console_out(console, "Path: %s\n\n    %s\n\n",
                revision->path ? visible(revision->path, arena) : "none: only the database has it",
                visible(revision->message, arena));
    if (revision->description && *revision->description) {
        indented(report, revision->description);
        console_out(console, "\n");
    }
    console_out(console, "    Revision ID: %s\n    Revises: %s\n", visible(revision->revision, arena),
                revision->down_revision_count ? parents_text(revision, arena) : "");
    if (revision->created)
        console_out(console, "    Create Date: %s\n", visible(revision->created, arena));
    console_out(console, "\n");
}

static void branch_lines(const struct report *report, const struct migrate_revision *revision)
{
    console_out(report->console, "%s\n", revision_text(revision, true, false, report->console->out, report->arena));
    for (size_t i = 0; i < revision->child_count; i++)
        console_out(report->console, "   -> %s\n", visible(revision->children[i], report->arena));
    console_out(report->console, "\n");
}

static void listing_text(const struct report *report, const struct migrate_listing *listing)
{
    enum verb verb = command_verb(report->line->command);
    bool is_long = report->line->global.verbose || verb == VERB_SHOW;
    for (size_t i = 0; i < listing->revision_count; i++) {
        const struct migrate_revision *revision = &listing->revisions[i];
        if (is_long)
            long_form(report, revision);
        else if (verb == VERB_HISTORY)
            history_line(report, revision);
        else if (verb == VERB_BRANCHES)
            branch_lines(report, revision);
        else
            console_out(report->console, "%s\n",
                        revision_text(revision, verb == VERB_CURRENT, false, report->console->out, report->arena));
    }
}

void report_listing(const struct report *report, const struct migrate_listing *listing)
{
    struct console *console = report->console;
    int format = report->line->global.format;
    if (report_wants_json(report))
        console_out(console, "%s\n", json_of_listing(report, listing));
    else if (!listing)
        return;
    else if (format == FORMAT_DOT)
        console_out(console, "%s", draw_dot(listing, report->arena));
    else if (format == FORMAT_MERMAID)
        console_out(console, "%s", draw_mermaid(listing, report->arena));
    else if (command_verb(report->line->command) == VERB_HISTORY && report->line->history.graph)
        console_out(console, "%s", draw_text(listing, console->is_unicode, console->out, graph_label, report->arena));
    else
        listing_text(report, listing);
}
