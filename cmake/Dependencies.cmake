# The libraries we stand on, all from the system's packages.
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq>=14)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.35)
pkg_check_modules(LIBGIT2 REQUIRED IMPORTED_TARGET libgit2>=1.1)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.10)

add_library(dependencies INTERFACE)
target_link_libraries(dependencies INTERFACE
    PkgConfig::LIBPQ PkgConfig::SQLITE PkgConfig::LIBGIT2 PkgConfig::CRYPTO PkgConfig::JANSSON)
