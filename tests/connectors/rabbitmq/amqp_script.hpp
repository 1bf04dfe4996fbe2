// tests/connectors/rabbitmq/amqp_script.hpp
//
// What a broker sends, written by hand: for what no real one would send, or not when a test wants it.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "connectors/rabbitmq/amqp_codec.hpp"

namespace mnema::testing {

template <class Method>
void add(std::string& out, std::uint16_t channel, amqp_method_number_t number, Method method) {
  append_amqp_method(out, channel, number, &method);
}

/// Until the channel is open.
inline std::string greeting() {
  std::string out;
  amqp_connection_start_t start{};
  start.version_minor = 9;
  start.mechanisms = amqp_cstring_bytes("PLAIN AMQPLAIN");
  start.locales = amqp_cstring_bytes("en_US");
  add(out, 0, AMQP_CONNECTION_START_METHOD, start);
  amqp_connection_tune_t tune{};
  tune.frame_max = 131'072;
  tune.heartbeat = 60;
  add(out, 0, AMQP_CONNECTION_TUNE_METHOD, tune);
  add(out, 0, AMQP_CONNECTION_OPEN_OK_METHOD, amqp_connection_open_ok_t{});
  add(out, 1, AMQP_CHANNEL_OPEN_OK_METHOD, amqp_channel_open_ok_t{});
  return out;
}

}  // namespace mnema::testing
