-- Who this session is: its server process, since when, and the database; and whether the server is a standby. Pid and
-- start together name the session for ever: a pid may be used again.
SELECT pid,
       to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
       current_database(),
       pg_is_in_recovery()
  FROM pg_stat_get_activity(pg_backend_pid())
