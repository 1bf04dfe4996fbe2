#include "inference/chat/tool_calls.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "runtime/base/limits.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>";
constexpr std::string_view kBlanks = " \t\r\n", kFence = "```";
constexpr std::size_t kLanguageBytesMax = 20;  // that is named behind a fence
/// What is before the arguments is read again with every token: a longer one is read once, at the end.
constexpr std::size_t kHeadBytesMax = 1024;

/// Bytes at the end of `text` that could become `tag`.
std::size_t beginning_of(std::string_view tag, std::string_view text) {
  for (std::size_t length = std::min(tag.size() - 1, text.size()); length > 0; --length) {
    if (text.ends_with(tag.substr(0, length))) return length;
  }
  return 0;
}

/// Whether `text` begins, after blanks, with a tag, or may once there is more of it.
bool may_be_tag(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.starts_with(kCall.substr(0, text.size())) || text.starts_with(kThink.substr(0, text.size()));
}

enum class Begins { kNo, kMaybe, kYes };

/// Whether `text` begins with `what`, or may once there is more of it; takes it off.
Begins take(std::string_view& text, std::string_view what) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const std::size_t common = std::min(what.size(), text.size());
  if (text.substr(0, common) != what.substr(0, common)) return Begins::kNo;
  text.remove_prefix(common);
  return common == what.size() ? Begins::kYes : Begins::kMaybe;
}

/// Whether `text` begins with a call of one of the tools, without a tag. `fenced`: in a fence of code; `at`: where.
Begins call_without_tag(std::string_view text, const std::vector<std::string>& tools, bool& fenced, std::size_t& at) {
  std::string_view rest = text;
  if (const Begins fence = take(rest, kFence); fence == Begins::kMaybe) {
    return Begins::kMaybe;  // also of nothing but blanks
  } else if (fence == Begins::kYes) {
    fenced = true;
    const std::size_t language = rest.find_first_of(kBlanks);
    if (language == std::string_view::npos) return rest.size() < kLanguageBytesMax ? Begins::kMaybe : Begins::kNo;
    rest.remove_prefix(language);
  } else {
    rest = text;
  }
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  at = text.size() - rest.size();
  for (const std::string_view what : {"{", "\"name\"", ":", "\""}) {
    if (const Begins begins = take(rest, what); begins != Begins::kYes) return begins;
  }
  Begins best = Begins::kNo;
  for (const std::string& tool : tools) {
    const std::string name = tool + '"';
    if (rest.starts_with(name)) return Begins::kYes;
    if (name.starts_with(rest)) best = Begins::kMaybe;
  }
  return best;
}

json::value parsed(std::string_view text) {
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(Limits{}.json_depth_max);
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, options);
  return error ? nullptr : value;
}

/// How `text` goes on after blanks and `what`; none where it does not begin so.
std::optional<std::string_view> after(std::optional<std::string_view> text, std::string_view what) {
  if (!text) return text;
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  if (!text->starts_with(what)) return std::nullopt;
  return text->substr(what.size());
}

/// The end of the JSON value that `text` begins with; the text is known to be JSON.
std::size_t end_of_value(std::string_view text) {
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      while (++at < text.size() && text[at] != '"') at += text[at] == '\\' ? 1 : 0;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']' || c == ',') {
      if (depth == 0) return at;
      if (c != ',') --depth;
    }
  }
  return text.size();
}

/// The text of the first top-level member `name` of the object that `body` is known to be; none = there is none.
std::optional<std::string_view> member_text(std::string_view body, std::string_view name) {
  const std::string quoted = '"' + std::string(name) + '"';
  std::optional<std::string_view> rest = after(body, "{");
  while (rest) {
    rest = after(rest, "");
    const std::size_t colon = rest->find(':', rest->starts_with(quoted) ? quoted.size() : 0);
    if (rest->starts_with(quoted)) {
      const std::string_view value = *after(rest->substr(colon + 1), "");
      const std::string_view text = value.substr(0, end_of_value(value));
      return text.substr(0, text.find_last_not_of(kBlanks) + 1);
    }
    const std::size_t end = end_of_value(*rest);
    rest = after(rest->substr(end), ",");
  }
  return std::nullopt;
}

