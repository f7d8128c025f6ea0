-- Transactions of this database that have been open for the time $1, oldest first; prepared ones too, which outlive their
-- session. What other sessions do is hidden from an ordinary role; the statements are left out, which may hold secrets.
SELECT pid::text,
       usename::text,
       application_name,
       coalesce(host(client_addr), 'this machine'),
       state,
       extract(epoch FROM now() - xact_start)::bigint AS seconds,
       NULL AS prepared
  FROM pg_catalog.pg_stat_activity
 WHERE datname = current_database()
   AND pid <> pg_backend_pid()
   AND xact_start < now() - $1::interval
   AND backend_type = 'client backend'
 UNION ALL
SELECT NULL, owner::text, NULL, NULL, NULL, extract(epoch FROM now() - prepared)::bigint, gid
  FROM pg_catalog.pg_prepared_xacts
 WHERE database = current_database()
   AND prepared < now() - $1::interval
 ORDER BY seconds DESC
