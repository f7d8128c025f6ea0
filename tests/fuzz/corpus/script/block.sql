/* a
 b */
-- "Revises: x"
-- Revision ID: a
/* x */ -- migrate : upgrade
