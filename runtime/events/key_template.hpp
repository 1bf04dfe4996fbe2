// runtime/events/key_template.hpp
//
// How an agent's key is made of an event: text with places in braces, each a JSON pointer (RFC 6901) into the payload,
// as in "{/repository/full_name}#{/issue/number}", or the name of one of the event's fields, as in "{subject}",
// "{source}", "{type}", "{user}", or of one of its attributes. A template without braces is the name of one member:
// "customer_id" is "{/customer_id}".
//
// Threads: pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

/// Strings, integers and booleans may stand in a key. Errors: `kInvalidArgument` (the place is missing or something
/// else; the payload is not JSON; the template is malformed).
[[nodiscard]] Result<std::string> render_key(std::string_view key_template, const Event& event);

/// Whether `key_template` can be read at all. Errors: `kInvalidArgument`.
[[nodiscard]] Status check_key_template(std::string_view key_template);

/// The names in it that are no fields of an event, and so must be attributes of every event it is for. Empty where it
/// cannot be read.
[[nodiscard]] std::vector<std::string> attributes_of(std::string_view key_template);

}  // namespace mnema
