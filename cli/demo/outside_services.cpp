#include "cli/demo/outside_services.hpp"

#include <httplib.h>

#include <chrono>

namespace mnema {

OutsideServices::OutsideServices() : server_(std::make_unique<httplib::Server>()) {
  server_->Post("/refunds", [this](const httplib::Request& request, httplib::Response& response) {
    bool first = false;
    std::string receipt;
    {
      const std::lock_guard lock(mutex_);
      ++refund_calls_;
      const auto [refund, inserted] =
          refunds_.try_emplace(request.get_header_value("Idempotency-Key"), "R-" + std::to_string(refunds_.size() + 1));
      first = inserted;
      receipt = refund->second;
    }
    // The money has moved, the answer takes its time: here the runtime is killed.
    if (first) std::this_thread::sleep_for(std::chrono::milliseconds(800));
    response.set_content("{\"receipt\": \"" + receipt + "\"}", "application/json");
  });
  server_->Post("/replies", [this](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    ++reply_calls_;
    replies_.try_emplace(request.get_header_value("Idempotency-Key"), request.body);
    response.status = 204;
  });
  port_ = server_->bind_to_any_port("127.0.0.1");
  thread_ = std::thread([this] { server_->listen_after_bind(); });
}

OutsideServices::~OutsideServices() {
  server_->stop();
  thread_.join();
}

int OutsideServices::refund_calls() const {
  const std::lock_guard lock(mutex_);
  return refund_calls_;
}

int OutsideServices::refunds() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(refunds_.size());
}

std::map<std::string, std::string> OutsideServices::replies() const {
  const std::lock_guard lock(mutex_);
  return replies_;
}

int OutsideServices::reply_calls() const {
  const std::lock_guard lock(mutex_);
  return reply_calls_;
}

}  // namespace mnema
