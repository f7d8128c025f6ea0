-- May this session become the role $1 (NULL: it stays who it is), and what may that role do in the schema $2 (NULL: the
-- first of the search path that exists)?
SELECT wanted.role,
       r.oid IS NOT NULL,
       pg_has_role(session_user, r.oid, 'MEMBER'),
       n.nspname,
       has_schema_privilege(r.oid, n.oid, 'CREATE'),
       has_schema_privilege(r.oid, n.oid, 'USAGE'),
       r.rolsuper
  FROM (SELECT coalesce($1, current_user::text) AS role, coalesce($2, current_schema()::text) AS schema) AS wanted
  LEFT JOIN pg_catalog.pg_roles r ON r.rolname = wanted.role
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
