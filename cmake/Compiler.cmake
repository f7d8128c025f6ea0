# How everything is compiled: C17 on POSIX, hidden symbols, and the options of the presets.
add_library(compiler INTERFACE)
target_compile_features(compiler INTERFACE c_std_17)
target_compile_definitions(compiler INTERFACE _GNU_SOURCE $<$<BOOL:${MIGRATE_ARENA_MALLOC}>:ARENA_MALLOC>)
target_compile_options(compiler INTERFACE
    -fvisibility=hidden -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    $<$<BOOL:${MIGRATE_WERROR}>:-Werror>)
if(MIGRATE_SANITIZE)
    target_compile_options(compiler INTERFACE -fsanitize=${MIGRATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(compiler INTERFACE -fsanitize=${MIGRATE_SANITIZE})
endif()
if(MIGRATE_COVERAGE)
    target_compile_options(compiler INTERFACE --coverage)
    target_link_options(compiler INTERFACE --coverage)
endif()
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
