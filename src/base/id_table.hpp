/*
 * id_table.hpp: objects by number, as PCBs and sockets are named.
 *
 * The lowest free number is given out first, as POSIX does with descriptors. The table grows on demand.
 */
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

namespace microps
{

template <typename T>
class id_table
{
public:
    /** Stores the object under the lowest free number and returns that; -1 if @p max objects are stored already. */
    int insert(std::unique_ptr<T> object, size_t max)
    {
        if (size_ >= max) return -1;
        size_++;
        if (holes_.empty()) {
            places_.push_back(std::move(object));
            return static_cast<int>(places_.size() - 1);
        }
        const int id = holes_.top();
        holes_.pop();
        places_[static_cast<size_t>(id)] = std::move(object);
        return id;
    }

    /** The object with this number, or null. */
    [[nodiscard]] T *find(int id) const
    {
        return id >= 0 && static_cast<size_t>(id) < places_.size() ? places_[static_cast<size_t>(id)].get() : nullptr;
    }

    /** Destroys the object; its number is free again. */
    void erase(int id)
    {
        if (!find(id)) return;
        size_--;
        places_[static_cast<size_t>(id)].reset();
        holes_.push(id);
    }

    [[nodiscard]] size_t size() const { return size_; }
    /** All numbers given out so far are below this one. */
    [[nodiscard]] int end() const { return static_cast<int>(places_.size()); }

private:
    std::vector<std::unique_ptr<T>> places_{};
    std::priority_queue<int, std::vector<int>, std::greater<>> holes_{};
    size_t size_ = 0;
};

} // namespace microps
