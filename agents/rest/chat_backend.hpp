// agents/rest/chat_backend.hpp
//
// The seam between the chat API and whatever answers: a bare model (engine_chat.hpp) or an agent, under its name. The
// API reads the request, writes the answer and watches the client; a backend makes one answer.
//
// Threads:   `start_chat` from any thread. Callbacks run on `reply_to`, in order, never two at a time for one chat;
//            after `on_done` no more come. `cancel` from any thread.
// Ownership: backends outlive the chats they started; a dropped `ChatRun` goes on.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/rest/identity.hpp"
#include "inference/engine.hpp"
#include "inference/request.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// One name that may stand in `model`.
struct ServedModel {
  std::string name;
  std::string owned_by = "mnema";
  long long created_unix_seconds = 0;
  std::optional<SamplingOptions> sampling = {};  // what a request that names no sampling gets; none: the API's own
  bool is_agent = false;                         // has tools of its own, answers once, and shows no log-probabilities
};

/// A chat request that has been read and checked.
struct ChatRequest {
  GenerateRequest generate;  // model, prompt, sampling, constraint, tools, stop, budget; `scope` filled as below
  Identity identity;         // scope.tenant is its tenant
  std::string user_hint;     // whom the request is for, "" = unknown. Set only if the identity may assert users;
                             // also in scope.user. From X-Mnema-User, X-OpenWebUI-User-Id, else the body's `user`.
  std::string session_hint;  // which conversation this continues, "" = unknown; also in scope.session. Set only if
                             // the identity may assert users: a session's name opens its memory and its state.
                             // From X-Mnema-Session, X-OpenWebUI-Chat-Id, else metadata.session_id.
  std::string request_id;    // x-request-id, for logs: many requests may share one
  std::string traceparent;
  bool sampling_named = false;   // the client chose temperature or cuts; else an agent's own settings may stand
  boost::json::object metadata;  // the body's `metadata`
  HttpHeaders headers;           // as they came, Authorization removed
};

/// As the engine's callbacks: deltas as they come, then the whole, exactly once. Tool calls that a backend runs itself
/// are its own business and must not appear here; only those that the client shall run do.
using ChatCallbacks = GenerationCallbacks;

class ChatRun {
 public:
  virtual ~ChatRun() = default;
  /// Stops it soon; `on_done` follows. Idempotent. Called when the client has gone.
  virtual void cancel() = 0;
};

class ChatBackend {
 public:
  virtual ~ChatBackend() = default;

  /// What it answers for, in the order in which it shall be listed.
  [[nodiscard]] virtual std::vector<ServedModel> models() const = 0;

  /// Answers one chat. All errors come through `on_done`.
  virtual std::shared_ptr<ChatRun> start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) = 0;
};

}  // namespace mnema
