# The libraries we stand on, all from the system's packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq>=14)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.35)
pkg_check_modules(LIBGIT2 REQUIRED IMPORTED_TARGET libgit2>=1.1)
pkg_check_modules(SSL REQUIRED libssl)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.10)

# libpq, libgit2 and libssl are loaded when first needed (migrate/base/library.h): of these we compile against the headers and note the
# name that the loader knows them by.
function(note_soname library definition)
    execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${library} OUTPUT_VARIABLE header COMMAND_ERROR_IS_FATAL ANY)
    if(NOT header MATCHES "SONAME +([^ \n]+)")
        message(FATAL_ERROR "${library} has no SONAME")
    endif()
    target_compile_definitions(dependencies INTERFACE ${definition}="${CMAKE_MATCH_1}")
endfunction()

add_library(dependencies INTERFACE)
target_include_directories(dependencies SYSTEM INTERFACE ${LIBPQ_INCLUDE_DIRS} ${LIBGIT2_INCLUDE_DIRS})
target_link_libraries(dependencies INTERFACE
    PkgConfig::SQLITE PkgConfig::CRYPTO PkgConfig::JANSSON Threads::Threads ${CMAKE_DL_LIBS})
note_soname(${pkgcfg_lib_LIBPQ_pq} LIBPQ_SONAME)
note_soname(${pkgcfg_lib_LIBGIT2_git2} LIBGIT2_SONAME)
note_soname(${pkgcfg_lib_SSL_ssl} LIBSSL_SONAME)
