-- How many connections there are, of how many there may be. Of other users' sessions an ordinary role sees that they are
-- there, and neither their kind nor their state.
SELECT current_setting('max_connections'),
       current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0),
       count(*),
       count(*) FILTER (WHERE state = 'active'),
       count(*) FILTER (WHERE state = 'idle'),
       count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
       count(*) FILTER (WHERE state IS NULL)
  FROM pg_catalog.pg_stat_activity
 WHERE backend_type = 'client backend'
    OR (backend_type IS NULL AND datid IS NOT NULL)
