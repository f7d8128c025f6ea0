--
-- PostgreSQL database dump
--

\restrict yq0vKJ7uXkPz5M3lHn8aRwTbC2dEfG1s

-- Dumped from database version 15.20

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET row_security = off;

--
-- Name: touch(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  new.updated_at := now();
  return new;
end;
$$;

--
-- Name: add_one(integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.add_one(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN (a > 0) THEN (a + 1)
             ELSE 0
         END AS "case";
END;

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.kitchens (
    id bigint NOT NULL,
    name text DEFAULT 'a;b'::text NOT NULL,
    CONSTRAINT kitchens_name_check CHECK ((name <> ''::text))
);

CREATE SEQUENCE public.kitchens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.kitchens_id_seq OWNED BY public.kitchens.id;
ALTER TABLE ONLY public.kitchens ALTER COLUMN id SET DEFAULT nextval('public.kitchens_id_seq'::regclass);

--
-- Data for Name: kitchens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.kitchens (id, name) FROM stdin;
1	Grandmother's
2	\\restrict;
\.

SELECT pg_catalog.setval('public.kitchens_id_seq', 2, true);

ALTER TABLE ONLY public.kitchens
    ADD CONSTRAINT kitchens_pkey PRIMARY KEY (id);
CREATE INDEX kitchens_name_idx ON public.kitchens USING btree (name) WHERE (name <> ';'::text);
CREATE TRIGGER touch BEFORE UPDATE ON public.kitchens FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE RULE log AS
    ON DELETE TO public.kitchens DO ( INSERT INTO public.log (id)
  VALUES (old.id);
 INSERT INTO public.log (id)
  VALUES (0);
);

--
-- PostgreSQL database dump complete
--

\unrestrict yq0vKJ7uXkPz5M3lHn8aRwTbC2dEfG1s

