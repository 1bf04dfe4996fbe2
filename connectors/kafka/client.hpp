// connectors/kafka/client.hpp
//
// One librdkafka client, consumer or producer: its settings, its login, and what every client does with errors. Secrets
// come from the secrets store only; a login that the broker refuses is read again, now and then as long as it is
// refused, and given to the client, so that a rotated password or token needs no restart.
//
// Settings of librdkafka may be passed through by their own names, except those that are ours to keep (they would break
// what is promised: offsets, groups, transactions) and those that hold secrets or load code.
//
// Threads:   `open` on a thread that may block (it reads secrets); `handle` and `leave` on the loop; `problem` from any
//            thread.
// Ownership: shared. Whoever releases it last waits for librdkafka's threads: not on the loop while it serves. A
//            consumer leaves its group first, for `limits.kafka_leave_ms` at most since it began to, so that several
//            which begin together (`leave`) have that time together.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/handles.hpp"
#include "connectors/secrets_store.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct KafkaClientOptions {
  std::string brokers;  // "host:9092,host:9092"
  bool tls = false;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string sasl;                            // "" | plain | scram-sha-256 | scram-sha-512 | oauthbearer
  std::string username;                        // of plain and scram
  std::optional<SecretReference> secret;       // password; of oauthbearer the token
  std::map<std::string, std::string> options;  // librdkafka's own names
};

class KafkaClient {
 public:
  struct Parts {
    SecretsStore& secrets;
    Executor& blocking;
    const Clock& clock;
    const Limits& limits;
  };
  using Settings = std::map<std::string, std::string>;

  /// `own` are the settings that the caller keeps, `events` what it wants as events beside errors and logins. `name` is
  /// for the log. Errors: `kInvalidArgument` (a setting; says which), those of the secret.
  [[nodiscard]] static Result<std::shared_ptr<KafkaClient>> open(rd_kafka_type_t type, const std::string& name,
                                                                 const KafkaClientOptions& options, const Settings& own,
                                                                 int events, const Parts& parts);
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return client_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// How long who waits for a broker's answer waits.
  [[nodiscard]] int answer_ms() const { return parts_.limits.kafka_answer_ms; }

  /// Logins and errors that are no partition's. True if the event was one of them.
  bool handle(const KafkaEvent& event);
  /// Something of it worked: a broker answers.
  void note_working();
  /// While a password is refused: looks, off the loop, whether there is another one by now. Costs nothing else. To be
  /// called now and then, as librdkafka does not repeat an error for every connection that fails.
  void retry_login();
  /// A consumer leaves its group, for good; nothing else is done with it. To be called again until it is true: it has
  /// left. Never waits.
  [[nodiscard]] bool leave();
  /// What keeps it from working; none: nothing is known. A fatal one stays.
  [[nodiscard]] std::optional<std::string> problem() const;
  void set_problem(const std::string& problem);
  [[nodiscard]] bool is_fatal() const;

 private:
  KafkaClient(std::string name, KafkaClientOptions options, const Parts& parts);
  ~KafkaClient();
  void serve_leaving(int wait_ms);
  void refresh_token();
  void give_token();  // reads the secret: may block
  void refresh_password();
  void note_error(rd_kafka_resp_err_t code, const std::string& text);

  const std::string name_;
  const KafkaClientOptions options_;
  const Parts parts_;
  rd_kafka_t* client_ = nullptr;
  KafkaQueue leaving_;  // what is to be answered on the way out of the group; null: it has not begun
  MonotonicTime leave_until_{};
  bool is_out_ = false;  // there is no group to leave any more
  std::weak_ptr<KafkaClient> self_;
  mutable std::mutex mutex_;  // guards all below
  std::optional<std::string> problem_;
  bool is_fatal_ = false;
  bool is_refused_ = false;
  Secret login_;  // as it was last given to the client
};

/// Whether `name` may be passed through. The reason why not; empty: it may.
[[nodiscard]] std::string problem_of_kafka_setting(const std::string& name);

/// The time until which a token is good, by its claim `exp` (RFC 7519); none: it is no JSON web token, or says none.
[[nodiscard]] std::optional<Time> expiry_of_token(std::string_view token);

}  // namespace mnema
