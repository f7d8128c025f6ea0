/* libgit2.h: libgit2, loaded when git is first asked. */
#ifndef MIGRATE_GIT_LIBGIT2_H
#define MIGRATE_GIT_LIBGIT2_H

#include "base/error.h"

/* Must have succeeded before the first call into libgit2; costs nothing when repeated. MIGRATE_FILE. */
MUST_CHECK bool libgit2_load(struct error *err);

#endif
