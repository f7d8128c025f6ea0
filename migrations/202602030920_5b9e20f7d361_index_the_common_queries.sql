-- index the common queries
--
-- Composite indexes for what every page asks: a kitchen's lists by date, a list's items by status, a kitchen's stock by
-- name. On PostgreSQL they are built while the application goes on writing.
--
-- Revision ID: 5b9e20f7d361
-- Revises: d4071e93c5a8
-- Create Date: 2026-02-03 09:20:00+00:00

-- migrate:upgrade postgresql autocommit
CREATE INDEX CONCURRENTLY idx_shopping_lists_kitchen_created ON shopping_lists (kitchen_id, created_at);
CREATE INDEX CONCURRENTLY idx_shopping_list_items_list_purchased ON shopping_list_items (shopping_list_id, is_purchased);
CREATE INDEX CONCURRENTLY idx_pantry_items_kitchen_name ON pantry_items (kitchen_id, name);
CREATE INDEX CONCURRENTLY idx_refrigerator_items_kitchen_name ON refrigerator_items (kitchen_id, name);
CREATE INDEX CONCURRENTLY idx_freezer_items_kitchen_name ON freezer_items (kitchen_id, name);

-- migrate:upgrade sqlite
CREATE INDEX idx_shopping_lists_kitchen_created ON shopping_lists (kitchen_id, created_at);
CREATE INDEX idx_shopping_list_items_list_purchased ON shopping_list_items (shopping_list_id, is_purchased);
CREATE INDEX idx_pantry_items_kitchen_name ON pantry_items (kitchen_id, name);
CREATE INDEX idx_refrigerator_items_kitchen_name ON refrigerator_items (kitchen_id, name);
CREATE INDEX idx_freezer_items_kitchen_name ON freezer_items (kitchen_id, name);

-- migrate:downgrade postgresql autocommit
DROP INDEX CONCURRENTLY idx_freezer_items_kitchen_name;
DROP INDEX CONCURRENTLY idx_refrigerator_items_kitchen_name;
DROP INDEX CONCURRENTLY idx_pantry_items_kitchen_name;
DROP INDEX CONCURRENTLY idx_shopping_list_items_list_purchased;
DROP INDEX CONCURRENTLY idx_shopping_lists_kitchen_created;

-- migrate:downgrade sqlite
DROP INDEX idx_freezer_items_kitchen_name;
DROP INDEX idx_refrigerator_items_kitchen_name;
DROP INDEX idx_pantry_items_kitchen_name;
DROP INDEX idx_shopping_list_items_list_purchased;
DROP INDEX idx_shopping_lists_kitchen_created;
