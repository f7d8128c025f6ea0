/* libssl.h: OpenSSL's libssl, loaded when a certificate is looked at. */
#ifndef MIGRATE_DATABASE_LIBSSL_H
#define MIGRATE_DATABASE_LIBSSL_H

#include "base/error.h"

/* Must have succeeded before the first call into libssl; costs nothing when repeated. MIGRATE_FILE. */
MUST_CHECK bool libssl_load(struct error *err);

#endif
