# For whoever changes the code: cmake --build build --target format format-check tidy headers

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
microps_tool(tidy run-clang-tidy -quiet -p ${PROJECT_BINARY_DIR} "^${PROJECT_SOURCE_DIR}/(src|driver|app)/")

# headers: every public header compiles alone, with all warnings.
file(GLOB_RECURSE MICROPS_HEADERS RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS include/microps/*.hpp)
set(lonely_sources)
foreach(header IN LISTS MICROPS_HEADERS)
    string(MAKE_C_IDENTIFIER ${header} name)
    set(source ${PROJECT_BINARY_DIR}/headers/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\n#include \"@header@\"\n" @ONLY)
    list(APPEND lonely_sources ${source})
endforeach()
add_library(headers OBJECT EXCLUDE_FROM_ALL ${lonely_sources})
target_link_libraries(headers PRIVATE microps)
microps_compile_options(headers)
