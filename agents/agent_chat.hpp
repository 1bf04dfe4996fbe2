// agents/agent_chat.hpp
//
// Agents behind the chat API: `model: "<agent>"` starts a turn of that agent in the foreground. The client sends the
// whole history; we recognise the session by it (agents/turn/session.hpp), so the prompt begins with exactly what the
// model saw before. An edited or regenerated history is a branch and becomes a new session.
//
// A foreground chat is not accepted work: when the client goes, the turn is cancelled and leaves nothing behind.
//
// Threads and ownership: as agents/rest/chat_backend.hpp; borrows the runtime.
#pragma once

#include "agents/agent_runtime.hpp"
#include "agents/rest/chat_backend.hpp"

namespace mnema {

class AgentChat final : public ChatBackend {
 public:
  explicit AgentChat(AgentRuntime& runtime) : runtime_(runtime) {}

  /// The agents that were declared with `answers_chat`.
  [[nodiscard]] std::vector<ServedModel> models() const override;
  std::shared_ptr<ChatRun> start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) override;

 private:
  class Run;
  AgentRuntime& runtime_;
};

}  // namespace mnema
