/* values.h: a setting's text -> a field of struct config. */
#ifndef MIGRATE_CONFIG_VALUES_H
#define MIGRATE_CONFIG_VALUES_H

#include "config/sources.h"

/* Reads the value into the field. MIGRATE_CONFIGURATION with the value's place. */
typedef bool take_function(const struct sources *sources, const struct value *value, void *field, struct error *err);
take_function take_text, take_location, take_locations, take_file_template, take_history_table, take_pooler,
    take_milliseconds, take_wait, take_seconds, take_ssl_mode, take_certificate;

/* %(here)s is the folder of the file and %% a %, as in alembic.ini. A lone % stands for itself, since URLs have it. */
MUST_CHECK bool value_interpolate(const struct sources *sources, const struct value *value, const char **result,
                                  struct error *err);

#endif
