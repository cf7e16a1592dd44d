// oci/platform: which of the images in a layout is meant on a machine. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "oci/descriptor.h"

namespace airlock::oci {

// The bytes of an index, manifest or configuration, proven against its descriptor.
using ReadDocument = std::function<Result<std::string>(const Descriptor&)>;

// The one manifest for `platform` ("linux/amd64") among those that `index` leads to, through indexes in it as well. Where
// no index states the platform of an image, its configuration does; one that states it nowhere is for every platform.
// kOciMissing: there is none; kOciMalformed: more than one, so that nobody can say which one is meant.
Result<Descriptor> choose_image(const Index& index, std::string_view platform, const ReadDocument& read);

}  // namespace airlock::oci
