#include "memory/html_text.hpp"

#include <gumbo.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <utility>

namespace mnema {
namespace {

constexpr int kDepthMax = 400;                // of elements in one another, as the page writes them
constexpr int kNodeDepthMax = 8 * kDepthMax;  // the parser adds what HTML demands: rows and bodies of tables
constexpr std::size_t kTagBytesMax = 4'096;

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

/// Elements that never hold others, and those that the next one of their kind ends.
bool ends_by_itself(std::string_view name) {
  constexpr std::string_view kNames[] = {"area",  "base",   "body", "br",    "col",    "colgroup", "dd", "dt",
                                         "embed", "head",   "hr",   "html",  "img",    "input",    "li", "link",
                                         "meta",  "option", "p",    "param", "source", "tbody",    "td", "tfoot",
                                         "th",    "thead",  "tr",   "track", "wbr"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

/// The page with blanks in the place of start tags that would nest it too deep or are too long. The parser's time for a
/// tag grows with how deep it stands, and it frees its tree recursively: a page of nothing but open tags would take
/// hours, or the stack.
std::string made_shallow(std::string_view html) {
  std::string page(html);
  std::map<std::string, int> open;  // how many of each name
  int depth = 0;
  std::size_t at = page.find('<');
  for (; at != std::string::npos; at = page.find('<', at)) {
    if (page.compare(at, 4, "<!--") == 0) {
      at = std::min(page.find("-->", at), page.size());
      continue;
    }
    const bool closing = page.compare(at, 2, "</") == 0;
    std::string name;
    std::size_t end = at + (closing ? 2 : 1);
    for (; end < page.size() && std::isalnum(static_cast<unsigned char>(page[end])) != 0; ++end) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(page[end])));
    }
    const std::size_t begin = std::exchange(at, end);
    if (name.empty()) continue;
    end = std::min(page.find('>', end), page.size() - 1);
    at = end;
    if (closing) {
      if (const auto found = open.find(name); found != open.end() && found->second > 0) --found->second, --depth;
      continue;
    }
    const bool holds = !ends_by_itself(name);
    if (end - begin > kTagBytesMax || (holds && depth >= kDepthMax)) {
      std::fill(page.begin() + static_cast<long>(begin), page.begin() + static_cast<long>(end) + 1, ' ');
    } else if (holds) {
      ++open[name], ++depth;
    }
    // What stands in a script is no tag.
    if (name == "script" || name == "style") at = std::min(page.find("</" + name, at), page.size());
  }
  return page;
}

class Reader {
 public:
  explicit Reader(std::size_t size) : size_(size) {}

  void walk(const GumboNode& node, int heading, int depth) {
    if (depth > kNodeDepthMax) return;
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
  const std::string page = made_shallow(html);
  const auto free = [](GumboOutput* output) { gumbo_destroy_output(&kGumboDefaultOptions, output); };
  const std::unique_ptr<GumboOutput, decltype(free)> parsed(
      gumbo_parse_with_options(&kGumboDefaultOptions, page.data(), page.size()), free);
  Reader reader(html.size());
  reader.walk(*parsed->document, 0, 0);
  return reader.take();
}

}  // namespace mnema
