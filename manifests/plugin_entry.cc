#include "manifests/plugin_entry.h"

#include <elf.h>

#include <cstring>

namespace airlock::manifests {
namespace {

template <class T>
bool read_at(std::string_view bytes, std::uint64_t offset, T& out) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&out, bytes.data() + offset, sizeof(T));
  return true;
}

// Empty when the program can start here; else why not.
std::string elf_problem(std::string_view head, bool has_loader) {
  Elf64_Ehdr elf{};
  if (!read_at(head, 0, elf)) return "it is cut short";
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_machine != EM_X86_64)
    return "it is not a program for x86-64";
  if (elf.e_type != ET_EXEC && elf.e_type != ET_DYN) return "it is an object file or library, not a program";
  if (elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phnum == 0) return "it has no program headers";
  for (std::uint64_t i = 0; i < elf.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!read_at(head, elf.e_phoff + i * sizeof segment, segment)) return "its program headers lie outside of its beginning";
    if (segment.p_type == PT_INTERP && !has_loader)
      return "it is dynamically linked, and rootfs is none, so nothing could load it; link it with -static";
  }
  return "";
}

}  // namespace

Result<void> check_entrypoint(const PluginDescriptor& plugin, std::string_view head) {
  const bool has_root = plugin.rootfs != RootfsKind::kNone;
  const auto refuse = [&](const std::string& why) { return fail(Code::kSpecInvalid, "entrypoint " + plugin.entrypoint + ": " + why); };
  if (plugin.interpreter) return {};  // the interpreter reads it, whatever it is
  if (head.starts_with(ELFMAG)) {
    if (const std::string why = elf_problem(head, has_root); !why.empty()) return refuse(why);
    return {};
  }
  if (!head.starts_with("#!")) return refuse("it is neither an ELF program nor a script");
  if (!has_root) return refuse("it is a script, and rootfs is none, so there is no interpreter; set rootfs, or ship a static program");
  return {};
}

}  // namespace airlock::manifests
