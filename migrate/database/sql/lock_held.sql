-- Fails unless this session holds the advisory lock with the key $1 (upper half) and $2 (lower half). The text
-- depends on the count, so that the planner cannot work the failing cast out beforehand.
SELECT CASE count(*) WHEN 1 THEN 1 ELSE ('migration lock held ' || count(*) || ' times')::int END
  FROM pg_locks
 WHERE locktype = 'advisory'
   AND granted
   AND pid = pg_backend_pid()
   AND classid = $1
   AND objid = $2
   AND objsubid = 1
