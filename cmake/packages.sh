# shellcheck shell=bash
# Sourced by app/demo, test/run and .ci/run: installs what is missing where that is allowed, says what is where it is not.

# What each package is recognized by: a command, or a file.
packages_probe() {
    case $1 in
    g++) command -v g++ ;;
    cmake) command -v cmake ;;
    ninja-build) command -v ninja ;;
    libgtest-dev) [ -e /usr/include/gtest/gtest.h ] || [ -e /usr/local/include/gtest/gtest.h ] ;;
    iproute2) command -v ip ;;
    iputils-ping) command -v ping ;;
    netcat-openbsd) nc -h 2>&1 | grep -q OpenBSD ;;
    tcpdump) command -v tcpdump || ls /usr/sbin/tcpdump ;;
    clang) command -v clang++ ;;
    pkgconf) command -v pkg-config ;;
    g++-multilib) [ -e "$(g++ -m32 -print-file-name=libstdc++.a)" ] ;;
    libc++-dev) compgen -G '/usr/lib/llvm-*/include/c++/v1/string' ;;
    libc++abi-dev) compgen -G '/usr/lib/llvm-*/lib/libc++abi.*' ;;
    *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

# packages_missing PACKAGE...: prints those that are not there.
packages_missing() {
    local package
    for package in "$@"; do
        packages_probe "$package" || printf '%s ' "$package"
    done
}

# packages_install PACKAGE...: installs them. Returns 1 when that is not allowed here.
packages_install() {
    local as=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || return 1
        if [ -t 0 ] && [ -t 2 ]; then as=(sudo); else as=(sudo -n); fi
        "${as[@]}" true 2>/dev/null || return 1
    fi
    command -v apt-get >/dev/null || return 1
    echo "installing: $*"
    "${as[@]}" apt-get -qq update
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends -y "$@" >/dev/null
}

# packages_need PACKAGE...: afterwards they are there, or the script has ended saying what to type.
packages_need() {
    local missing
    read -ra missing <<<"$(packages_missing "$@")"
    [ ${#missing[@]} = 0 ] && return
    packages_install "${missing[@]}" && return
    echo "${0##*/}: these packages are missing: ${missing[*]}" >&2
    echo "${0##*/}: on Debian or Ubuntu, type: sudo apt-get install ${missing[*]}" >&2
    exit 1
}

# packages_want PACKAGE...: the same, but returns 1 if they cannot be had.
packages_want() {
    local missing
    read -ra missing <<<"$(packages_missing "$@")"
    [ ${#missing[@]} = 0 ] || packages_install "${missing[@]}"
}

PATH=$PATH:/usr/sbin:/sbin # where ip and tcpdump may be, for users too
