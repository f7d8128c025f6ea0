# What `cmake --install` puts in place: the tool with its manual page and completions, and the library for programs that
# embed it: libmigrate.so, one header, a pkg-config file and a CMake package (migrate::migrate). The static library stays
# here: it shows its insides, for the tests.
include(CMakePackageConfigHelpers)

# --- the shared library ---

# Until 1.0 every minor version may change the interface, so that is what the SONAME names.
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(soversion 0.${PROJECT_VERSION_MINOR})
    set(compatibility SameMinorVersion)
else()
    set(soversion ${PROJECT_VERSION_MAJOR})
    set(compatibility SameMajorVersion)
endif()

add_library(migrate SHARED $<TARGET_OBJECTS:engine>)
add_library(migrate::migrate ALIAS migrate)
# What it is made of is nobody's business who links it: the dependencies stay private, and are no part of the package.
target_link_libraries(migrate PRIVATE compiler dependencies)
target_include_directories(migrate INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/migrate> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(migrate PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${soversion})
# migrate_* and nothing else, whatever a dependency's header says of its own names.
target_link_options(migrate PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/migrate.map)
set_target_properties(migrate PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/migrate.map)

install(TARGETS migrate_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS migrate EXPORT migrateTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Runtime NAMELINK_COMPONENT Development)
install(FILES migrate/migrate.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# --- how programs find it ---

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/migrate)
install(EXPORT migrateTargets NAMESPACE migrate:: DESTINATION ${package_folder})
configure_package_config_file(cmake/migrateConfig.cmake.in ${CMAKE_BINARY_DIR}/generated/migrateConfig.cmake
    INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/migrateConfigVersion.cmake COMPATIBILITY ${compatibility})
install(FILES ${CMAKE_BINARY_DIR}/generated/migrateConfig.cmake ${CMAKE_BINARY_DIR}/generated/migrateConfigVersion.cmake
    DESTINATION ${package_folder})

# The prefix may be given only at installation (`cmake --install --prefix`), so the file is written then.
set(pc_template ${CMAKE_CURRENT_LIST_DIR}/migrate.pc.in)
install(CODE "
    set(PROJECT_VERSION \"${PROJECT_VERSION}\")
    set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
    cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_PREFIX NORMALIZE)
    set(install_libdir \"${CMAKE_INSTALL_LIBDIR}\")
    set(install_includedir \"${CMAKE_INSTALL_INCLUDEDIR}\")
    foreach(folder libdir includedir)
        cmake_path(IS_RELATIVE install_\${folder} below_prefix)
        if(below_prefix)
            string(PREPEND install_\${folder} \"\\\${prefix}/\")
        endif()
    endforeach()
    configure_file(\"${pc_template}\" \"${CMAKE_BINARY_DIR}/generated/migrate.pc\" @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/generated/migrate.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# --- what the tool says about itself ---

# printed_by_tool(FILE ARGUMENTS...): FILE in the build folder is what the tool prints, whole or not at all.
function(printed_by_tool file)
    add_custom_command(OUTPUT ${file}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/printed
        COMMAND migrate_tool ${ARGN} > ${file}.new
        COMMAND ${CMAKE_COMMAND} -E rename ${file}.new ${file}
        DEPENDS migrate_tool VERBATIM)
endfunction()

set(printed ${CMAKE_BINARY_DIR}/printed)
printed_by_tool(${printed}/migrate.1 help --man)
printed_by_tool(${printed}/migrate.bash completion bash)
printed_by_tool(${printed}/_migrate completion zsh)
printed_by_tool(${printed}/migrate.fish completion fish)
add_custom_target(printed ALL DEPENDS ${printed}/migrate.1 ${printed}/migrate.bash ${printed}/_migrate ${printed}/migrate.fish)

install(FILES ${printed}/migrate.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${printed}/migrate.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME migrate)
install(FILES ${printed}/_migrate DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${printed}/migrate.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
