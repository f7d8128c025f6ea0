SELECT 'a;''b', E'\';', U&"d\0061;", "x"";"; SELECT E'a'
'b\';';