# For whoever changes the code: cmake --build build --target format format-check tidy; headers is in headers.cmake

file(GLOB_RECURSE MICROPS_FORMATTED CONFIGURE_DEPENDS
    include/*.hpp include/*.h src/*.cpp src/*.hpp driver/*.cpp driver/*.hpp
    app/*.cpp app/*.hpp test/*.cpp test/*.hpp test/*.h)

# microps_tool(<target> <program> <command>...): a target that says so when its program is missing.
function(microps_tool target program)
    find_program(MICROPS_TOOL_${program} NAMES ${program} ${program}-14)
    if(MICROPS_TOOL_${program})
        add_custom_target(${target} COMMAND ${MICROPS_TOOL_${program}} ${ARGN}
            WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
    else()
        add_custom_target(${target} COMMAND ${CMAKE_COMMAND} -E echo
            "${program} was not found. On Debian: apt-get install clang-format clang-tidy"
            COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
    endif()
endfunction()

microps_tool(format clang-format -i ${MICROPS_FORMATTED})
microps_tool(format-check clang-format --dry-run -Werror ${MICROPS_FORMATTED})
# tidy: the checks of .clang-tidy. The preset tidy joins the sources, so that headers are looked at once and not a hundred
# times: a sixth of the time, but the analyzer, which looks at the functions of a source file alone, is left to the rest.
set(tidy_sources "^${PROJECT_SOURCE_DIR}/(src|driver|app)/")
if(CMAKE_UNITY_BUILD)
    microps_tool(tidy run-clang-tidy -quiet -p ${PROJECT_BINARY_DIR} -checks=-clang-analyzer-*,-bugprone-suspicious-include
        "${tidy_sources}|/microps(_[a-z]+)?\\.dir/Unity/")
else()
    microps_tool(tidy run-clang-tidy -quiet -p ${PROJECT_BINARY_DIR} ${tidy_sources})
endif()

include(cmake/headers.cmake)
