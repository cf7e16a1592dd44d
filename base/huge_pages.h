// base/huge_pages: a hint for the few strings that hold megabytes. Filling fresh memory costs a page fault for every
// 4 KiB: of a manifest of 20,000 entries, as much as checking its signature.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <string>

namespace airlock {

// Call it when the string has its capacity, and before it is filled. Does nothing to small strings, or where the kernel
// has no transparent huge pages.
inline void prefer_huge_pages(std::string& large) {
  constexpr std::uintptr_t kHugeBytes = 2 << 20;
  const auto begin = (reinterpret_cast<std::uintptr_t>(large.data()) + kHugeBytes - 1) / kHugeBytes * kHugeBytes;
  const auto end = (reinterpret_cast<std::uintptr_t>(large.data()) + large.capacity()) / kHugeBytes * kHugeBytes;
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // ignoring: a hint
}

}  // namespace airlock
