#include "tests/support/rabbitmq_broker.hpp"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "runtime/base/check.hpp"

namespace mnema::testing {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr std::size_t kUnconfirmedMax = 500;
constexpr timeval kAnswerTime{20, 0};

amqp_bytes_t bytes(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string text(const amqp_bytes_t& of) { return {static_cast<const char*>(of.bytes), of.len}; }

amqp_field_value_t field(const std::string& value) {
  amqp_field_value_t made{};
  made.kind = AMQP_FIELD_KIND_UTF8;
  made.value.bytes = bytes(value);
  if (!value.empty() && value.find_first_not_of("0123456789") == std::string::npos) {
    made.kind = AMQP_FIELD_KIND_I32;
    made.value.i32 = std::stoi(value);
  }
  return made;
}

std::string certificates_in(const std::string& folder) { return folder + "/certificates"; }

void make_certificates(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const auto run = [&](const std::string& line) {
    CHECK(std::system(("cd '" + folder + "' && " + line + " >>openssl.log 2>&1").c_str()) == 0, "openssl works");
  };
  const std::string key = "openssl req -newkey rsa:2048 -nodes -days 2 ";
  run(key + "-x509 -keyout ca.key -out ca.pem -subj '/CN=test authority'");
  run(key + "-x509 -keyout other.key -out other.pem -subj '/CN=other authority'");
  std::ofstream(folder + "/server.ext") << "subjectAltName=DNS:localhost";
  for (const std::string name : {"server", "client"}) {
    run(key + "-keyout " + name + ".key -out " + name + ".csr -subj '/CN=" + name + "'");
    run("openssl x509 -req -days 2 -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -out " + name +
        ".pem" + (name == "server" ? " -extfile server.ext" : ""));
  }
}

/// Of an answer that is none, or of one that closes what was asked.
std::string problem_of(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) return "the broker has hung up";
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
    return text(static_cast<const amqp_connection_close_t*>(reply.reply.decoded)->reply_text);
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
    return text(static_cast<const amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
  return amqp_method_name(reply.reply.id);
}

/// Tables inside tables, which live until it goes.
class Nest {
 public:
  explicit Nest(int depth) : tables_(static_cast<std::size_t>(depth)) {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      tables_[i].key = amqp_cstring_bytes("in");
      tables_[i].value.kind = AMQP_FIELD_KIND_TABLE;
      const bool is_last = i + 1 == tables_.size();
      tables_[i].value.value.table = {is_last ? 0 : 1, is_last ? nullptr : &tables_[i + 1]};
    }
  }
  [[nodiscard]] const amqp_table_entry_t& outer() const { return tables_.front(); }

 private:
  std::vector<amqp_table_entry_t> tables_;
};

}  // namespace

struct RabbitmqBroker::Connection {
  explicit Connection(const std::string& address) : state(amqp_new_connection()) {
    amqp_socket_t* const socket = amqp_tcp_socket_new(state);
    const std::size_t colon = address.find(':');
    CHECK(amqp_socket_open(socket, address.substr(0, colon).c_str(), std::stoi(address.substr(colon + 1))) == 0,
          "the broker can be reached");
    check(amqp_login(state, "/", 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, kUser, kPassword));
    amqp_channel_open(state, kChannel);
    check();
  }
  ~Connection() { amqp_destroy_connection(state); }
  void check() const { check(amqp_get_rpc_reply(state)); }
  static void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    std::fprintf(stderr, "RabbitMQ: %s\n", problem_of(reply).c_str());
    CHECK(false, "the broker does what a test asks for");
  }
  const amqp_connection_state_t state;
};

RabbitmqBroker* RabbitmqBroker::shared() {
  static const std::unique_ptr<RabbitmqBroker> broker = [] {
    const std::string folder = ::testing::TempDir() + "mnema-rabbitmq-" + std::to_string(::getpid());
    const std::string files = certificates_in(folder);
    make_certificates(files);
    std::unique_ptr<ScriptProcess> script =
        ScriptProcess::start("examples/rabbitmq/broker.py", folder,
                             {"--tls", files + "/ca.pem", files + "/server.pem", files + "/server.key"});
    return std::unique_ptr<RabbitmqBroker>(script ? new RabbitmqBroker(std::move(script)) : nullptr);
  }();
  return broker.get();
}

RabbitmqBroker::RabbitmqBroker(std::unique_ptr<ScriptProcess> script)
    : script_(std::move(script)), address_(script_->fact("address")), tls_address_(script_->fact("tls_address")) {}

RabbitmqBroker::~RabbitmqBroker() = default;

std::string RabbitmqBroker::certificates() const { return certificates_in(script_->folder()); }

void RabbitmqBroker::kill() {
  connection_.reset();
  script_->tell("kill");
}
void RabbitmqBroker::start() { script_->tell("start"); }
void RabbitmqBroker::freeze() { script_->tell("freeze"); }
void RabbitmqBroker::thaw() { script_->tell("thaw"); }

void RabbitmqBroker::control(const std::string& arguments) {
  const boost::json::object answer = script_->command("ctl " + arguments);
  ASSERT_EQ(answer.at("code").as_int64(), 0) << boost::json::serialize(answer);
}

RabbitmqBroker::Connection& RabbitmqBroker::connection() {
  if (!connection_) connection_ = std::make_unique<Connection>(address_);
  return *connection_;
}

std::string RabbitmqBroker::create_queue(const std::map<std::string, std::string>& arguments) {
  const std::string name = "queue-" + std::to_string(++queues_);
  create_queue(name, arguments);
  return name;
}

