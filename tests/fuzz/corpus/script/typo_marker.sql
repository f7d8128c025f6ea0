-- add tags
--
-- Revision ID: 1975ea83b712
-- Revises: 27c6a30d7c24, b
-- Branch Labels: inventory
-- Depends On: c
-- Create Date: 2026-11-20 12:00:00+00:00

-- migrate:downgarde
