// agents/turn/client_task.hpp
//
// Clients of the chat API ask models for things of their own: a title of the conversation, tags, questions to go on
// with. Such a request comes as a chat like any other, but no user has said it: it is answered, and leaves no memory
// and no session. It is known by its form (Open WebUI's): a first line like "### Task:", and further headings behind
// it.
//
// Threads: pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnema {

/// `headers`: the first lines that such requests have.
[[nodiscard]] bool is_client_task(std::string_view text, const std::vector<std::string>& headers);

}  // namespace mnema