void RabbitmqBroker::create_queue(const std::string& name, const std::map<std::string, std::string>& arguments) {
  std::vector<amqp_table_entry_t> entries;
  for (const auto& [key, value] : arguments) entries.push_back({bytes(key), field(value)});
  amqp_queue_declare(connection().state, kChannel, bytes(name), 0, 1, 0, 0,
                     {static_cast<int>(entries.size()), entries.data()});
  connection().check();
}

void RabbitmqBroker::delete_queue(const std::string& name) {
  amqp_queue_delete(connection().state, kChannel, bytes(name), 0, 0);
  connection().check();
}

void RabbitmqBroker::sync_declared() { control("eval 'mnesia:sync_log().'"); }

void RabbitmqBroker::create_exchange(const std::string& name, const std::string& type) {
  amqp_exchange_declare(connection().state, kChannel, bytes(name), bytes(type), 0, 1, 0, 0, amqp_empty_table);
  connection().check();
}

void RabbitmqBroker::bind(const std::string& queue, const std::string& exchange, const std::string& key) {
  amqp_queue_bind(connection().state, kChannel, bytes(queue), bytes(exchange), bytes(key), amqp_empty_table);
  connection().check();
}

void RabbitmqBroker::publish(const std::string& queue, const std::vector<RabbitmqTestMessage>& messages,
                             const std::string& exchange) {
  Connection own(address_);
  amqp_confirm_select(own.state, kChannel);
  own.check();
  std::uint64_t sent = 0;
  std::set<std::uint64_t> unconfirmed;  // confirmations do not come in order
  const auto wait = [&] {
    amqp_frame_t frame;
    timeval patience = kAnswerTime;
    CHECK(amqp_simple_wait_frame_noblock(own.state, &frame, &patience) == AMQP_STATUS_OK, "the broker confirms");
    CHECK(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD,
          "the broker takes what a test publishes");
    const auto& ack = *static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
    unconfirmed.erase(ack.multiple != 0 ? unconfirmed.begin() : unconfirmed.find(ack.delivery_tag),
                      unconfirmed.upper_bound(ack.delivery_tag));
    amqp_maybe_release_buffers(own.state);
  };
  for (const RabbitmqTestMessage& message : messages) {
    std::vector<amqp_table_entry_t> headers;
    for (const auto& [name, value] : message.headers) headers.push_back({bytes(name), field(value)});
    std::optional<Nest> nest;
    if (message.nested_headers > 0) headers.push_back(nest.emplace(message.nested_headers).outer());
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties.delivery_mode = 2;
    properties.content_type = bytes(message.content_type);
    if (!message.id.empty()) properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = bytes(message.id);
    if (!headers.empty()) properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {static_cast<int>(headers.size()), headers.data()};
    const int status =
        amqp_basic_publish(own.state, kChannel, bytes(exchange), bytes(queue), 0, 0, &properties, bytes(message.body));
    CHECK(status == AMQP_STATUS_OK, "a message is sent");
    unconfirmed.insert(++sent);
    while (unconfirmed.size() > kUnconfirmedMax) wait();
  }
  while (!unconfirmed.empty()) wait();
}

int RabbitmqBroker::waiting(const std::string& queue) {
  const amqp_queue_declare_ok_t* const declared =
      amqp_queue_declare(connection().state, kChannel, bytes(queue), 1, 0, 0, 0, amqp_empty_table);
  connection().check();
  const int count = static_cast<int>(declared->message_count);
  amqp_maybe_release_buffers(connection().state);
  return count;
}

std::vector<RabbitmqReadMessage> RabbitmqBroker::read(const std::string& queue) {
  std::vector<RabbitmqReadMessage> messages;
  for (;;) {
    const amqp_rpc_reply_t reply = amqp_basic_get(connection().state, kChannel, bytes(queue), 1);
    Connection::check(reply);
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return messages;
    const auto& got = *static_cast<amqp_basic_get_ok_t*>(reply.reply.decoded);
    RabbitmqReadMessage read;
    read.routing_key = text(got.routing_key);
    read.redelivered = got.redelivered != 0;
    amqp_message_t message;
    Connection::check(amqp_read_message(connection().state, kChannel, &message, 0));
    read.body = text(message.body);
    read.id = text(message.properties.message_id);
    read.content_type = text(message.properties.content_type);
    read.delivery_mode = message.properties.delivery_mode;
    for (int i = 0; i < message.properties.headers.num_entries; ++i) {
      const amqp_table_entry_t& entry = message.properties.headers.entries[i];
      if (entry.value.kind == AMQP_FIELD_KIND_UTF8) read.headers[text(entry.key)] = text(entry.value.value.bytes);
    }
    amqp_destroy_message(&message);
    amqp_maybe_release_buffers(connection().state);
    messages.push_back(std::move(read));
  }
}

long long RabbitmqBroker::count(const std::string& queue, long long messages, int prefetch) {
  Connection own(address_);
  amqp_basic_qos(own.state, kChannel, 0, static_cast<std::uint16_t>(prefetch), 0);
  amqp_basic_consume(own.state, kChannel, bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  own.check();
  long long read = 0;
  while (read < messages) {
    amqp_envelope_t envelope;
    timeval patience = kAnswerTime;
    amqp_maybe_release_buffers(own.state);
    Connection::check(amqp_consume_message(own.state, &envelope, &patience, 0));
    ++read;
    const bool is_due = read % std::max(1, prefetch / 2) == 0 || read == messages;
    if (is_due) amqp_basic_ack(own.state, kChannel, envelope.delivery_tag, 1);
    amqp_destroy_envelope(&envelope);
  }
  Connection::check(amqp_connection_close(own.state, AMQP_REPLY_SUCCESS));
  return read;
}

}  // namespace mnema::testing
