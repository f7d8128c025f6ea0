SELECT $$a;b$$;
SELECT $$$$;
SELECT $a$;$a$;
SELECT $a$ $b$ ; $b$ $a$;
SELECT $a$ $$ ; $$ $a$;
SELECT $A$ $a$ ; $A$;
SELECT $a_1$;$a_1$;
SELECT $_$;$_$;
SELECT $é$;$é$;
SELECT $body$ 'it''s; $body $ body$ $body$;
SELECT $a$ $a ; $aa$ ; $ a$ $a$;
SELECT $a$b$a$;
SELECT $a$$b$a$;
SELECT $a$ $b$a$;
SELECT $$ ' ; $$, ' $$ ; ';
SELECT $1;
SELECT $1, $2;
SELECT $1$$;$$;
SELECT $12345::int;
SELECT a$b$c FROM t;
SELECT a$$b FROM t;
SELECT t$1 FROM t$2;
SELECT é$$x FROM t;
SELECT $x$
-- not a comment;
/* nor this;
$x$;
DO $$ BEGIN RAISE NOTICE 'a;'; END $$;
DO LANGUAGE plpgsql $do$ DECLARE a int; BEGIN a := 1; END; $do$;
DO $outer$
BEGIN
    EXECUTE $inner$ CREATE TABLE x (a int); $inner$;
    EXECUTE format($f$ DROP TABLE %I; $f$, 'x');
END;
$outer$;
DO 'BEGIN NULL; END';
DO E'BEGIN RAISE NOTICE \'x;\'; END';
DO $$
BEGIN

    -- an empty line above;
    PERFORM 1;

END $$;
CREATE FUNCTION dollar1() RETURNS void LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$;
CREATE FUNCTION dollar2() RETURNS void LANGUAGE sql AS $fn$ SELECT $$;$$; $fn$;
CREATE FUNCTION dollar3(text) RETURNS text LANGUAGE sql AS $_$ SELECT $1 || ';'; $_$;
CREATE OR REPLACE FUNCTION dollar4() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF NEW.a IS NULL THEN
        RAISE EXCEPTION 'a; is null';
    END IF;
    CASE NEW.b WHEN 1 THEN NULL; ELSE RETURN NULL; END CASE;
    RETURN NEW;
END;
$function$;
CREATE PROCEDURE dollar5() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END; $$;
CREATE FUNCTION dollar6() RETURNS int AS 'SELECT 1;' LANGUAGE sql;
CREATE FUNCTION dollar7() RETURNS int AS E'SELECT \'\';1;' LANGUAGE sql;
CREATE FUNCTION dollar8() RETURNS int AS 'begin; return 1; end;' LANGUAGE plpgsql;
CREATE FUNCTION dollar9() RETURNS int AS $begin$ BEGIN RETURN 1; END; $begin$ LANGUAGE plpgsql;
CREATE FUNCTION dollar10() RETURNS int RETURN 1;
CREATE FUNCTION dollar11(a int DEFAULT CASE WHEN true THEN 1 ELSE 2 END) RETURNS int RETURN a;
SELECT $ending$ with the file; $ending$
