-- search items by their words
--
-- PostgreSQL: GIN indexes over the English text search vector. SQLite: FTS5 tables under the same names, with English
-- stemming. They hold the index alone, the words stay in the item's own row, and triggers keep them current. REPLACE
-- removes a row without firing a delete trigger (unless recursive_triggers is on): write ON CONFLICT ... DO UPDATE.
--
-- Revision ID: e81d64a90c72
-- Revises: 5b9e20f7d361
-- Create Date: 2026-02-10 11:05:00+00:00

-- migrate:upgrade postgresql autocommit
CREATE INDEX CONCURRENTLY idx_shopping_list_items_fulltext ON shopping_list_items
USING gin(to_tsvector('english', coalesce(name, '') || ' ' || coalesce(description, '') || ' ' || coalesce(notes, '')));

CREATE INDEX CONCURRENTLY idx_pantry_items_fulltext ON pantry_items
USING gin(to_tsvector('english', coalesce(name, '') || ' ' || coalesce(description, '')));

-- migrate:upgrade sqlite
CREATE VIRTUAL TABLE idx_shopping_list_items_fulltext USING fts5(
    name, description, notes,
    content = 'shopping_list_items', content_rowid = 'id', tokenize = 'porter unicode61'
);
INSERT INTO idx_shopping_list_items_fulltext (idx_shopping_list_items_fulltext) VALUES ('rebuild');

CREATE TRIGGER idx_shopping_list_items_fulltext_insert AFTER INSERT ON shopping_list_items BEGIN
    INSERT INTO idx_shopping_list_items_fulltext (rowid, name, description, notes)
    VALUES (new.id, new.name, new.description, new.notes);
END;

CREATE TRIGGER idx_shopping_list_items_fulltext_delete AFTER DELETE ON shopping_list_items BEGIN
    INSERT INTO idx_shopping_list_items_fulltext (idx_shopping_list_items_fulltext, rowid, name, description, notes)
    VALUES ('delete', old.id, old.name, old.description, old.notes);
END;

CREATE TRIGGER idx_shopping_list_items_fulltext_update
AFTER UPDATE OF id, name, description, notes ON shopping_list_items BEGIN
    INSERT INTO idx_shopping_list_items_fulltext (idx_shopping_list_items_fulltext, rowid, name, description, notes)
    VALUES ('delete', old.id, old.name, old.description, old.notes);
    INSERT INTO idx_shopping_list_items_fulltext (rowid, name, description, notes)
    VALUES (new.id, new.name, new.description, new.notes);
END;

CREATE VIRTUAL TABLE idx_pantry_items_fulltext USING fts5(
    name, description,
    content = 'pantry_items', content_rowid = 'id', tokenize = 'porter unicode61'
);
INSERT INTO idx_pantry_items_fulltext (idx_pantry_items_fulltext) VALUES ('rebuild');

CREATE TRIGGER idx_pantry_items_fulltext_insert AFTER INSERT ON pantry_items BEGIN
    INSERT INTO idx_pantry_items_fulltext (rowid, name, description) VALUES (new.id, new.name, new.description);
END;

CREATE TRIGGER idx_pantry_items_fulltext_delete AFTER DELETE ON pantry_items BEGIN
    INSERT INTO idx_pantry_items_fulltext (idx_pantry_items_fulltext, rowid, name, description)
    VALUES ('delete', old.id, old.name, old.description);
END;

CREATE TRIGGER idx_pantry_items_fulltext_update AFTER UPDATE OF id, name, description ON pantry_items BEGIN
    INSERT INTO idx_pantry_items_fulltext (idx_pantry_items_fulltext, rowid, name, description)
    VALUES ('delete', old.id, old.name, old.description);
    INSERT INTO idx_pantry_items_fulltext (rowid, name, description) VALUES (new.id, new.name, new.description);
END;

-- migrate:downgrade postgresql autocommit
DROP INDEX CONCURRENTLY idx_pantry_items_fulltext;
DROP INDEX CONCURRENTLY idx_shopping_list_items_fulltext;

-- migrate:downgrade sqlite
DROP TRIGGER idx_pantry_items_fulltext_update;
DROP TRIGGER idx_pantry_items_fulltext_delete;
DROP TRIGGER idx_pantry_items_fulltext_insert;
DROP TABLE idx_pantry_items_fulltext;
DROP TRIGGER idx_shopping_list_items_fulltext_update;
DROP TRIGGER idx_shopping_list_items_fulltext_delete;
DROP TRIGGER idx_shopping_list_items_fulltext_insert;
DROP TABLE idx_shopping_list_items_fulltext;