/// What a complete body calls; none where it is no call. An answer in JSON may have a name, too: without a tag only
/// what has arguments is a call.
std::optional<ToolCall> call_of(std::string_view body, bool without_tag) {
  if (!parsed(body).is_object()) return std::nullopt;
  const std::optional<std::string_view> name = member_text(body, "name");
  if (!name) return std::nullopt;
  ToolCall call;
  if (const json::value text = parsed(*name); text.is_string()) call.name = text.get_string();
  if (call.name.empty()) return std::nullopt;
  std::optional<std::string_view> arguments = member_text(body, "arguments");
  if (!arguments) arguments = member_text(body, "parameters");
  if (!arguments && without_tag) return std::nullopt;
  call.arguments = arguments && *arguments != "null" ? std::string(*arguments) : "{}";
  // Some models write the arguments as a text that holds them.
  if (const json::value text = parsed(call.arguments); text.is_string()) call.arguments = text.get_string();
  if (!parsed(call.arguments).is_object()) return std::nullopt;
  return call;
}

}  // namespace

OutputParser::OutputParser(Options options)
    : options_(std::move(options)),
      place_(options_.begins_in_reasoning ? Place::kReasoning : Place::kText),
      skip_blanks_(options_.begins_in_reasoning) {}

void OutputParser::push(std::string_view text, Delta& delta) {
  pending_ += text;
  advance(delta, false);
}

void OutputParser::finish(Delta& delta, bool cut) {
  advance(delta, !cut);
  if (place_ == Place::kCall) end_call(delta, cut ? End::kCut : End::kModel);
  const bool is_fence = place_ == Place::kText && pending_.find_first_of("<{") == std::string::npos;
  if (cut && is_fence) emit(std::exchange(pending_, {}), delta);  // of code, as far as anybody can know
}

void OutputParser::emit(std::string_view text, Delta& delta) {
  if (skip_blanks_) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (text.empty()) return;
    skip_blanks_ = false;
  }
  if (place_ == Place::kText) has_text_ |= !text.empty();
  (place_ == Place::kReasoning ? delta.reasoning : delta.text) += text;
}

/// Behind a call in a fence of code the end of the fence is no text. True: it may still come.
bool OutputParser::skip_fence(bool final) {
  std::string_view rest = pending_;
  const Begins fence = take(rest, kFence);
  if (fence == Begins::kMaybe && !final) return true;
  if (fence != Begins::kYes) return false;  // another call
  in_fence_ = false;
  pending_.erase(0, pending_.size() - rest.size());
  return false;
}

/// True: what is pending may still become one.
bool OutputParser::begin_call_without_tag(bool final) {
  bool fenced = false;
  std::size_t at = 0;
  const Begins begins = call_without_tag(pending_, options_.tools_without_tags, fenced, at);
  if (begins == Begins::kMaybe && !final) return true;
  if (begins != Begins::kYes) return false;
  pending_.erase(0, at);
  in_fence_ = in_fence_ || fenced;
  begin_call();
  without_tag_ = true;
  return false;
}

void OutputParser::begin_call() {
  place_ = Place::kCall;
  body_.clear(), name_.clear();
  announced_ = arguments_done_ = in_string_ = escaped_ = body_in_string_ = body_escaped_ = without_tag_ = false;
  arguments_begin_ = scanned_ = 0;
  depth_ = body_depth_ = 0;
}

/// Its end is the brace that closes its first one.
void OutputParser::push_to_call_without_tag(Delta& delta) {
  std::size_t taken = 0;
  do {
    append_to_call(std::string_view(pending_).substr(taken, 1));
    ++taken;
  } while (taken < pending_.size() && body_depth_ > 0);
  pending_.erase(0, taken);
  read_call(delta);
  if (body_depth_ == 0) end_call(delta, End::kTag);
}

