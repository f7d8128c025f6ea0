# Nothing yet beyond the tool.
install(TARGETS migrate_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
