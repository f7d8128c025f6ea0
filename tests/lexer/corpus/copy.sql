CREATE TABLE t (a int, b text);
COPY t FROM STDIN;
1	one;
2	it's "two" $$ /* --
3	\\.
\N	\N
\.
SELECT 1;
COPY public.t (a, b) FROM stdin;
\.
copy t from stdin with (format csv, header, delimiter ';');
a;b
1;"x
y"
\.
COPY t FROM STDIN CSV;
1,SELECT 1;
\.x,not the end
 \.
\.
COPY t(a,b)FROM STDIN WITH DELIMITER '|' NULL '';
1|';
\.
COPY t /* from stdin */ FROM /* ; */ STDIN -- ;
;
1	comment
\.
COPY "t;" ("a;") FROM StDiN WHERE a > 1;
1	quoted
\.
COPY BINARY t FROM 'file;stdin';
COPY t FROM '/tmp/stdin';
COPY t FROM PROGRAM 'cat stdin;';
COPY t TO STDOUT;
COPY (SELECT a FROM stdin) TO STDOUT;
COPY (SELECT ';' FROM t) TO '/tmp/x';
SELECT copy FROM stdin;
COPY t FROM STDIN ; -- behind
1	last
\.
