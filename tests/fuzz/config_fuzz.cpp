// Any bytes as a configuration: read, or refused with a place; never an abort.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/config/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = mnema::parse_config(text, "fuzz.toml");
  if (!config.ok()) CHECK(config.error().message.starts_with("fuzz.toml:"), "a refusal names its place");
  return 0;
}
