-- add tags
--
-- Revision ID: 1975ea83b712
-- Revises: 27c6a30d7c24, b
-- Branch Labels: inventory
-- Depends On: c
-- Create Date: 2026-11-20 12:00:00+00:00

-- migrate:upgrade
CREATE TABLE t (id int);
-- migrate:upgrade postgresql autocommit lock_timeout=5s statement_timeout=10min
CREATE INDEX CONCURRENTLY i ON t (id);
-- migrate:upgrade sqlite
PRAGMA user_version = 1;
-- migrate:downgrade
DROP TABLE t;
