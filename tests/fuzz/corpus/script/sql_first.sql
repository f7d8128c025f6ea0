-- Revision ID: a
SELECT 1;
-- migrate:upgrade
