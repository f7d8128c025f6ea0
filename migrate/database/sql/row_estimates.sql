-- About how many rows each table has, as the catalogue remembers from the last ANALYZE or VACUUM; $1: names as
-- statements write them, separated by chr(1). -1: never analysed (a table without a page is empty all the same); NULL: no
-- such table. A partitioned table has its partitions' rows.
SELECT CASE WHEN c.oid IS NULL THEN NULL
            WHEN c.relkind = 'p'
            THEN (SELECT CASE WHEN bool_or(l.reltuples < 0 AND pg_relation_size(l.oid) > 0) THEN -1
                              ELSE coalesce(sum(greatest(l.reltuples, 0)), 0) END
                    FROM pg_partition_tree(c.oid) p
                    JOIN pg_catalog.pg_class l ON l.oid = p.relid
                   WHERE p.isleaf)
            WHEN c.reltuples < 0 AND pg_relation_size(c.oid) = 0 THEN 0
            ELSE c.reltuples
       END::bigint
  FROM unnest(string_to_array($1, chr(1))) WITH ORDINALITY AS wanted (name, number)
  LEFT JOIN pg_catalog.pg_class c ON c.oid = to_regclass(wanted.name)
 ORDER BY wanted.number
