-- What an interrupted REINDEX CONCURRENTLY has left beside an index or a table: invalid indexes with its endings.
-- $1: the index, or NULL; $2: the table, or NULL; both as a statement names them.
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT i.indisvalid
   AND c.relname ~ '_cc(new|old)[0-9]*$'
   AND i.indrelid = coalesce((SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid = to_regclass($1)),
                             to_regclass($2))
 ORDER BY 1
