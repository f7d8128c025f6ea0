/* before; */ SELECT 1;
-- before;
SELECT 2;
/* nested /* deeper; */ still; */ SELECT 3;
SELECT /* ; */ 4;
SELECT 5 -- ;
;
SELECT 6 /* /* /* ; */ */ ; */;
SELECT 7 /**/;
SELECT 8 /***/;
SELECT 9 /* * / ; */;
SELECT 10 /*/ ; */;
SELECT 11 /* ' ; */;
SELECT 12 /* " ; */;
SELECT 13 /* $$ ; */;
SELECT 14 -- '
;
SELECT 15 -- $$
;
SELECT 16 --/* ;
;
SELECT 17 /* -- */;
SELECT 18 /* -- ; */ + 1;
SELECT 19 - -1;
SELECT 20 --1;
;
SELECT 21 -/* ; */1;
SELECT 22*/* ; */2;
SELECT 23+/* ; */-/* ; */1;
SELECT 24 @-- ;
1;
SELECT 25 <-- ;
26;
SELECT 27 ->-- ;
'a';
SELECT 28 /*; /* ;*/;*/ /* ; */;
; ; ;
/* alone */;
-- alone
;
SELECT 29 -- ends in a carriage return
;
SELECT/**/30/**/;
SELECT 31--
;
SELECT 32 /* 日本語; */ -- ünïcödé;
;
SELECT(33)/*;*/;
SELECT 34
-- a line of its own;
/* and
another; */
FROM t
;
SELECT 35 /**//**/-- ;
;
SELECT 36 -- the last
/* is followed by comments; */
-- only
