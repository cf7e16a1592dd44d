#include "sandbox/init_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "sandbox/child.h"

// clang-format off
asm(".section .rodata\n"
    ".globl airlock_init_image_begin\n.globl airlock_init_image_end\n"
    "airlock_init_image_begin:\n.incbin \"" AIRLOCK_INIT_IMAGE "\"\n"
    "airlock_init_image_end:\n"
    ".previous\n");
// clang-format on
extern "C" const char airlock_init_image_begin[], airlock_init_image_end[];

namespace airlock::sandbox {

std::string_view init_image() {
  return {airlock_init_image_begin, static_cast<std::size_t>(airlock_init_image_end - airlock_init_image_begin)};
}

Result<UniqueFd> make_init_file() {
  constexpr unsigned kExec = 0x10;  // MFD_EXEC of Linux 6.3; older kernels refuse it and need none
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd file(::memfd_create("airlock-init", kFlags | kExec));
  if (!file) file = UniqueFd(::memfd_create("airlock-init", kFlags));
  if (!file) return os_fail("memfd_create", "the init program");
  TRY(write_all(file.get(), init_image(), "the init program"));
  if (::fchmod(file.get(), 0111) != 0) return os_fail("fchmod", "the init program");
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return os_fail("fcntl F_ADD_SEALS", "the init program");
  UniqueFd high(::fcntl(file.get(), F_DUPFD_CLOEXEC, kLowestTaskFd));
  if (!high) return os_fail("fcntl F_DUPFD_CLOEXEC", "the init program");
  return high;
}

}  // namespace airlock::sandbox
