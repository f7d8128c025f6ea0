/* a /* b; */ */ SELECT 1 -- ;
 + 2*/* ; */3; SELECT 0x1e--;
