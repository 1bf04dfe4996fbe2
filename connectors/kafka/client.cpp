#include "connectors/kafka/client.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/base64.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

/// Ours to keep, or none of a configuration's business.
constexpr std::array<std::string_view, 24> kKept = {"bootstrap.servers",
                                                    "metadata.broker.list",
                                                    "group.id",
                                                    "group.instance.id",
                                                    "client.id",
                                                    "enable.auto.commit",
                                                    "auto.commit.interval.ms",
                                                    "enable.auto.offset.store",
                                                    "auto.offset.reset",
                                                    "partition.assignment.strategy",
                                                    "isolation.level",
                                                    "enable.idempotence",
                                                    "transactional.id",
                                                    "security.protocol",
                                                    "log_level",
                                                    "debug",
                                                    "enable.partition.eof",
                                                    "enable.random.seed",
                                                    "background_event_cb",
                                                    "builtin.features",
                                                    "plugin.library.paths",
                                                    "opaque",
                                                    "internal.termination.signal",
                                                    "test.mock.num.brokers"};
constexpr std::array<std::string_view, 4> kKeptPrefixes = {"sasl.", "ssl.", "test.", "log."};

constexpr int kLeaveStepMs = 10;
constexpr Duration kTokenTime = std::chrono::minutes(5);  // of one that does not say until when it is good

Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) == RD_KAFKA_CONF_OK) return {};
  // librdkafka repeats the value in some texts: not for what may be a secret.
  const bool may_tell = !name.starts_with("sasl.") && !name.starts_with("ssl.");
  return fail(ErrorCode::kInvalidArgument,
              "librdkafka does not take its setting '" + name + "'" + (may_tell ? std::string(": ") + text : ""),
              "see its list of settings");
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

KafkaClient::Settings security_of(const KafkaClientOptions& options) {
  KafkaClient::Settings settings;
  settings["security.protocol"] =
      options.sasl.empty() ? (options.tls ? "ssl" : "plaintext") : (options.tls ? "sasl_ssl" : "sasl_plaintext");
  if (!options.ca_file.empty()) settings["ssl.ca.location"] = options.ca_file;
  if (!options.certificate_file.empty()) settings["ssl.certificate.location"] = options.certificate_file;
  if (!options.key_file.empty()) settings["ssl.key.location"] = options.key_file;
  if (!options.sasl.empty()) settings["sasl.mechanism"] = upper(options.sasl);
  return settings;
}

void write_client_log(const rd_kafka_t* client, int level, const char* /*facility*/, const char* text) {
  const std::string_view name = rd_kafka_name(client);
  const LogFields fields = {{"client", name}, {"text", std::string_view(text)}};
  if (level <= 3) return log_warning("kafka", "librdkafka reports an error", fields);
  if (level <= 5) return log_info("kafka", "librdkafka reports", fields);
  log_debug("kafka", "librdkafka reports", fields);
}

bool is_of_access(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

}  // namespace

std::string problem_of_kafka_setting(const std::string& name) {
  if (std::find(kKept.begin(), kKept.end(), name) != kKept.end()) return "is set by keys of its own, or by Mnema";
  for (const std::string_view prefix : kKeptPrefixes) {
    if (name.starts_with(prefix)) return "is set by keys of its own (tls, sasl, password, ...)";
  }
  if (name.ends_with("_cb") || name.find("password") != std::string::npos || name.find("interceptor") == 0) {
    return "cannot be passed through";
  }
  return "";
}

std::optional<Time> expiry_of_token(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::string claims(token.substr(first + 1, second - first - 1));
  std::replace(claims.begin(), claims.end(), '-', '+');  // base64url, without padding
  std::replace(claims.begin(), claims.end(), '_', '/');
  claims.append((4 - claims.size() % 4) % 4, '=');
  const std::optional<std::string> text = base64_decode(claims);
  if (!text) return std::nullopt;
  const Result<boost::json::value> parsed = parse_bounded_json(*text, "the claims of a token");
  if (!parsed.ok() || !parsed->is_object()) return std::nullopt;
  const boost::json::value* expiry = parsed->get_object().if_contains("exp");
  constexpr std::int64_t kSecondsMax = std::int64_t{1} << 40;
  if (expiry == nullptr || !expiry->is_int64() || expiry->get_int64() < 0 || expiry->get_int64() > kSecondsMax) {
    return std::nullopt;
  }
  return Time{std::chrono::seconds(expiry->get_int64())};
}

