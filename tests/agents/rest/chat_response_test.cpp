#include "agents/rest/chat_response.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace mnema {
namespace {
namespace json = boost::json;

Completion cited() {
  Completion completion;
  completion.text = "Pages hold 32 tokens [1].";
  completion.annotations = {{"docs/GLOSSARY.md#L3-L9", "GLOSSARY.md, lines 3–9", 21, 24}};
  return completion;
}

TEST(ChatWriter, TellsSourcesAsAnnotationsBesideTheText) {
  const json::value whole = ChatWriter({}).whole({cited()});
  const json::object& message = whole.at("choices").at(0).at("message").as_object();
  EXPECT_EQ(message.at("content"), "Pages hold 32 tokens [1].");
  const json::value& annotation = message.at("annotations").at(0);
  EXPECT_EQ(annotation.at("type"), "url_citation");
  EXPECT_EQ(annotation.at("url_citation").at("url"), "docs/GLOSSARY.md#L3-L9");
  EXPECT_EQ(annotation.at("url_citation").at("title"), "GLOSSARY.md, lines 3–9");
  EXPECT_EQ(annotation.at("url_citation").at("start_index"), 21);
  EXPECT_EQ(annotation.at("url_citation").at("end_index"), 24);
}

TEST(ChatWriter, StreamsSourcesBetweenTheTextAndTheEnd) {
  ChatWriter writer({});
  static_cast<void>(writer.delta(0, Delta{"Pages hold 32 tokens [1].", {}, {}, {}}));
  const std::vector<std::string> chunks = writer.finish(0, cited());
  ASSERT_EQ(chunks.size(), 2U);
  const json::value sources = json::parse(chunks[0]);
  const json::value& choice = sources.at("choices").at(0);
  EXPECT_EQ(choice.at("delta").at("annotations").at(0).at("url_citation").at("url"), "docs/GLOSSARY.md#L3-L9");
  EXPECT_TRUE(choice.at("finish_reason").is_null());
  EXPECT_EQ(json::parse(chunks[1]).at("choices").at(0).at("finish_reason"), "stop");
}

TEST(ChatWriter, HasNoAnnotationsWhereNothingIsCited) {
  Completion plain;
  plain.text = "{\"a\": 1}";
  const json::value whole = ChatWriter({}).whole({plain});
  EXPECT_FALSE(whole.at("choices").at(0).at("message").as_object().contains("annotations"));
  EXPECT_EQ(ChatWriter({}).finish(0, plain).size(), 2U) << "the text and the end";
}

TEST(ChatWriter, SaysWhyAnAnswerWasCutShort) {
  Completion loop;
  loop.text = "and and and";
  loop.finish_reason = FinishReason::kLength;
  loop.note = "ended because the model repeated itself";
  const json::value whole = ChatWriter({}).whole({loop});
  const json::value& choice = whole.at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("mnema").at("note"), "ended because the model repeated itself");
  const json::value last = json::parse(ChatWriter({}).finish(0, loop).back());
  EXPECT_EQ(last.at("choices").at(0).at("mnema").at("note"), "ended because the model repeated itself");
}

Completion calling(FinishReason reason) {
  Completion completion;
  completion.tool_calls = {{"call_0", "f", "{}"}, {"call_1", "g", R"({"n": 1234567890123456789012})"}};
  completion.finish_reason = reason;
  return completion;
}

TEST(ChatWriter, EndsAForcedCallAsOpenAiDoesAndAChosenOneAsACall) {
  for (const FinishReason reason : {FinishReason::kToolCalls, FinishReason::kStop}) {
    for (const bool named : {false, true}) {
      ChatWriter::Options options;
      options.tool_was_named = named;
      const char* wanted = named ? "stop" : "tool_calls";
      const json::value whole = ChatWriter(options).whole({calling(reason)});
      EXPECT_EQ(whole.at("choices").at(0).at("finish_reason"), wanted);
      EXPECT_TRUE(whole.at("choices").at(0).at("message").at("content").is_null());
      const json::value last = json::parse(ChatWriter(options).finish(0, calling(reason)).back());
      EXPECT_EQ(last.at("choices").at(0).at("finish_reason"), wanted);
    }
  }
  ChatWriter::Options named;
  named.tool_was_named = true;
  const json::value cut = ChatWriter(named).whole({calling(FinishReason::kLength)});
  EXPECT_EQ(cut.at("choices").at(0).at("finish_reason"), "length");
}

TEST(ChatWriter, PassesArgumentsOnAsTheModelWroteThem) {
  const json::value whole = ChatWriter({}).whole({calling(FinishReason::kToolCalls)});
  EXPECT_EQ(whole.at("choices").at(0).at("message").at("tool_calls").at(1).at("function").at("arguments"),
            R"({"n": 1234567890123456789012})");
}

TEST(ChatWriter, LeavesOutFurtherCallsWhereOneWasAskedFor) {
  ChatWriter::Options options;
  options.one_tool_call = true;
  const json::value whole = ChatWriter(options).whole({calling(FinishReason::kToolCalls)});
  EXPECT_EQ(whole.at("choices").at(0).at("message").at("tool_calls").as_array().size(), 1U);
}

TEST(ChatWriter, TellsARefusalInItsOwnPlaceAndNoContent) {
  Completion refusing;
  refusing.refusal = "I found nothing about that.";
  const json::value whole = ChatWriter({}).whole({refusing});
  EXPECT_EQ(whole.at("choices").at(0).at("message").at("refusal"), json::value(refusing.refusal));
  EXPECT_TRUE(whole.at("choices").at(0).at("message").at("content").is_null());
  const std::vector<std::string> chunks = ChatWriter({}).finish(0, refusing);
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(json::parse(chunks[0]).at("choices").at(0).at("delta").at("refusal"), json::value(refusing.refusal));
}

}  // namespace
}  // namespace mnema
