#include "memory/html_text.hpp"

#include <gumbo.h>

#include <algorithm>
#include <memory>

namespace mnema {
namespace {

bool is_hidden(GumboTag tag) {
  return tag == GUMBO_TAG_SCRIPT || tag == GUMBO_TAG_STYLE || tag == GUMBO_TAG_NAV || tag == GUMBO_TAG_HEAD ||
         tag == GUMBO_TAG_TEMPLATE || tag == GUMBO_TAG_NOSCRIPT;
}

bool is_inline(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_A:
    case GUMBO_TAG_ABBR:
    case GUMBO_TAG_B:
    case GUMBO_TAG_CODE:
    case GUMBO_TAG_EM:
    case GUMBO_TAG_I:
    case GUMBO_TAG_KBD:
    case GUMBO_TAG_SMALL:
    case GUMBO_TAG_SPAN:
    case GUMBO_TAG_STRONG:
    case GUMBO_TAG_SUB:
    case GUMBO_TAG_SUP:
    case GUMBO_TAG_U:
      return true;
    default:
      return false;
  }
}

int heading_level(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? 1 + static_cast<int>(tag) - static_cast<int>(GUMBO_TAG_H1) : 0;
}

class Reader {
 public:
  explicit Reader(std::size_t size) : size_(size) {}

  /// Deeper than this the rest is passed over: a hostile page may not use up the stack.
  static constexpr int kDepthMax = 400;

  void walk(const GumboNode& node, int heading, int depth) {
    if (depth > kDepthMax) return;
    if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE || node.type == GUMBO_NODE_CDATA) {
      return add(node.v.text, heading);
    }
    if (node.type != GUMBO_NODE_ELEMENT && node.type != GUMBO_NODE_DOCUMENT) return;
    const GumboVector* children = &node.v.document.children;
    bool block = true;
    if (node.type == GUMBO_NODE_ELEMENT) {
      const GumboElement& element = node.v.element;
      if (is_hidden(element.tag)) return;
      block = !is_inline(element.tag);
      if (const int level = heading_level(element.tag)) heading = level;
      children = &element.children;
    }
    if (block) flush();
    for (unsigned i = 0; i < children->length; ++i) {
      walk(*static_cast<const GumboNode*>(children->data[i]), heading, depth + 1);
    }
    if (block) flush();
  }

  std::vector<TextBlock> take() {
    flush();
    return std::move(blocks_);
  }

 private:
  void add(const GumboText& text, int heading) {
    for (const char* c = text.text; *c != 0; ++c) {
      const bool blank = *c == ' ' || *c == '\n' || *c == '\t' || *c == '\r';
      if (blank && (open_.text.empty() || open_.text.back() == ' ')) continue;
      if (open_.text.empty()) {
        open_.byte_begin = std::min<std::size_t>(text.start_pos.offset, size_);
        open_.heading_level = heading;
      }
      open_.text += blank ? ' ' : *c;
    }
    if (!open_.text.empty()) {
      open_.byte_end =
          std::clamp<std::size_t>(text.start_pos.offset + text.original_text.length, open_.byte_begin, size_);
    }
  }

  void flush() {
    while (!open_.text.empty() && open_.text.back() == ' ') open_.text.pop_back();
    if (!open_.text.empty()) blocks_.push_back(std::move(open_));
    open_ = {};
  }

  const std::size_t size_;
  TextBlock open_;
  std::vector<TextBlock> blocks_;
};

}  // namespace

std::vector<TextBlock> html_blocks(std::string_view html) {
  const auto free = [](GumboOutput* output) { gumbo_destroy_output(&kGumboDefaultOptions, output); };
  const std::unique_ptr<GumboOutput, decltype(free)> parsed(
      gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size()), free);
  Reader reader(html.size());
  reader.walk(*parsed->document, 0, 0);
  return reader.take();
}

}  // namespace mnema
