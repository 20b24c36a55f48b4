# What every target of ours is compiled with.

include(GNUInstallDirs)
find_package(Threads REQUIRED)

set(MICROPS_INSTALL_COMPAT_DIR ${CMAKE_INSTALL_INCLUDEDIR}/microps-compat)
set(MICROPS_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast)

# A library of ours: its include paths, and the flags below.
function(microps_target target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    target_include_directories(${target}
        PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
        PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} PUBLIC Threads::Threads)
    microps_compile_options(${target})
endfunction()

# Flags without the library's own include paths: for programs and tests as well.
function(microps_compile_options target)
    microps_dialect_options(${target})
    target_compile_options(${target} PRIVATE ${MICROPS_WARNINGS})
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        target_compile_options(${target} PRIVATE -Wthread-safety)
    endif()
    if(MICROPS_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()

# Everything but the warnings: programs in the original's dialect get this alone.
function(microps_dialect_options target)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_features(${target} PRIVATE cxx_std_20)
    # People step through it: frame pointers always, and paths in log lines as src/ip.cpp.
    target_compile_options(${target} PRIVATE -fno-omit-frame-pointer -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
    target_compile_definitions(${target} PRIVATE MICROPS_LOG_MAX=${MICROPS_LOG_MAX})
    if(MICROPS_HEXDUMP)
        target_compile_definitions(${target} PRIVATE HEXDUMP)
    endif()
    if(MICROPS_COVERAGE)
        target_compile_options(${target} PRIVATE --coverage -O0)
        target_link_options(${target} PUBLIC --coverage)
    endif()
    if(MICROPS_FUZZ)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
        target_link_options(${target} PUBLIC -fsanitize=address,undefined)
    endif()
    foreach(sanitizer IN LISTS MICROPS_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${sanitizer} -fno-sanitize-recover=all)
        target_link_options(${target} PUBLIC -fsanitize=${sanitizer})
    endforeach()
endfunction()
