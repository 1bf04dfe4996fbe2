// agents/rest/engine_chat.hpp
//
// A bare model behind the chat API: every model of an engine, answered by the engine itself, without memory or tools
// of ours.
//
// Threads and ownership: as chat_backend.hpp; borrows the engine.
#pragma once

#include "agents/rest/chat_backend.hpp"

namespace mnema {

class EngineChat final : public ChatBackend {
 public:
  explicit EngineChat(Engine& engine) : engine_(engine) {}
  [[nodiscard]] std::vector<ServedModel> models() const override;
  std::shared_ptr<ChatRun> start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) override;

 private:
  Engine& engine_;
};

}  // namespace mnema
