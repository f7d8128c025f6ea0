-- Who holds this database's advisory lock with the key $1 (upper half) and $2 (lower half).
-- What pg_stat_activity hides from an ordinary role is empty.
SELECT l.pid,
       coalesce(a.application_name, ''),
       coalesce(a.usename, ''),
       coalesce(host(a.client_addr), ''),
       coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory'
   AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.classid = $1
   AND l.objid = $2
   AND l.objsubid = 1
 LIMIT 1
