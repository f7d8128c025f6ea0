\restrict abc
SELECT 1;
\unrestrict abc
\connect x
