-- The two roles of Winnow and its database, for psql. Can be run again: it repairs what is missing and sets
-- the passwords anew. Used by the embedded services and, as an init script, by the PostgreSQL container.
--   winnow_owner  owns the database and everything in it; runs migrations
--   winnow_app    the product: owns nothing, and may use what the owner makes. Migrations take rights away
--                 from it again where rows must never change.
\set ON_ERROR_STOP on
\getenv owner_password WINNOW_OWNER_PASSWORD
\getenv app_password WINNOW_APP_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['winnow_app', 'winnow_owner']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
ALTER ROLE winnow_app PASSWORD :'app_password';
-- CREATEDB: the test suite makes its databases with this role.
ALTER ROLE winnow_owner CREATEDB PASSWORD :'owner_password';
GRANT winnow_app TO winnow_owner;

-- Default privileges belong to one database, and a new database copies those of template1.
\connect template1
ALTER DEFAULT PRIVILEGES FOR ROLE winnow_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO winnow_app;
ALTER DEFAULT PRIVILEGES FOR ROLE winnow_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO winnow_app;
ALTER DEFAULT PRIVILEGES FOR ROLE winnow_owner IN SCHEMA public
    GRANT EXECUTE ON FUNCTIONS TO winnow_app;

\connect postgres
SELECT 'CREATE DATABASE winnow OWNER winnow_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'winnow')
\gexec
REVOKE CONNECT, TEMPORARY ON DATABASE winnow FROM PUBLIC;
GRANT CONNECT ON DATABASE winnow TO winnow_app;
