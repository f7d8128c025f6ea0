-- How far the index build of the session with the pid $1 is: of its phase, in blocks or else in rows; -1: not known.
SELECT phase,
       blocks_done,
       blocks_total,
       CASE WHEN blocks_total > 0 THEN round(100.0 * blocks_done / blocks_total, 1)
            WHEN tuples_total > 0 THEN round(100.0 * tuples_done / tuples_total, 1)
            ELSE -1
       END
  FROM pg_stat_progress_create_index
 WHERE pid = $1::int
