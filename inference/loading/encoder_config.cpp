#include "inference/loading/encoder_config.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "inference/kernels/encoder_kernels.hpp"

namespace mnema {
namespace {

constexpr int kUsualWidth = 384;
constexpr std::uintmax_t kBytesMax = 1 << 20;

}  // namespace

Status check_encoder_config(const std::string& folder, int width, int layers) {
  const std::string path = folder + "/config.json";
  const auto unsupported = [&](const std::string& what) {
    return fail(ErrorCode::kUnsupported, "'" + folder + "': " + what,
                "'mnema models list' shows encoders that are supported");
  };
  const auto corrupt = [&](const std::string& what) {
    return fail(ErrorCode::kCorrupt, "'" + path + "' " + what, "fetch the encoder's files again");
  };
  const int heads = width / static_cast<int>(kTextHeadDim);
  boost::json::object config;
  std::error_code error;
  boost::system::error_code wrong;
  if (std::filesystem::exists(path, error)) {
    const std::uintmax_t bytes = std::filesystem::file_size(path, error);
    if (error || bytes > kBytesMax) return corrupt("cannot be read, or is no configuration");
    std::ifstream stream(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    boost::json::value json = boost::json::parse(text, wrong);
    if (wrong || !json.is_object()) return corrupt("is no JSON object");
    config = std::move(json.as_object());
  }
  const auto number = [&](const char* key) -> std::optional<std::int64_t> {
    const boost::json::value* value = config.if_contains(key);
    return value != nullptr && value->is_int64() ? std::optional(value->as_int64()) : std::nullopt;
  };
  const std::optional<std::int64_t> said_heads = number("num_attention_heads");
  if (!said_heads && width != kUsualWidth) {
    return unsupported("no config.json says how many heads its attention has, with vectors of " +
                       std::to_string(width) + " numbers");
  }
  if (said_heads && *said_heads != heads) {
    return unsupported("its attention has " + std::to_string(*said_heads) + " heads; of vectors of " +
                       std::to_string(width) + " numbers " + std::to_string(heads) + " heads are supported");
  }
  if (const auto said = number("num_hidden_layers"); said && *said != layers) {
    return corrupt("says " + std::to_string(*said) + " layers, and the weights have " + std::to_string(layers));
  }
  const boost::json::value* activation = config.if_contains("hidden_act");
  if (activation != nullptr && activation->is_string() && activation->as_string() != "gelu") {
    return unsupported("its activation is '" + std::string(activation->as_string()) + "'; gelu is supported");
  }
  return {};
}

}  // namespace mnema
