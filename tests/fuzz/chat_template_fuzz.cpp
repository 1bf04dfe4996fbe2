// tests/fuzz/chat_template_fuzz.cpp
//
// A hostile chat template is refused with the line or rendered inside its bounds. The input is the template up to the
// first zero byte and, after it, what a user says; with an odd first byte of the latter the messages carry tools and
// calls. Loading renders probes, which must end inside the bounds too. What a user says never changes where the prompt must be cut to keep control tokens apart.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "inference/chat/chat_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size > 8192) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const std::string_view source = input.substr(0, end), said = input.substr(std::min(end + 1, size));
  Limits limits;  // near enough to be reached often
  limits.template_steps_max = 20'000;
  limits.template_output_bytes_max = 64 << 10;
  const auto chat = ChatTemplate::create(source, {"<|im_start|>", "<|im_end|>"}, "<s>", "</s>", limits);
  if (!chat.ok()) {
    CHECK(chat.error().code == ErrorCode::kInvalidArgument, "a template is refused for what it says");
    CHECK(chat.error().message.find("line") != std::string::npos, "with its line");
    return 0;
  }
  Prompt prompt;
  prompt.messages.push_back(message_of(Role::kSystem, "Be brief.", Sharing::kPublic));
  prompt.messages.push_back(message_of(Role::kUser, std::string(said)));
  if (!said.empty() && said[0] % 2 != 0) {
    Message call = message_of(Role::kAssistant, "");
    if (said[0] % 4 == 3) call.content.clear();
    call.reasoning = "It is there.";
    call.tool_calls.push_back({"call_1", "look_up", R"({"key": [1, 2.5, null, true, "x"]})"});
    prompt.messages.push_back(call);
    prompt.messages.push_back(message_of(Role::kTool, "found"));
    prompt.tools.push_back({"look_up", "Looks it up", {{"type", "object"}}});
    prompt.template_arguments["enable_thinking"] = false;
  }
  const auto rendered = (*chat)->render(prompt, Time{Duration{1'700'000'000'123'456}});
  if (!rendered.ok()) {
    CHECK(
        rendered.error().code == ErrorCode::kInvalidArgument || rendered.error().code == ErrorCode::kResourceExhausted,
        "a rendering fails for what the template does or for a bound");
    return 0;
  }
  CHECK(rendered->public_until <= rendered->tenant_until && rendered->tenant_until <= rendered->text.size(),
        "borders lie in the text");
  std::size_t last = 0;
  for (const std::size_t cut : rendered->cuts) {
    CHECK(cut >= last && cut <= rendered->text.size(), "cuts rise");
    last = cut;
  }
  return 0;
}