void OutputParser::advance(Delta& delta, bool final) {
  for (;;) {
    if (place_ == Place::kCall && without_tag_) {
      if (pending_.empty()) return;
      push_to_call_without_tag(delta);
      continue;
    }
    if (place_ == Place::kText && !has_text_ && !options_.tools_without_tags.empty()) {
      if (in_fence_ && skip_fence(final)) return;
      if (begin_call_without_tag(final)) return;
      if (place_ == Place::kCall) continue;
    }
    // Which tag may end the place we are in.
    std::string_view tag, other;
    if (place_ == Place::kReasoning)
      tag = kThinkEnd;
    else if (place_ == Place::kCall)
      tag = kCallEnd;
    else if (!options_.tags_before_text || (!has_text_ && may_be_tag(pending_))) {
      if (options_.tool_calls) tag = kCall;
      if (options_.reasoning) (tag.empty() ? tag : other) = kThink;
    }
    std::size_t at = tag.empty() ? std::string::npos : pending_.find(tag);
    if (!other.empty()) {
      if (const std::size_t there = pending_.find(other); there < at) at = there, tag = other;
    }
    if (at == std::string::npos) {
      std::size_t held = tag.empty() || final ? 0 : beginning_of(tag, pending_);
      if (!other.empty() && !final) held = std::max(held, beginning_of(other, pending_));
      const std::string certain = pending_.substr(0, pending_.size() - held);
      pending_.erase(0, certain.size());
      if (place_ == Place::kCall) {
        append_to_call(certain);
        read_call(delta);
      } else {
        emit(certain, delta);
      }
      return;
    }
    const std::string before = pending_.substr(0, at);
    pending_.erase(0, at + tag.size());
    if (place_ == Place::kCall) {
      append_to_call(before);
      if (body_in_string_) append_to_call(kCallEnd);  // an argument may say anything
      read_call(delta);
      if (!body_in_string_) end_call(delta, End::kTag);
      continue;
    }
    emit(before, delta);
    skip_blanks_ = true;
    if (tag == kCall)
      begin_call();
    else
      place_ = tag == kThink ? Place::kReasoning : Place::kText;
  }
}

void OutputParser::append_to_call(std::string_view text) {
  body_ += text;
  for (const char c : text) {
    if (body_escaped_)
      body_escaped_ = false;
    else if (body_in_string_ && c == '\\')
      body_escaped_ = true;
    else if (c == '"')
      body_in_string_ = !body_in_string_;
    else if (!body_in_string_ && (c == '{' || c == '}'))
      body_depth_ += c == '{' ? 1 : -1;
  }
}

/// Passes arguments on as they come, where the body began with the name and then the arguments, as models are taught.
/// What is written in another way waits for its end.
void OutputParser::read_call(Delta& delta) {
  if (arguments_begin_ == 0) {
    if (body_.size() > kHeadBytesMax) return;
    const auto name = after(after(after(after(std::string_view(body_), "{"), "\"name\""), ":"), "\"");
    if (!name) return;
    const std::size_t length = std::min(name->find_first_of("\"\\"), name->size());
    const auto arguments = after(after(after(after(name->substr(length), "\""), ","), "\"arguments\""), ":");
    if (length == 0 || !after(arguments, "{")) return;
    name_ = name->substr(0, length);
    arguments_begin_ = body_.size() - after(arguments, "{")->size() - 1;
  }
  const std::string_view arguments = std::string_view(body_).substr(arguments_begin_);
  const std::size_t begin = scanned_;
  while (!arguments_done_ && scanned_ < arguments.size()) {
    const char c = arguments[scanned_++];
    if (escaped_)
      escaped_ = false;
    else if (in_string_ && c == '\\')
      escaped_ = true;
    else if (c == '"')
      in_string_ = !in_string_;
    else if (!in_string_ && (c == '{' || c == '['))
      ++depth_;
    else if (!in_string_ && (c == '}' || c == ']'))
      arguments_done_ = --depth_ == 0;
  }
  if (scanned_ == begin) return;
  ToolCallDelta piece{announced_calls_ - (announced_ ? 1 : 0), "", "",
                      std::string(arguments.substr(begin, scanned_ - begin))};
  if (!announced_) {
    piece.id = id_of(piece.index);
    piece.name = name_;
    announced_ = true;
    ++announced_calls_;
  }
  delta.tool_calls.push_back(std::move(piece));
}

std::string OutputParser::id_of(int index) const { return options_.call_id_prefix + std::to_string(index); }

void OutputParser::end_call(Delta& delta, End end) {
  place_ = Place::kText;
  skip_blanks_ = true;
  if (announced_) {
    const std::string arguments = body_.substr(arguments_begin_, scanned_);
    // A last brace left out before the tag is forgiven; what was cut off is no call to make.
    if (arguments_done_ && parsed(arguments).is_object() && (end == End::kTag || parsed(body_).is_object()))
      calls_.push_back({id_of(announced_calls_ - 1), name_, arguments});
    return;
  }
  std::optional<ToolCall> call = call_of(body_, without_tag_);
  if (!call) {
    skip_blanks_ = false;
    const std::string_view begin = without_tag_ ? "" : kCall, tag = end == End::kTag && !without_tag_ ? kCallEnd : "";
    if (end != End::kCut) emit(std::string(begin) + body_ + std::string(tag), delta);
    return;
  }
  const int index = announced_calls_++;
  call->id = id_of(index);
  delta.tool_calls.push_back({index, call->id, call->name, call->arguments});
  calls_.push_back(std::move(*call));
}

}  // namespace mnema
