COPY t (a, b) FROM STDIN WITH (FORMAT csv); -- x
1;2
\.
SELECT 1;