KafkaClient::KafkaClient(std::string name, KafkaClientOptions options, const Parts& parts)
    : name_(std::move(name)), options_(std::move(options)), parts_(parts) {}

Result<std::shared_ptr<KafkaClient>> KafkaClient::open(rd_kafka_type_t type, const std::string& name,
                                                       const KafkaClientOptions& options, const Settings& own,
                                                       int events, const Parts& parts) {
  KafkaConf conf(rd_kafka_conf_new());
  for (const auto& [key, value] : options.options) {
    if (const std::string wrong = problem_of_kafka_setting(key); !wrong.empty()) {
      return fail(ErrorCode::kInvalidArgument, "the setting '" + key + "' of librdkafka " + wrong);
    }
    RETURN_IF_ERROR(set(conf.get(), key, value));
  }
  RETURN_IF_ERROR(set(conf.get(), "bootstrap.servers", options.brokers));
  RETURN_IF_ERROR(set(conf.get(), "client.id", "mnema-" + name));
  for (const Settings& settings : {security_of(options), own}) {
    for (const auto& [key, value] : settings) RETURN_IF_ERROR(set(conf.get(), key, value));
  }
  Secret login;
  if (options.secret) {
    ASSIGN_OR_RETURN(login, parts.secrets.get(*options.secret));
    if (options.sasl != "oauthbearer") {
      RETURN_IF_ERROR(set(conf.get(), "sasl.username", options.username));
      RETURN_IF_ERROR(set(conf.get(), "sasl.password", std::string(login.reveal())));
    }
  }
  rd_kafka_conf_set_log_cb(conf.get(), write_client_log);
  rd_kafka_conf_set_events(conf.get(), events | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH);
  const auto destroy = [](KafkaClient* client) { delete client; };
  std::shared_ptr<KafkaClient> self(new KafkaClient(name, options, parts), destroy);
  char text[512];
  self->client_ = rd_kafka_new(type, conf.get(), text, sizeof text);
  if (self->client_ == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "librdkafka does not take its settings: " + std::string(text));
  }
  static_cast<void>(conf.release());  // the client's now
  self->self_ = self;
  self->login_ = std::move(login);
  // Some callers wait for the broker before anybody handles librdkafka's request for a token.
  if (options.sasl == "oauthbearer" && options.secret) self->give_token();
  return self;
}

KafkaClient::~KafkaClient() {
  if (client_ == nullptr) return;
  while (!leave() && parts_.clock.monotonic_now() < leave_until_) serve_leaving(kLeaveStepMs);
  leaving_.reset();
  rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

bool KafkaClient::leave() {
  if (rd_kafka_type(client_) != RD_KAFKA_CONSUMER) return true;
  if (!leaving_) {
    // For a rebalance whose event came before: without an answer to it librdkafka would not end, ever. Not later: what
    // it is told while the group ends may be thrown away (2.0.2), and the call would wait for ever.
    rd_kafka_assign(client_, nullptr);
    leaving_.reset(rd_kafka_queue_new(client_));
    leave_until_ = parts_.clock.monotonic_now() + std::chrono::milliseconds(parts_.limits.kafka_leave_ms);
    const KafkaError refused(rd_kafka_consumer_close_queue(client_, leaving_.get()));
    is_out_ = static_cast<bool>(refused);  // by a fatal error
  }
  if (is_out_) return true;
  serve_leaving(0);
  return rd_kafka_consumer_closed(client_) != 0;
}

void KafkaClient::serve_leaving(int wait_ms) {
  while (const KafkaEvent event = KafkaEvent(rd_kafka_queue_poll(leaving_.get(), wait_ms))) {
    wait_ms = 0;
    // The group does not end before it is answered.
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) rd_kafka_assign(client_, nullptr);
  }
}

bool KafkaClient::handle(const KafkaEvent& event) {
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH:
      refresh_token();
      return true;
    case RD_KAFKA_EVENT_ERROR:
      note_error(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
      return true;
    default:
      return false;
  }
}

