/* draw.h: the graph of revisions as a picture: in text, for Graphviz, for Mermaid. */
#ifndef MIGRATE_CLI_DRAW_H
#define MIGRATE_CLI_DRAW_H

#include "base/text.h"
#include "cli/palette.h"
#include "migrate.h"

/* One revision a line, newest first as listed, with its lines to parents on the left. `label` gives what stands beside
 * a revision. Parents that the listing leaves out end in dots. */
const char *draw_text(const struct migrate_listing *listing, bool is_unicode, const struct palette *palette,
                      const char *(*label)(const struct migrate_revision *, const struct palette *, struct arena *),
                      struct arena *arena);
/* For dot(1). Edges go from parent to child, dashed for Depends On. */
const char *draw_dot(const struct migrate_listing *listing, struct arena *arena);
/* A flowchart as Markdown renders it between ```mermaid and ```. */
const char *draw_mermaid(const struct migrate_listing *listing, struct arena *arena);

#endif
