// connectors/rabbitmq/link.hpp
//
// Keeps a connection to RabbitMQ: dials the brokers one after the other, and again when the connection is lost, after a
// wait that grows exponentially up to ten seconds and is spread by chance (full jitter), so that the clients of a
// broker that comes back do not come all at once. A password that is refused is read again once, so that a rotated one
// needs no restart.
//
// Threads:   confined to the loop thread, except `is_away`, `problem` and `set_problem`.
// Ownership: shared with what it has posted; borrows its parts. The user is told as long as it lives.
// Invariant: one connection at most; a dial, a connection or a wait is on its way until `close`.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "connectors/rabbitmq/connection.hpp"
#include "connectors/rabbitmq/dial.hpp"

namespace mnema {

class RabbitmqLink : public RabbitmqConnection::User, public std::enable_shared_from_this<RabbitmqLink> {
 public:
  /// As a connection's; connections come and go. `on_closed`: the last one has ended, or none could be made.
  class User {
   public:
    virtual ~User() = default;
    virtual void on_open(RabbitmqConnection& connection) = 0;
    virtual void on_method(const AmqpMethod& method) = 0;
    virtual void on_content(RabbitmqContent content) = 0;
    virtual void on_read_end() = 0;
    virtual void on_closed(const Error& why) = 0;
  };

  /// `name` is for the log.
  RabbitmqLink(std::string name, RabbitmqClientOptions options, std::size_t body_bytes_max,
               const RabbitmqClientParts& parts);

  void open(std::weak_ptr<User> user);
  /// For good; what was sent before is on its way.
  void close();
  /// Null: there is none that is open.
  [[nodiscard]] RabbitmqConnection* connection() const;
  /// The user has what it needs: the next wait is short again, and there is no problem.
  void note_working();

  /// There is no connection, and the last try for one failed. From any thread.
  [[nodiscard]] bool is_away() const { return failures_.load(std::memory_order_relaxed) > 0; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::optional<std::string> problem() const;
  void set_problem(const std::string& problem);

 private:
  void dial();
  void dialled(Result<RabbitmqDialled> dialled);
  void again(const Error& why);
  void on_open() override;
  void on_method(const AmqpMethod& method) override;
  void on_content(RabbitmqContent content) override;
  void on_read_end() override;
  void on_closed(const Error& why) override;

  const std::string name_;
  const std::shared_ptr<const RabbitmqClientOptions> options_;
  const std::size_t body_bytes_max_;
  const RabbitmqClientParts parts_;
  std::weak_ptr<User> user_;
  std::shared_ptr<RabbitmqConnection> connection_;
  std::size_t broker_ = 0;
  std::atomic<int> failures_ = 0;  // since it worked
  bool is_closed_ = false;
  mutable std::mutex mutex_;  // guards problem_
  std::optional<std::string> problem_;
};

/// What is wrong with `options`; empty: nothing.
[[nodiscard]] Status check_rabbitmq_options(const RabbitmqClientOptions& options);
/// Whether `name` may be a name in AMQP; `what` is for the error. Errors: `kInvalidArgument`.
[[nodiscard]] Status check_amqp_name(const std::string& what, const std::string& name);

}  // namespace mnema
