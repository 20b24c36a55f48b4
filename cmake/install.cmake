# cmake --install: headers, both libraries, and the package that find_package(microps) finds.

include(CMakePackageConfigHelpers)
set(MICROPS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/microps)

install(TARGETS microps microps_sim microps_compat EXPORT microps_targets)
install(DIRECTORY include/microps DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/compat/ DESTINATION ${MICROPS_INSTALL_COMPAT_DIR})
install(EXPORT microps_targets NAMESPACE microps:: DESTINATION ${MICROPS_PACKAGE_DIR})

configure_package_config_file(cmake/microps-config.cmake.in ${PROJECT_BINARY_DIR}/microps-config.cmake
    INSTALL_DESTINATION ${MICROPS_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/microps-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/microps-config.cmake ${PROJECT_BINARY_DIR}/microps-config-version.cmake
    DESTINATION ${MICROPS_PACKAGE_DIR})
