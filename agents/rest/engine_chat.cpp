#include "agents/rest/engine_chat.hpp"

namespace mnema {
namespace {

class EngineRun final : public ChatRun {
 public:
  explicit EngineRun(std::shared_ptr<Generation> generation) : generation_(std::move(generation)) {}
  void cancel() override {
    if (generation_) generation_->cancel();
  }

 private:
  const std::shared_ptr<Generation> generation_;
};

}  // namespace

std::vector<ServedModel> EngineChat::models() const {
  std::vector<ServedModel> served;
  for (const ModelInfo& info : engine_.models()) {
    if (info.is_encoder) continue;
    ServedModel model;
    model.name = info.name;
    model.created_unix_seconds = info.created_unix_seconds;
    model.sampling = info.sampling;
    served.push_back(std::move(model));
  }
  return served;
}

std::shared_ptr<ChatRun> EngineChat::start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) {
  GenerateRequest& generate = request.generate;
  if (generate.tool_choice == ToolChoice::kNone) generate.prompt.tools.clear();
  generate.refuse_unread_tools = true;  // the client runs the calls: an answer without them would look like a choice
  // The engine prepares it once it has let it in: a full one refuses before any work.
  return std::make_shared<EngineRun>(engine_.generate(std::move(generate), reply_to, std::move(callbacks)));
}

}  // namespace mnema
