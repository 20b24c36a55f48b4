# headers: every public header compiles alone and beside the system's headers, with all warnings.
#
# The system's headers define some 8,000 macros. A name of ours that is one of them does not compile behind that header,
# and a macro of ours that is a name of theirs breaks that header behind ours: so both orders are compiled.

# Those that can be included together.
set(MICROPS_SYSTEM_HEADERS
    arpa/inet.h asm/byteorder.h assert.h byteswap.h complex.h ctype.h dirent.h dlfcn.h endian.h errno.h fcntl.h getopt.h
    grp.h ifaddrs.h limits.h math.h net/ethernet.h net/if.h net/if_arp.h net/route.h netdb.h netinet/ether.h
    netinet/icmp6.h netinet/if_ether.h netinet/igmp.h netinet/in.h netinet/in_systm.h netinet/ip.h netinet/ip6.h
    netinet/ip_icmp.h netinet/tcp.h netinet/udp.h netpacket/packet.h poll.h pthread.h pwd.h regex.h resolv.h sched.h
    semaphore.h setjmp.h signal.h stdio.h stdlib.h string.h strings.h sys/epoll.h sys/eventfd.h sys/ioctl.h sys/mman.h
    sys/param.h sys/poll.h sys/prctl.h sys/ptrace.h sys/queue.h sys/random.h sys/resource.h sys/select.h sys/sendfile.h
    sys/signalfd.h sys/socket.h sys/stat.h sys/syscall.h sys/sysmacros.h sys/time.h sys/timerfd.h sys/timex.h sys/types.h
    sys/uio.h sys/un.h sys/utsname.h sys/wait.h syslog.h termios.h time.h ucontext.h unistd.h wchar.h linux/filter.h
    linux/if_ether.h linux/if_tun.h linux/neighbour.h linux/net_tstamp.h linux/netlink.h linux/rtnetlink.h
    linux/sockios.h linux/types.h)
# The kernel's that define what some of those above define, too. They need netinet/in.h and net/if.h in front of them.
set(MICROPS_KERNEL_HEADERS
    time.h netinet/in.h net/if.h linux/errqueue.h linux/icmp.h linux/if.h linux/if_arp.h linux/if_ether.h linux/if_packet.h linux/if_tun.h
    linux/in.h linux/ip.h linux/ipv6.h linux/route.h linux/snmp.h linux/tcp.h linux/udp.h)

# microps_write_includes(<file> <header>...): a header that includes those of them that are there.
function(microps_write_includes file)
    set(text "")
    foreach(header IN LISTS ARGN)
        string(APPEND text "#if __has_include(<${header}>)\n#include <${header}>\n#endif\n")
    endforeach()
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
endfunction()

set(folder ${PROJECT_BINARY_DIR}/headers)
microps_write_includes(${folder}/system.h ${MICROPS_SYSTEM_HEADERS})
microps_write_includes(${folder}/kernel.h ${MICROPS_KERNEL_HEADERS})

# microps_header_sources(<variable> <folder of headers> <pattern>): one source for each header of the folder, which
# includes it alone, and four that include all of them before and behind the system's and the kernel's.
function(microps_header_sources variable include pattern)
    file(GLOB_RECURSE headers RELATIVE ${include} CONFIGURE_DEPENDS ${include}/${pattern})
    set(all "")
    foreach(header IN LISTS headers)
        string(MAKE_C_IDENTIFIER ${header} name)
        set(once "#include \"${header}\"\n")
        string(APPEND all ${once})
        file(CONFIGURE OUTPUT ${folder}/${name}.cpp CONTENT "${once}${once}" @ONLY)
        list(APPEND sources ${folder}/${name}.cpp)
    endforeach()
    foreach(other system kernel)
        file(CONFIGURE OUTPUT ${folder}/${variable}_before_${other}.cpp CONTENT "${all}#include \"${other}.h\"\n" @ONLY)
        file(CONFIGURE OUTPUT ${folder}/${variable}_behind_${other}.cpp CONTENT "#include \"${other}.h\"\n${all}" @ONLY)
        list(APPEND sources ${folder}/${variable}_before_${other}.cpp ${folder}/${variable}_behind_${other}.cpp)
    endforeach()
    set(${variable} ${sources} PARENT_SCOPE)
endfunction()

microps_header_sources(public_headers ${PROJECT_SOURCE_DIR}/include microps/*.hpp)
add_library(headers_public OBJECT EXCLUDE_FROM_ALL ${public_headers})
target_link_libraries(headers_public PRIVATE microps)
microps_compile_options(headers_public)

# Those of the original's dialect are compiled as its programs are: without our warnings.
microps_header_sources(dialect_headers ${PROJECT_SOURCE_DIR}/include/compat *.h)
add_library(headers_dialect OBJECT EXCLUDE_FROM_ALL ${dialect_headers})
target_link_libraries(headers_dialect PRIVATE microps_compat)
microps_dialect_options(headers_dialect)

add_custom_target(headers DEPENDS headers_public headers_dialect)
foreach(target headers_public headers_dialect)
    target_compile_options(${target} PRIVATE -O0 -g0)
    target_include_directories(${target} PRIVATE ${folder})
endforeach()