void KafkaClient::note_error(rd_kafka_resp_err_t code, const std::string& text) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    char why[512];
    const rd_kafka_resp_err_t inner = rd_kafka_fatal_error(client_, why, sizeof why);
    log_error("kafka", "a client cannot go on until the program is started again",
              {{"client", name_}, {"code", rd_kafka_err2name(inner)}, {"text", std::string_view(why)}});
    const std::scoped_lock lock(mutex_);
    is_fatal_ = true;
    problem_ = std::string(rd_kafka_err2name(inner)) + ": " + why;
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    is_refused_ = is_refused_ || is_of_access(code);
    if (is_fatal_ || problem_ == text) return;
    problem_ = text;
  }
  log_warning("kafka", "a client has a problem",
              {{"client", name_}, {"code", rd_kafka_err2name(code)}, {"text", text}});
}

void KafkaClient::note_working() {
  const std::scoped_lock lock(mutex_);
  is_refused_ = false;
  if (!is_fatal_ && problem_) problem_.reset();
}

void KafkaClient::retry_login() {
  {
    const std::scoped_lock lock(mutex_);
    if (!is_refused_) return;
  }
  refresh_password();
}

std::optional<std::string> KafkaClient::problem() const {
  const std::scoped_lock lock(mutex_);
  return problem_;
}

void KafkaClient::set_problem(const std::string& problem) {
  const std::scoped_lock lock(mutex_);
  if (!is_fatal_) problem_ = problem;
}

bool KafkaClient::is_fatal() const {
  // Not every fatal error comes as an event that says so.
  char text[64];
  return rd_kafka_fatal_error(client_, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

void KafkaClient::refresh_token() {
  if (!options_.secret) return;
  parts_.blocking.post([weak = self_] {
    if (const std::shared_ptr<KafkaClient> self = weak.lock()) self->give_token();
  });
}

void KafkaClient::give_token() {
  Secret last;
  {
    const std::scoped_lock lock(mutex_);
    last = login_;
  }
  // The one that was given before is about to end: whatever holds it is to be read again.
  const Time now = parts_.clock.now();
  const auto ends = expiry_of_token(last.reveal());
  const bool is_old = ends && *ends <= now + kTokenTime;
  if (is_old) static_cast<void>(parts_.secrets.refresh_after_refusal(*options_.secret, last));
  Result<Secret> token = parts_.secrets.get(*options_.secret);
  if (!token.ok()) {
    log_warning("kafka", "a token cannot be read", {{"client", name_}, {"error", token.error().text()}});
    rd_kafka_oauthbearer_set_token_failure(client_, token.error().message.c_str());
    return;
  }
  const Time until = expiry_of_token(token->reveal()).value_or(now + kTokenTime);
  const std::string principal = options_.username.empty() ? "mnema" : options_.username;
  char text[512];
  if (rd_kafka_oauthbearer_set_token(client_, std::string(token->reveal()).c_str(), to_micros(until) / 1000,
                                     principal.c_str(), nullptr, 0, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log_warning("kafka", "a token is not taken", {{"client", name_}, {"text", std::string_view(text)}});
    rd_kafka_oauthbearer_set_token_failure(client_, text);
  }
  const std::scoped_lock lock(mutex_);
  login_ = std::move(*token);
}

void KafkaClient::refresh_password() {
  if (!options_.secret || options_.sasl == "oauthbearer") return;
  parts_.blocking.post([weak = self_] {
    const std::shared_ptr<KafkaClient> self = weak.lock();
    if (!self) return;
    Secret last;
    {
      const std::scoped_lock lock(self->mutex_);
      last = self->login_;
    }
    static_cast<void>(self->parts_.secrets.refresh_after_refusal(*self->options_.secret, last));
    Result<Secret> password = self->parts_.secrets.get(*self->options_.secret);
    if (!password.ok() || equal_in_constant_time(password->reveal(), last.reveal())) return;
    const KafkaError error(rd_kafka_sasl_set_credentials(self->client_, self->options_.username.c_str(),
                                                         std::string(password->reveal()).c_str()));
    if (error) return;
    log_info("kafka", "a refused password was read again", {{"client", self->name_}});
    const std::scoped_lock lock(self->mutex_);
    self->login_ = std::move(*password);
  });
}

}  // namespace mnema
