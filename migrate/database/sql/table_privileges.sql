-- Which of the tables $3, $4, $5 of the schema $2 may the role $1 work with: as their owner, or by rights it was given?
SELECT c.relname,
       pg_get_userbyid(c.relowner),
       pg_has_role(r.oid, c.relowner, 'USAGE'),
       has_table_privilege(r.oid, c.oid, 'SELECT') AND has_table_privilege(r.oid, c.oid, 'INSERT')
           AND has_table_privilege(r.oid, c.oid, 'UPDATE') AND has_table_privilege(r.oid, c.oid, 'DELETE')
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.rolname = $1
 WHERE n.nspname = $2
   AND c.relname IN ($3, $4, $5)
   AND c.relkind IN ('r', 'p')
 ORDER BY c.relname
