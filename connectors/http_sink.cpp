#include "connectors/http_sink.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace mnema {

struct HttpSink::Running {
  std::mutex mutex;  // guards the rest
  bool stopped = false;
  std::uint64_t last = 0;
  std::map<std::uint64_t, std::shared_ptr<HttpClient::Call>> calls;
};

HttpSink::HttpSink(HttpClient& client, std::string path)
    : client_(client), path_(std::move(path)), running_(std::make_shared<Running>()) {}

HttpSink::~HttpSink() = default;

void HttpSink::deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
  HttpCall call;
  call.method = "POST";
  call.path = path_;
  call.content_type = std::move(message.content_type);
  call.body = std::move(message.body);
  call.idempotency_key = std::move(message.idempotency_key);
  call.repeatable = true;  // delivery is at least once
  if (!message.traceparent.empty()) call.headers.add("traceparent", std::move(message.traceparent));
  std::unique_lock lock(running_->mutex);
  if (running_->stopped) {
    lock.unlock();
    Error error = fail(ErrorCode::kCancelled, "a delivery was cancelled: its sink stops");
    error.never_left = true;
    return reply_to.post([done = std::move(done), error = std::move(error)] { done(error); });
  }
  const std::uint64_t id = ++running_->last;
  // Its answer, which forgets it, waits for the mutex.
  running_->calls[id] = client_.send(std::move(call), reply_to,
                                     [running = running_, id, done = std::move(done)](Result<HttpReply> reply) {
                                       {
                                         std::lock_guard forget(running->mutex);
                                         running->calls.erase(id);
                                       }
                                       done(reply.ok() ? Status{} : Status{reply.error()});
                                     });
}

void HttpSink::stop() {
  std::vector<std::shared_ptr<HttpClient::Call>> calls;
  {
    std::lock_guard lock(running_->mutex);
    running_->stopped = true;
    for (const auto& [id, call] : running_->calls) calls.push_back(call);
  }
  for (const auto& call : calls) call->cancel();
}

}  // namespace mnema
