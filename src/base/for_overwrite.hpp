/*
 * for_overwrite.hpp: memory that its owner fills: std::make_unique_for_overwrite(), which libc++ has since version 16.
 */
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace microps
{

/** A @p T, or an array of @p size elements, whose bytes are not set to zero. */
template <typename T>
[[nodiscard]] std::unique_ptr<T> make_for_overwrite()
{
#ifdef __cpp_lib_smart_ptr_for_overwrite
    return std::make_unique_for_overwrite<T>();
#else
    return std::unique_ptr<T>(new T);
#endif
}

template <typename T>
requires std::is_unbounded_array_v<T>
[[nodiscard]] std::unique_ptr<T> make_for_overwrite(size_t size)
{
#ifdef __cpp_lib_smart_ptr_for_overwrite
    return std::make_unique_for_overwrite<T>(size);
#else
    return std::unique_ptr<T>(new std::remove_extent_t<T>[size]);
#endif
}

} // namespace microps
