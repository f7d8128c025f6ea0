-- Tables of the schema $2 that the role $1 does not own, and so may not alter, by owner. $3, $4 and $5 are left out.
SELECT pg_get_userbyid(c.relowner), count(*), min(c.relname)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.rolname = $1
 WHERE n.nspname = $2
   AND c.relname NOT IN ($3, $4, $5)
   AND c.relkind IN ('r', 'p')
   AND NOT pg_has_role(r.oid, c.relowner, 'USAGE')
 GROUP BY c.relowner
 ORDER BY count(*) DESC
