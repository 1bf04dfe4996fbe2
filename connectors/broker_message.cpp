#include "connectors/broker_message.hpp"

namespace mnema {

std::optional<std::string_view> header_of(const BrokerMessage& message, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& [header, value] : message.headers) {
    if (header == name) found = value;
  }
  return found;
}

bool is_own_attribute(const BrokerMessage& message, std::string_view attribute) {
  return !message.own_prefix.empty() && attribute.starts_with(message.own_prefix);
}

std::string_view content_type_of(const BrokerMessage& message) {
  return message.content_type.empty() ? header_of(message, "content-type").value_or("") : message.content_type;
}

}  // namespace mnema
