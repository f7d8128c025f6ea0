-- index only active users
--
-- Logging in looks for active users alone. (SQLite knows the word `true` since 3.23.)
--
-- Revision ID: 09c3f5e8b74d
-- Revises: e81d64a90c72
-- Create Date: 2026-02-16 16:40:00+00:00

-- migrate:upgrade postgresql autocommit
CREATE INDEX CONCURRENTLY idx_users_active_username ON users (username) WHERE is_active = true;

-- migrate:upgrade sqlite
CREATE INDEX idx_users_active_username ON users (username) WHERE is_active = true;

-- migrate:downgrade postgresql autocommit
DROP INDEX CONCURRENTLY idx_users_active_username;

-- migrate:downgrade sqlite
DROP INDEX idx_users_active_username;
