-- Who is in the way of the session with the pid $1, one row each. Nothing known (a prepared transaction has the pid 0,
-- and an ordinary role is not shown everything) is an empty string. What follows the word password is nobody's business, nor is
-- the password of a URL.
SELECT b.pid,
       coalesce(a.application_name, ''),
       coalesce(a.usename, ''),
       coalesce(host(a.client_addr), ''),
       coalesce(a.state, ''),
       coalesce(to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
       coalesce(left(regexp_replace(regexp_replace(split_part(ltrim(a.query, E' \t\r\n'), E'\n', 1),
                                                   '(://[^:/@ ]*):[^ '']*@', '\1@', 'g'),
                                    '(password)\M.*', '\1 ...', 'i'), 80), '')
  FROM (SELECT DISTINCT unnest(pg_blocking_pids($1::int)) AS pid) b
  LEFT JOIN pg_stat_activity a ON a.pid = b.pid
 ORDER BY a.state_change, b.pid
 LIMIT 5
