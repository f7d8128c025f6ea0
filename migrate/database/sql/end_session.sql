-- Ends the server process $1 (a pid as text) if it is the one that began at $2, as sql/session.sql has it.
SELECT pg_terminate_backend(pid)
  FROM pg_stat_get_activity($1::int)
 WHERE to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') = $2
