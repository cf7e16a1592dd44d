// Root file systems for steps, unpacked from OCI image layouts that a test makes.
#pragma once

#include <string>
#include <vector>

#include "../oci/support.h"
#include "fixture.h"

namespace kernel_test {

// Writes the layout to `dir`/layout, unpacks its image into `dir`/root, and returns that path.
std::string unpack_image(const std::string& dir, airlock::oci::test::LayoutParts parts);
std::string unpack_image(const std::string& dir, const std::vector<airlock::oci::test::Layer>& layers);

// A layer of what is installed here, packed by Debian's tar: these programs with what the loader loads for them, and these
// folders and files whole, where they really lie. Nothing when tar or ldd is missing or fails.
std::string layer_of_host(const std::string& dir, const std::vector<std::string>& programs, const std::vector<std::string>& folders);
// The links that Debian's merged /usr has in its root.
airlock::oci::test::Layer merged_usr();

}  // namespace kernel_test
