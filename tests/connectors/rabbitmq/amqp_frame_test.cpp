#include "connectors/rabbitmq/amqp_frame.hpp"

#include <gtest/gtest.h>

#include "connectors/rabbitmq/amqp_codec.hpp"

namespace mnema {
namespace {

TEST(AmqpFrame, ComesOutAsItWentInHoweverItsBytesArrive) {
  std::string sent;
  append_amqp_frame(sent, AmqpFrameKind::kBody, 7, "first");
  append_amqp_frame(sent, AmqpFrameKind::kHeartbeat, 0, "");
  append_amqp_frame(sent, AmqpFrameKind::kMethod, 1, std::string(3'000, 'm'));
  for (const std::size_t step : {std::size_t{1}, std::size_t{5}, sent.size()}) {
    AmqpFrameReader reader;
    std::vector<std::pair<AmqpFrameKind, std::string>> got;
    for (std::size_t at = 0; at < sent.size(); at += step) {
      reader.append(std::string_view(sent).substr(at, step));
      for (;;) {
        const Result<std::optional<AmqpFrame>> frame = reader.next();
        ASSERT_TRUE(frame.ok());
        if (!*frame) break;
        got.emplace_back((*frame)->kind, (*frame)->payload);
      }
    }
    ASSERT_EQ(got.size(), 3U);
    EXPECT_EQ(got[0].second, "first");
    EXPECT_EQ(got[1].first, AmqpFrameKind::kHeartbeat);
    EXPECT_EQ(got[2].second, std::string(3'000, 'm'));
  }
}

TEST(AmqpFrame, RefusesWhatIsNone) {
  const auto problem = [](const std::string& bytes) {
    AmqpFrameReader reader;
    reader.append(bytes);
    const Result<std::optional<AmqpFrame>> frame = reader.next();
    return frame.ok() ? std::string() : frame.error().text();
  };
  std::string good;
  append_amqp_frame(good, AmqpFrameKind::kBody, 1, "body");
  EXPECT_EQ(problem(good), "");
  EXPECT_EQ(problem(good.substr(0, 9)), "") << "more may come";
  std::string without_end = good;
  without_end.back() = 'x';
  EXPECT_NE(problem(without_end), "");
  std::string unknown = good;
  unknown[0] = 5;
  EXPECT_NE(problem(unknown), "");
  std::string large = good;
  large[3] = '\x7f';
  EXPECT_NE(problem(large), "") << "nobody waits for two gigabytes";
  EXPECT_NE(problem(std::string("AMQP\0\1\0\0", 8)).find("does not speak AMQP 0-9-1"), std::string::npos);
  EXPECT_NE(problem("HTTP/1.1 400 Bad Request"), "");
}

TEST(AmqpCodec, DecodesMethodsOfABrokerOnly) {
  AmqpPool pool;
  std::string frame;
  amqp_basic_ack_t ack{};
  ack.delivery_tag = 42;
  ack.multiple = 1;
  append_amqp_method(frame, 1, AMQP_BASIC_ACK_METHOD, &ack);
  const std::string payload = frame.substr(kAmqpFrameHead, frame.size() - kAmqpFrameOverhead);
  const Result<AmqpMethod> method = decode_amqp_method(payload, pool);
  ASSERT_TRUE(method.ok());
  EXPECT_EQ(method->as<amqp_basic_ack_t>().delivery_tag, 42U);
  EXPECT_FALSE(decode_amqp_method(payload.substr(0, 8), pool).ok()) << "cut";
  EXPECT_FALSE(decode_amqp_method("", pool).ok());
  std::string declare;
  amqp_queue_declare_t queue{};
  append_amqp_method(declare, 1, AMQP_QUEUE_DECLARE_METHOD, &queue);
  EXPECT_FALSE(decode_amqp_method(declare.substr(kAmqpFrameHead), pool).ok()) << "that is a client's";
}

TEST(AmqpCodec, FollowsNoTablesThatAreDeeperThanAGreetingsFrame) {
  // Each list holds the next one; librabbitmq follows them by recursion.
  const auto greeting = [](std::size_t depth) {
    const auto put = [](std::string& out, std::size_t number) {
      for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(number >> shift));
    };
    std::string payload;
    put(payload, AMQP_CONNECTION_START_METHOD);
    payload += std::string("\0\x09", 2);
    put(payload, 2 + 5 * depth);
    payload += "\1a";
    for (std::size_t left = depth; left > 0; --left) {
      payload.push_back('A');
      put(payload, 5 * (left - 1));
    }
    put(payload, 0);
    put(payload, 0);
    return payload;
  };
  AmqpPool pool;
  EXPECT_TRUE(decode_amqp_method(greeting(100), pool).ok());
  EXPECT_FALSE(decode_amqp_method(greeting(25'000), pool).ok()) << "it comes after the frames have become larger";
}

TEST(AmqpCodec, CutsABodyIntoFrames) {
  std::string out;
  amqp_basic_properties_t properties{};
  ASSERT_TRUE(append_amqp_content(out, 1, properties, std::string(10'000, 'b'), 4'096).ok());
  AmqpFrameReader reader;
  reader.append(out);
  ASSERT_EQ((*reader.next())->kind, AmqpFrameKind::kHeader);
  std::size_t bytes = 0;
  int frames = 0;
  for (;;) {
    const std::optional<AmqpFrame> frame = *reader.next();
    if (!frame) break;
    EXPECT_EQ(frame->kind, AmqpFrameKind::kBody);
    bytes += frame->payload.size();
    ++frames;
  }
  EXPECT_EQ(bytes, 10'000U);
  EXPECT_EQ(frames, 3);
}

}  // namespace
}  // namespace mnema
