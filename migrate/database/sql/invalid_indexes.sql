-- Indexes that queries do not use, and that cost every write all the same: what a CREATE INDEX CONCURRENTLY leaves behind
-- that failed. Those being built now are left out.
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       x.indrelid::regclass::text,
       c.relkind = 'I'
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT x.indisvalid
   AND n.nspname NOT LIKE 'pg\_toast%'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)
 ORDER BY 1
