-- Is there an index of this name beside this table, and is it valid?
-- $1: the index's name as the catalogue has it; $2: the table as a statement names it.
SELECT i.indisvalid AND i.indisready AS is_usable,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
  FROM pg_catalog.pg_class t
  JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace AND c.relname = $1
  JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE t.oid = to_regclass($2)
