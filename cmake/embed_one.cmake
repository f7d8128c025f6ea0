# cmake -D file=... -D symbol=... -D source=... -P embed_one.cmake: one file as a C array that ends in NUL.
file(READ ${file} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${source} "#include \"embedded.h\"\n\nconst char ${symbol}[] = {${bytes}0};\n")
