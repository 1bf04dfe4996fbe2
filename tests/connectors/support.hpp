// tests/connectors/support.hpp
//
// An exchange over memory, for handlers tested without a socket.
#pragma once

#include <boost/json/parse.hpp>
#include <optional>
#include <string>
#include <vector>

#include "connectors/http/exchange.hpp"

namespace mnema::testing {

class MemoryExchange final : public HttpExchange {
 public:
  void respond(HttpResponse response) override {
    if (answer) return;
    answer = std::move(response);
  }
  void begin_stream(int status, HttpHeaders headers) override {
    answer = HttpResponse{status, std::move(headers), ""};
    streaming = true;
  }
  void write(std::string bytes, std::function<void(bool)> written) override {
    if (!gone) answer->body += bytes;
    if (written) written(!gone);
  }
  void end_stream() override { ended = true; }
  void on_disconnect(std::function<void()> callback) override { callbacks.push_back(std::move(callback)); }
  [[nodiscard]] bool disconnected() const override { return gone; }

  void disconnect() {
    gone = true;
    for (auto& callback : callbacks) callback();
  }
  [[nodiscard]] int status() const { return answer ? answer->status : 0; }
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(answer->body); }

  std::optional<HttpResponse> answer;
  bool streaming = false;
  bool ended = false;
  bool gone = false;
  std::vector<std::function<void()>> callbacks;
};

}  // namespace mnema::testing
