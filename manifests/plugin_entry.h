// manifests/plugin_entry: can the file that a plugin names as its entrypoint start where the plugin says it will run?
//
// A plugin without a root file system (`rootfs: none`) has no loader and no interpreter beside it: its entrypoint is a
// statically linked x86-64 ELF program. With a root file system it may be any x86-64 ELF, or a script ("#!").
#pragma once

#include <string_view>

#include "base/result.h"
#include "manifests/plugin.h"

namespace airlock::manifests {

// So much of the file's beginning is looked at: program headers stand right behind the ELF header.
inline constexpr std::size_t kEntrypointHead = 4096;

// `head`: the first kEntrypointHead bytes of the entrypoint, or all of it. kSpecInvalid says what is amiss.
Result<void> check_entrypoint(const PluginDescriptor& plugin, std::string_view head);

}  // namespace airlock::manifests
