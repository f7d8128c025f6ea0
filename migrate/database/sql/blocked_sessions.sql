-- Who waits for a lock of whom, in this database, longest first. A blocker 0 is a prepared transaction.
SELECT DISTINCT ON (waiting.pid, blocker.pid)
       waiting.pid,
       coalesce(a.application_name, ''),
       coalesce(waiting.relation::regclass::text, waiting.locktype),
       coalesce(extract(epoch FROM now() - a.state_change)::bigint, 0),
       blocker.pid,
       coalesce(b.usename::text, ''),
       coalesce(b.application_name, ''),
       coalesce(b.state, 'not to be seen')
  FROM pg_catalog.pg_locks waiting
 CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker (pid)
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = waiting.pid
  LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = blocker.pid
 WHERE NOT waiting.granted
   AND a.datname = current_database()
 ORDER BY waiting.pid, blocker.pid
