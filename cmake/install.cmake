# cmake --install: headers, both libraries, the package that find_package(microps) finds, and files for pkg-config.

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

# For pkg-config: they say where they are, so that the installed tree may be moved.
file(RELATIVE_PATH MICROPS_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(name microps microps-sim microps-compat)
    configure_file(cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
