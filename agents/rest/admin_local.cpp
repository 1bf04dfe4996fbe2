#include "agents/rest/admin_local.hpp"

#include <unistd.h>

#include <array>
#include <cstdint>

#include "agents/rest/admin_file.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr Duration kAnswersTime = std::chrono::seconds(1);  // for requests in flight when it stops

Secret draw_token(Random& random) {
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  std::string text;
  for (const std::uint8_t byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return Secret(std::move(text));
}

}  // namespace

LocalAdmin::LocalAdmin(Parts parts) : parts_(std::move(parts)) {}
LocalAdmin::~LocalAdmin() { stop(); }

void LocalAdmin::start() {
  const Status opened = open();
  if (opened.ok()) return;
  stop();
  log_warning("admin",
              "'mnema dlq', 'events', 'sources' and 'memory' cannot reach this server; dead letters can be changed "
              "while it is stopped",
              {{"why", opened.error().text()}});
}

Status LocalAdmin::open() {
  AdminFile file{"", draw_token(parts_.random)};
  ApiKey key;
  key.name = "local";
  key.secret = file.token;
  key.tenant = kAllTenants;
  key.roles = {true, true};
  const ApiKeys keys({std::move(key)});
  AdminApi({parts_.letters, parts_.executor, parts_.limits, keys}).mount(routes_);
  if (parts_.mount_events) parts_.mount_events(routes_, keys);
  server_ = std::make_unique<HttpServer>(parts_.loop, parts_.clock, parts_.random, parts_.limits, HttpServerOptions{},
                                         [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
                                           routes_.handle(std::move(request), std::move(exchange));
                                         });
  RETURN_IF_ERROR(server_->start());
  file.address = "127.0.0.1:" + std::to_string(server_->port());
  RETURN_IF_ERROR(write_admin_file(parts_.folder, file));
  has_file_ = true;
  return {};
}

void LocalAdmin::stop() {
  if (has_file_) ::unlink(admin_file_path(parts_.folder).c_str());
  has_file_ = false;
  if (server_) server_->stop(kAnswersTime, {});
}

}  // namespace mnema
