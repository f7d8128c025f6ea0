-- Is this Amazon's: RDS has the role, Aurora the function; and does it insist on TLS?
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'rds_superuser'),
       to_regproc('aurora_version') IS NOT NULL,
       current_setting('rds.force_ssl', true)
