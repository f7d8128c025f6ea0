-- strings and identifiers
SELECT 'plain';
SELECT 'semi;colon';
SELECT 'it''s;';
SELECT '''';
SELECT '';
SELECT ''';''';
SELECT 'two
lines;';
SELECT 'a'
'b;';
SELECT 'a' -- ;
'b;';
SELECT 'a' /* ; */ 'b;';
SELECT 'back\';
SELECT 'back\\;';
SELECT E'quote\';';
SELECT E'backslash\\';
SELECT E'doubled'';';
SELECT E'\'';
SELECT E'\\''';
SELECT E'a\nb\t\x41\u0041\U00000041\101;';
SELECT e'lower\';';
SELECT E'end\\';SELECT E'next\';';
SELECT E'line
break\';';
SELECT U&'d\0061t\+000061;';
SELECT u&'\005C;';
SELECT U&'d!0061ta;' UESCAPE '!';
SELECT U&"d\0061ta;";
SELECT u&"quote"";";
SELECT U&"d!0061t!+000061;" UESCAPE '!';
SELECT U & 'not unicode;';
SELECT u&1, U&a FROM t;
SELECT B'1010;', b'0';
SELECT X'1F;', x'ff';
SELECT N'national;', n'it''s;';
SELECT "quoted;name" FROM "a""b;c";
SELECT "it's;" FROM t;
SELECT 'a "b;" c';
SELECT "a 'b;' c" FROM t;
SELECT '$$;';
SELECT "$$;" FROM t;
SELECT '/* ;';
SELECT '-- ;';
SELECT "/*;" FROM t;
SELECT "--;" FROM t;
SELECT type'\', other'\';
SELECT date'2026-11-20', time '12:00;', interval'1 day;';
SELECT timestamp with time zone '2026-11-20 12:00+00;';
SELECT 'ünïcödé;', '日本語;', '🥕;';
SELECT 'tab	and
newline';
SELECT 'a'::text || ';' || 'b';
SELECT '{"a": "b;c"}'::jsonb -> 'a;';
SELECT '{a;b,"c;d"}'::text[];
SELECT 'a;b' LIKE '%;%' ESCAPE '!';
SELECT 'ends with the file''s;'
